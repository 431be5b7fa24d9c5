"""Where the files and the ledger disagree about what has been applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse._core.commands import repair_command
from poolhouse._core.squashing import incomplete, stand_in, unapplied
from poolhouse.errors import (
    DivergedMigrationsError,
    LateMigrationError,
    MissingMigrationError,
    ModifiedMigrationError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import LedgerRow
    from poolhouse.errors import MigrationError


def drift_of(loaded: LoadedMigrations, rows: Iterable[LedgerRow]) -> list[MigrationError]:
    """Return every disagreement of the files with the rows of the ledger, which are in any order.

    A migration that is half done is judged when it is resumed: its file may have to be mended.
    """
    versioned = [row for row in rows if row.version is not None]
    applied = {row.version or 0 for row in versioned}
    return [*_changed(loaded, versioned), *incomplete(loaded, applied), *_out_of_order(loaded, versioned)]


def _changed(loaded: LoadedMigrations, rows: Sequence[LedgerRow]) -> Iterator[MigrationError]:
    files = {file.version: file for file in loaded.files}
    applied = {row.version for row in rows}
    twins = {file.checksum: file.filename for file in loaded.files if file.version not in applied}
    module, schema = loaded.module, loaded.schema
    for row in rows:
        version = row.version or 0
        file = files.get(version)
        if file is not None and file.checksum != row.checksum and not row.is_open:
            command = repair_command("accept-checksum", module=module, version=version, schema=schema)
            yield ModifiedMigrationError(file.file, module=module, schema=schema, version=version, command=command)
        elif file is None and version < loaded.newest and not stand_in(loaded.files, version):
            yield MissingMigrationError(
                row.name,
                directory=loaded.directory,
                module=module,
                schema=schema,
                version=version,
                twin=twins.get(row.checksum),
            )


def _out_of_order(loaded: LoadedMigrations, rows: Sequence[LedgerRow]) -> Iterator[MigrationError]:
    if loaded.applies_late:
        return
    applied = {row.version or 0 for row in rows}
    reached = max(applied, default=-1)
    # Contract migrations wait for their command while newer ones are applied.
    late = [file for file in unapplied(loaded.files, applied) if file.version < reached]
    late = [file for file in late if not (file.is_contract or file.is_baseline)]
    beyond = [f"version {row.version} ({row.name})" for row in rows if (row.version or 0) > loaded.newest]
    module, schema = loaded.module, loaded.schema
    if late and beyond:
        names = [file.filename for file in late]
        yield DivergedMigrationsError(loaded.directory, module=module, schema=schema, files=names, applied=beyond)
        return
    for file in late:
        yield LateMigrationError(file.file, module=module, schema=schema, version=file.version, applied=reached)

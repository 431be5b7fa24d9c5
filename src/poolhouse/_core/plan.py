"""What is to be done for one module in one schema: the files, against what the database says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.checksum import chain_digest
from poolhouse.errors import (
    DivergedMigrationsError,
    LateMigrationError,
    LedgerError,
    MigrationDirtyError,
    MigrationDriftError,
    MissingMigrationError,
    ModifiedMigrationError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from poolhouse._core.migration_file import LoadedMigrations, MigrationFile
    from poolhouse.errors import MigrationError


class Head(NamedTuple):
    """The latest state of a module in a schema, as the database holds it."""

    version: int
    digest: bytes
    dirty: bool = False


class LedgerRow(NamedTuple):
    """One migration that was applied, as the database holds it."""

    version: int
    name: str
    checksum: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What to apply, in order, on top of `head`; `ahead` are versions that the database has and the files have not."""

    head: Head | None
    pending: tuple[MigrationFile, ...] = ()
    ahead: tuple[int, ...] = ()


def chain(migrations: Iterable[MigrationFile | LedgerRow]) -> tuple[bytes, ...]:
    """Return the digest after each of `migrations`, which are in the order of their versions."""
    digests = accumulate(
        migrations, lambda digest, each: chain_digest(digest, each.version, each.checksum), initial=b""
    )
    return tuple(digests)[1:]


def plan_from_head(loaded: LoadedMigrations, head: Head | None) -> Plan | None:
    """Return the plan when the head alone tells it, or None when the ledger must be read.

    Raises MigrationDirtyError when a migration was left half done.
    """
    if head is None:
        return Plan(None, loaded.files)
    if head.dirty:
        raise MigrationDirtyError(module=loaded.module, schema=loaded.schema, version=head.version)
    digests = chain(loaded.files)
    if head.digest not in digests:
        return None
    return Plan(head, loaded.files[digests.index(head.digest) + 1 :])


def plan_from_ledger(loaded: LoadedMigrations, head: Head | None, rows: Sequence[LedgerRow]) -> Plan:
    """Return the plan by all that is known; `rows` are in the order of their versions, of the same moment as `head`.

    A file that was renamed is the same migration as long as version and content are. Raises LedgerError when head
    and ledger contradict each other, and MigrationDriftError with every disagreement with the files.
    """
    if (head.digest if head else None) != (chain(rows)[-1] if rows else None):
        fact = "poolhouse.head is not what follows from poolhouse.ledger"
        raise LedgerError(fact, module=loaded.module, schema=loaded.schema)
    plan = plan_from_head(loaded, head)
    if plan is not None:
        return plan
    if drift := [*_changed(loaded, rows), *_out_of_order(loaded, rows)]:
        raise MigrationDriftError(drift)
    newest = loaded.files[-1].version
    return Plan(head, ahead=tuple(row.version for row in rows if row.version > newest))


def _changed(loaded: LoadedMigrations, rows: Sequence[LedgerRow]) -> Iterator[MigrationError]:
    files = {file.version: file for file in loaded.files}
    applied = {row.version for row in rows}
    twins = {file.checksum: file.filename for file in loaded.files if file.version not in applied}
    module, schema = loaded.module, loaded.schema
    for version, name, checksum in rows:
        file = files.get(version)
        if file is not None and file.checksum != checksum:
            yield ModifiedMigrationError(file.file, module=module, schema=schema, version=version)
        elif file is None and version < loaded.files[-1].version:
            yield MissingMigrationError(
                name,
                directory=loaded.directory,
                module=module,
                schema=schema,
                version=version,
                twin=twins.get(checksum),
            )


def _out_of_order(loaded: LoadedMigrations, rows: Sequence[LedgerRow]) -> Iterator[MigrationError]:
    applied = {row.version for row in rows}
    late = [file for file in loaded.files if file.version not in applied and file.version < rows[-1].version]
    beyond = [f"version {row.version} ({row.name})" for row in rows if row.version > loaded.files[-1].version]
    module, schema = loaded.module, loaded.schema
    if late and beyond:
        names = [file.filename for file in late]
        yield DivergedMigrationsError(loaded.directory, module=module, schema=schema, files=names, applied=beyond)
        return
    for file in late:
        yield LateMigrationError(
            file.file, module=module, schema=schema, version=file.version, applied=rows[-1].version
        )

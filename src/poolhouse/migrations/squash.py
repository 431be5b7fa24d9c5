"""Putting one migration in the place of several, with the proof that it makes the same."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poolhouse._core.catalogue import compare
from poolhouse._core.listing import some_of
from poolhouse._core.migration_file import VersionedFile
from poolhouse._core.squash_text import refuse_new_labels, squash_text
from poolhouse._core.squashing import covers, stand_in
from poolhouse.errors import MigrationSquashError
from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import translated
from poolhouse.migrations.catalogue import catalogue_of
from poolhouse.migrations.files import read_folder
from poolhouse.migrations.groups import groups_of, refuse_drift
from poolhouse.migrations.planning import plan_all
from poolhouse.migrations.schemas import look
from poolhouse.migrations.writing import write_migration

if TYPE_CHECKING:
    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Plan
    from poolhouse.migrations.migration_set import MigrationSet

_UNLIKE = "it does not make what the migrations make that it replaces"


@dataclass(frozen=True, slots=True)
class Squash:
    """A migration that is proven to make what others make, which are replaced by it; both are files."""

    file: Path
    replaced: tuple[Path, ...]


async def squash(migrations: MigrationSet, *, name: str = "squashed", timeout: float | None = None) -> Squash:
    """Write one migration that stands for all there are, and prove it; the others stay.

    In a new schema it is applied in their place. Where any of them is applied, the others are applied too, and it is
    only recorded. So it can be deployed beside them at any time, and edited by hand until then. Rows that migrations
    write are not compared.

    Raises MigrationSquashError, and what `catalogue_of` raises; no file is left then.
    """
    loaded = migrations.load()
    files = [file for file in loaded.files if stand_in(loaded.files, file.version) is None]
    if len(files) < 2:
        fact = f"there {'is one migration' if files else 'are no migrations'} to squash"
        raise MigrationSquashError(loaded.directory, fact, remedy="It takes two at least")
    path = write_migration(migrations.directory, name, text=squash_text(files, module=loaded.module))
    try:
        return await prove(migrations, timeout=timeout)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


async def prove(migrations: MigrationSet, *, timeout: float | None = None) -> Squash:
    """Compare what the newest migration that replaces others makes in a new schema, with what those make.

    Raises MigrationSquashError with the differences.
    """
    loaded = migrations.load()
    one, others = _newest(loaded)
    refuse_new_labels(one, remedy="Give the type that label where it is created")
    pool, reads = migrations.db.pool, loaded.reads
    # That of the manager is not one of many, and what they read may be in it.
    schema = loaded.schema if migrations.schemas is None else f"poolhouse_squash_{secrets.token_hex(8)}"
    expected = await catalogue_of(others, pool, schema=schema, reads=reads, timeout=timeout)
    actual = await catalogue_of([one], pool, schema=schema, reads=reads, timeout=timeout)
    if differences := compare(expected, actual):
        raise MigrationSquashError(one.file, _UNLIKE, remedy="Mend it, and prove it again", differences=differences)
    return Squash(Path(one.file), tuple(Path(each.file) for each in others))


async def remove_replaced(migrations: MigrationSet, *, timeout: float | None = None) -> Squash:
    """Prove the newest migration that replaces others, and delete the files of those.

    Refused with MigrationSquashError as long as the schema, or any of many, has a part of them only, since it could not
    go on without the rest. Other databases are not asked.
    """
    proven = await prove(migrations, timeout=timeout)
    loaded = migrations.load()
    one, _ = _newest(loaded)
    partly = [schemas for schemas, plan in await _plans(migrations, loaded) if _is_within(one, plan)]
    if partly:
        schemas = tuple(schema for some in partly for schema in some)
        where = f"schema {schemas[0]!r} has" if len(schemas) == 1 else f"{some_of(schemas)} have"
        fact = f"{where} a part of what it replaces only, and needs the files of the rest"
        raise MigrationSquashError(one.file, fact, remedy="Apply what is pending first, here and everywhere else")
    for path in proven.replaced:
        path.unlink()
    return proven


async def _plans(migrations: MigrationSet, loaded: LoadedMigrations) -> list[tuple[tuple[str, ...], Plan]]:
    access = Access(migrations.db.pool)
    if migrations.schemas is None:
        with translated():
            async with access.looking() as connection:
                return [((loaded.schema,), (await plan_all(connection, [loaded], contract=True))[loaded])]
    found = await look(migrations, access, migrations.written(read_folder(migrations.directory)))
    with translated():
        async with access.looking() as connection:
            groups = await groups_of(connection, loaded, found.behind)
    refuse_drift(groups)
    return [(group.schemas, group.plan(contract=True)) for group in groups]


def _is_within(one: VersionedFile, plan: Plan) -> bool:
    return any(isinstance(file, VersionedFile) and covers(one, file.version) for file in plan.pending)


def _newest(loaded: LoadedMigrations) -> tuple[VersionedFile, list[VersionedFile]]:
    """Return the newest migration that replaces others, and these: without those that another of them replaces."""
    for file in reversed(loaded.files):
        if file.directives.replaces:
            within = [each for each in loaded.files if covers(file, each.version)]
            if within:
                return file, [each for each in within if stand_in(within, each.version) is None]
    fact = "no migration replaces others whose files are here"
    raise MigrationSquashError(loaded.directory, fact, remedy="Write one first: poolhouse migrations squash MODULE")

"""Taking a schema that was made by other means as migrated."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import asyncpg

from poolhouse._core.catalogue import compare
from poolhouse._core.dependencies import Dependencies
from poolhouse._core.plan import Applied, Head
from poolhouse.errors import MigrationBaselineError
from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import translated
from poolhouse.migrations.catalogue import catalogue_of, read_catalogue
from poolhouse.migrations.ledger import baseline as baseline_sql
from poolhouse.migrations.ledger import is_stale, read_standings
from poolhouse.migrations.recording import change_ledger
from poolhouse.migrations.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poolhouse._core.catalogue import Difference
    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse.migrations.catalogue.rights import Rights
    from poolhouse.migrations.migration_set import MigrationSet


@dataclass(frozen=True, slots=True)
class BaselineReport:
    """What was recorded: the versions, and in `differences` what was accepted."""

    module: str
    schema: str
    versions: tuple[int, ...]
    differences: tuple[Difference, ...]


async def baseline(
    migrations: MigrationSet,
    *,
    accept_differences: bool = False,
    rights: Rights | None = None,
    timeout: float | None = None,
) -> BaselineReport:
    """Record the migrations of a set as applied to its schema, without running them; their state is `baselined`.

    It is for a schema that was made before it had migrations: `migrations.up_to(7)` where the files after that are
    still to be applied. Repeatable migrations are not recorded; the next start runs them. The schema has to be what
    the migrations make, to which end they are run again as `verify` does, unless `accept_differences`. `rights` are
    what services' roles are to have, as for `verify`; here they may be given already or not. `timeout` limits in
    seconds the waiting for others (`migration_timeout` of the pool's settings by default).

    Raises MigrationBaselineError for a schema that is not there, has migrations, or differs; else what `verify` does.
    """
    pool, loaded = migrations.db.pool, migrations.load()
    access, limit = Access(pool), pool.settings.migration_timeout if timeout is None else timeout
    await _refuse(access, loaded)
    differences = await _differences(migrations, loaded, rights, timeout)
    if differences and not accept_differences:
        fact = f"the schema is not what the migrations up to {loaded.files[-1].filename} make"
        remedy = "Name the last version that it has, or mend it, or, where the migrations can do with it, accept it"
        raise _error(loaded, fact, remedy=remedy, differences=differences)
    await Run(access, Dependencies([]), limit=limit).migrate([])
    applied = Applied().plus(loaded.files)
    sql = baseline_sql(loaded, loaded.files, Head(applied.version, applied.digest))
    if not await change_ledger(access, loaded, sql, is_stale=is_stale(loaded, None), limit=limit):
        raise _error(loaded, "another process has migrated it meanwhile", remedy="Look where it stands now")
    return BaselineReport(loaded.module, loaded.schema, tuple(file.version for file in loaded.files), differences)


async def _refuse(access: Access, loaded: LoadedMigrations) -> None:
    if not loaded.files:
        raise _error(loaded, "there are no versioned migrations to record", remedy="Apply the repeatable ones")
    with translated():
        async with access.looking() as connection:
            try:
                (standing,) = await read_standings(connection, [loaded])
                head, has_schema = standing.head, standing.has_schema
            except asyncpg.UndefinedTableError:
                head, has_schema = (
                    None,
                    await connection.fetchval(
                        "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1::text::name)",
                        loaded.schema,
                    ),
                )
    if head is not None:
        fact = f"it has migrations already, and is at version {head.version}"
        raise _error(loaded, fact, remedy="A baseline is for a schema without: look at its status")
    if not has_schema:
        raise _error(loaded, "there is no such schema", remedy="Apply the migrations, which make it")


async def _differences(
    migrations: MigrationSet, loaded: LoadedMigrations, rights: Rights | None, timeout: float | None
) -> tuple[Difference, ...]:
    """Return how the schema differs from what the files make.

    The repeatable ones may have been run or not, and services' roles may have their rights or not.
    """
    with translated():
        async with migrations.db.pool.lease("poolhouse") as lease:
            actual = await read_catalogue(lease.connection, loaded.schema)
    made = (loaded.files, (*loaded.files, *loaded.repeatables)) if loaded.repeatables else (loaded.files,)
    given = (None,) if rights is None else (None, rights)
    fewest: tuple[Difference, ...] | None = None
    for files, those in product(made, given):
        expected = await catalogue_of(
            files, migrations.db.pool, schema=loaded.schema, reads=loaded.reads, timeout=timeout, rights=those
        )
        found = compare(expected, actual)
        if fewest is None or len(found) < len(fewest):
            fewest = found
        if not fewest:
            break
    return fewest or ()


def _error(
    loaded: LoadedMigrations, fact: str, *, remedy: str, differences: Sequence[Difference] = ()
) -> MigrationBaselineError:
    module, schema = loaded.module, loaded.schema
    return MigrationBaselineError(fact, module=module, schema=schema, remedy=remedy, differences=differences)

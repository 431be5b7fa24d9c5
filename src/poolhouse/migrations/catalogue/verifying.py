"""Comparing a schema with what its migrations make."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from poolhouse._core.catalogue import compare
from poolhouse._core.identifiers import quote_identifier
from poolhouse._core.plan import applied_files
from poolhouse.errors import MigrationLockError, MigrationPrivilegeError, MigrationReplayError, WiringError
from poolhouse.migrations.access import SERVICE, Access
from poolhouse.migrations.blockers import Watch, holders_of
from poolhouse.migrations.bundle import BUSY, STALE, lock_key
from poolhouse.migrations.catalogue.enums import EnumLessons
from poolhouse.migrations.catalogue.reading import read_catalogue
from poolhouse.migrations.catalogue.replaying import RETRIED, ReplayAgainError, render, replayed, rolled_back
from poolhouse.migrations.catalogue.rights import without_needless
from poolhouse.migrations.faults import LOCK_FACTS, who
from poolhouse.migrations.ledger import read_standings
from poolhouse.migrations.planning import plan_all
from poolhouse.pool.faults import DRIVER_ERRORS, translate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from poolhouse._core.catalogue import Catalogue, Difference
    from poolhouse._core.migration_file import LoadedMigrations, MigrationFile
    from poolhouse._core.plan import Plan
    from poolhouse.migrations.catalogue.replaying import ReplayFile
    from poolhouse.migrations.catalogue.rights import Rights
    from poolhouse.migrations.migration_set import MigrationSet
    from poolhouse.pool import SharedPool

_LONGEST_PAUSE = 0.2
_WATCH_INTERVAL = 0.2

_MODULES = "SELECT module FROM poolhouse.head WHERE schema_name = $1"

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What `verify` found: nothing, or in `differences` all that migrations have not made as it is.

    `versions` are module and version of each set, `seconds` how long it took.
    """

    schema: str
    versions: tuple[tuple[str, int], ...]
    differences: tuple[Difference, ...]
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Whether the schema is what its migrations make."""
        return not self.differences

    def __str__(self) -> str:
        at = ", ".join(f"{module} {version}" for module, version in self.versions)
        head = f"schema {self.schema!r} ({at})"
        if self.is_clean:
            return f"{head}: as its migrations make it"
        count = len(self.differences)
        lines = "".join(f"\n  - {difference}" for difference in self.differences)
        return f"{head}: {count} {'difference' if count == 1 else 'differences'}:{lines}"


async def verify(
    migration_set: MigrationSet,
    *others: MigrationSet,
    timeout: float | None = None,
    owners: bool = False,
    grants: bool = True,
    rights: Rights | None = None,
) -> VerifyResult:
    """Compare the schema of a set with what its applied migrations make when they are run again, on empty tables.

    `others` are the further sets of the same schema, in the order in which they are migrated. `owners` and `grants`
    say whether to compare who owns what and who may do what. Files that are pending are left out of it, and so are
    rights on schema `public` itself, which comes with the database. `rights` are expected besides those that the
    migrations themselves give: what services' roles have is what `expected_rights` of `poolhouse.roles` returns.
    A condition on a varchar that went through a dump may be told to differ, since the server then writes it otherwise.

    The replay is one transaction that is always rolled back, so neither a failure nor a cancellation nor a crash leaves
    anything behind, and nobody else sees any of it. It keeps other processes from migrating the schema meanwhile. What
    the migrations lock in other schemas, such as the target of a foreign key, stays locked until the end; for such
    a lock the replay waits half a second, gives way, and begins again. `timeout` limits in seconds this waiting for
    others (`migration_timeout` of the pool's settings by default).

    It takes the rights of a migration, and besides to own the schema. Raises what `migrate` raises before it applies
    anything, MigrationReplayError for migrations that cannot be run again or whose files are not here,
    MigrationLockError, MigrationPrivilegeError, and WiringError when sets do not belong together or one is missing.
    """
    begun = time.monotonic()
    sets = (migration_set, *others)
    _check_together(sets)
    loaded = [each.load() for each in sets]
    comparison = _Comparison(loaded, owners=owners, grants=grants, rights=rights)
    patience = _Patience(migration_set.db.pool, loaded[0].module, loaded[0].schema, timeout=timeout)
    versions, differences = await patience.run(comparison.attempt)
    return VerifyResult(loaded[0].schema, versions, differences, time.monotonic() - begun)


async def catalogue_of(
    files: Sequence[MigrationFile],
    pool: SharedPool,
    *,
    schema: str,
    reads: Collection[str] = (),
    timeout: float | None = None,
    owners: bool = False,
    grants: bool = True,
    rights: Rights | None = None,
) -> Catalogue:
    """Return what `files` make of an empty schema, when they are run in their order.

    The ledger is not asked, and `schema` need not exist; if it does, it is not touched. The rest is as in `verify`.
    """
    rendered, lessons = render(files, schema=schema, reads=reads), EnumLessons()

    async def attempt(connection: asyncpg.Connection[Any]) -> Catalogue:
        async with rolled_back(connection):
            return await replayed(connection, schema, rendered, lessons, owners=owners, grants=grants, rights=rights)

    return await _Patience(pool, None, schema, timeout=timeout).run(attempt)


def _check_together(sets: Sequence[MigrationSet]) -> None:
    first = sets[0]
    for each in sets[1:]:
        if each.db.pool is not first.db.pool or each.db.schema != first.db.schema:
            fact = f"module {each.module!r} does not migrate the same schema as module {first.module!r}"
            raise WiringError(fact, remedy="Verify each schema by a call of its own")
    if len({each.module for each in sets}) < len(sets):
        raise WiringError("a module is given twice", remedy="Give each set of the schema once")


class _InTheWayError(Exception):
    """Another process migrates the schema, or has just done it."""

    def __init__(self, sqlstate: str, blockers: tuple[str, ...] = ()) -> None:
        self.sqlstate = sqlstate
        self.blockers = blockers
        super().__init__(sqlstate)


class _Comparison:
    """Compares one schema with what the applied files of its sets make."""

    def __init__(
        self, loaded: Sequence[LoadedMigrations], *, owners: bool, grants: bool, rights: Rights | None
    ) -> None:
        self._loaded = loaded
        self._schema = loaded[0].schema
        self._lessons = EnumLessons()
        self._read = {"owners": owners, "grants": grants}
        self._rights = rights

    async def attempt(
        self, connection: asyncpg.Connection[Any]
    ) -> tuple[tuple[tuple[str, int], ...], tuple[Difference, ...]]:
        plans = await plan_all(connection, self._loaded)
        versions = tuple((each.module, plan.head.version if plan.head else 0) for each, plan in plans.items())
        if not any(plan.head for plan in plans.values()):
            return versions, ()
        files = [file for each, plan in plans.items() for file in _applied(each, plan)]
        async with rolled_back(connection):
            await self._hold(connection, plans)
            actual = await read_catalogue(connection, self._schema, **self._read)
            expected = await replayed(connection, self._schema, files, self._lessons, rights=self._rights, **self._read)
        return versions, compare(*map(self._comparable, (expected, actual)))

    def _comparable(self, catalogue: Catalogue) -> Catalogue:
        if self._rights is not None:
            catalogue = without_needless(catalogue, self._rights.roles)
        # It came with the database, and so did its rights and its comment.
        if self._schema != "public":
            return catalogue
        return replace(catalogue, entries=tuple(entry for entry in catalogue.entries if entry.kind != "schema"))

    async def _hold(self, connection: asyncpg.Connection[Any], plans: Mapping[LoadedMigrations, Plan]) -> None:
        """Keep others from migrating the schema until the transaction ends, and see that none has meanwhile."""
        for each in self._loaded:
            key = lock_key(each.module, each.schema)
            if not await connection.fetchval("SELECT pg_catalog.pg_try_advisory_xact_lock($1)", key):
                raise _InTheWayError(BUSY, await holders_of(connection, key))
        standings = await read_standings(connection, self._loaded)
        if [standing.head for standing in standings] != [plans[each].head for each in self._loaded]:
            raise _InTheWayError(STALE)
        modules = {row["module"] for row in await connection.fetch(_MODULES, self._schema)}
        if unknown := sorted(modules - {each.module for each in self._loaded}):
            fact = f"schema {self._schema!r} is migrated by module {', '.join(map(repr, unknown))} too"
            raise WiringError(fact, remedy="Give `verify` all the sets of the schema")


def _applied(loaded: LoadedMigrations, plan: Plan) -> list[ReplayFile]:
    """Return what was applied of a set, as it is replayed."""
    if plan.ahead:
        versions = ", ".join(map(str, plan.ahead))
        fact = f"version {versions} was applied, which is not here"
        remedy = "Verify with the files of the release that applied it"
        raise MigrationReplayError(loaded.directory, fact, schema=loaded.schema, remedy=remedy)
    return render(applied_files(loaded, plan.applied), schema=loaded.schema, reads=loaded.reads)


class _Patience:
    """Tries again as long as others are in the way; `module` is whose lock is waited for, None when nobody's is."""

    def __init__(self, pool: SharedPool, module: str | None, schema: str, *, timeout: float | None) -> None:
        self._pool = pool
        self._module = module
        self._schema = schema
        self._limit = pool.settings.migration_timeout if timeout is None else timeout

    async def run(self, attempt: Callable[[asyncpg.Connection[Any]], Awaitable[ResultT]]) -> ResultT:
        begun = time.monotonic()
        while True:
            try:
                return await self._attempt(attempt)
            except ReplayAgainError:
                continue
            except _InTheWayError as refusal:
                waited = time.monotonic() - begun
                if waited >= self._limit:
                    raise self._lock_error(refusal, waited) from None
                # Processes that start together must not come back together.
                pause = _LONGEST_PAUSE * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
                await asyncio.sleep(min(pause, self._limit - waited))

    async def _attempt(self, attempt: Callable[[asyncpg.Connection[Any]], Awaitable[ResultT]]) -> ResultT:
        try:
            async with Access(self._pool).changing() as connection:
                watch = Watch(self._pool, connection.get_server_pid(), interval=_WATCH_INTERVAL)
                try:
                    async with watch:
                        return await attempt(connection)
                except asyncpg.InsufficientPrivilegeError as error:
                    raise await self._denied(error, connection) from None
                except asyncpg.PostgresError as error:
                    if error.sqlstate not in RETRIED:
                        raise
                    raise _InTheWayError(error.sqlstate, watch.seen) from None
        except DRIVER_ERRORS as error:
            raise translate(error, service=SERVICE) or error from None

    async def _denied(
        self, error: asyncpg.PostgresError, connection: asyncpg.Connection[Any]
    ) -> MigrationPrivilegeError:
        role, database = await who(connection)
        to, own = quote_identifier(role), quote_identifier(self._schema)
        grant = f"GRANT CREATE ON DATABASE {quote_identifier(database)} TO {to}; ALTER SCHEMA {own} OWNER TO {to};"
        translated = translate(error)
        fact = translated.fact if translated else type(error).__name__
        return MigrationPrivilegeError(fact, place=f"schema {self._schema!r}", role=role, grant=grant)

    def _lock_error(self, refusal: _InTheWayError, waited: float) -> MigrationLockError:
        return MigrationLockError(
            LOCK_FACTS[refusal.sqlstate],
            module=self._module or "",
            schema=self._schema,
            waited=waited,
            sqlstate=refusal.sqlstate,
            blockers=refusal.blockers,
        )

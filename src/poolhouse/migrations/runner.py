"""Bringing schemas up to date: read, plan, apply, and try again when others were quicker."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from poolhouse.errors import MigrationFilesError, MigrationLockError, WiringError
from poolhouse.migrations.attempt import prepare, send
from poolhouse.migrations.blockers import holders_of
from poolhouse.migrations.bundle import BUSY, lock_key
from poolhouse.migrations.faults import LOCK_FACTS, failure, may_retry
from poolhouse.migrations.files import ledger_migrations
from poolhouse.migrations.planning import plan_all
from poolhouse.migrations.report import MigrationReport, MigrationResult
from poolhouse.pool.faults import DRIVER_ERRORS, translate

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from asyncpg.pool import PoolConnectionProxy

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Plan
    from poolhouse.errors import MigrationError, PoolhouseError
    from poolhouse.migrations.attempt import Attempt, Refusal
    from poolhouse.migrations.migration_set import MigrationSet
    from poolhouse.pool import SharedPool

_log = logging.getLogger("poolhouse.migrations")

_SERVICE = "poolhouse"
_LOCK_TIMEOUT = 3.0  # seconds in which a waiting ALTER TABLE makes the application's queries queue behind it
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5


async def migrate(sets: Sequence[MigrationSet], *, timeout: float | None = None) -> MigrationResult:
    """Bring the schemas of all `sets` up to date, in their order.

    Asks one SELECT when nothing is pending, and needs no right but SELECT on `poolhouse.head` for it. Otherwise each
    schema's pending files are applied together or not at all, at most once however many processes do the same at the
    same moment; a missing schema is created. `timeout` limits in seconds the waiting for others (`migration_timeout`
    of the pool's settings by default), never the running of a migration. Cancellation rolls back the schema under way.

    Nothing at all is applied when a set's files are faulty (MigrationFilesError), or disagree with what was applied
    (MigrationDriftError). A failure later raises another MigrationError, a PoolError or a DatabaseError, and
    leaves the schemas before it migrated. A database ahead of the files is fine, and warned of.
    """
    begun = time.monotonic()
    loaded = _load(sets)
    # Sets of one pool are migrated together; different pools are different databases, or might be.
    by_pool: dict[SharedPool, list[LoadedMigrations]] = {}
    for each, files in zip(sets, loaded, strict=True):
        by_pool.setdefault(each.db.pool, []).append(files)
    reports: dict[LoadedMigrations, MigrationReport] = {}
    for pool, wanted in by_pool.items():
        limit = pool.settings.migration_timeout if timeout is None else timeout
        reports.update(await _Run(pool, limit=limit).migrate(wanted))
    return MigrationResult(tuple(reports[files] for files in loaded), time.monotonic() - begun)


def _load(sets: Iterable[MigrationSet]) -> list[LoadedMigrations]:
    loaded: list[LoadedMigrations] = []
    faults: list[PoolhouseError] = []
    taken: set[tuple[SharedPool, str, str]] = set()
    for each in sets:
        key = (each.db.pool, each.module, each.db.schema)
        if key in taken:
            fact = f"two migration sets have module {each.module!r} and schema {each.db.schema!r}"
            raise WiringError(fact, remedy="Give each set a module of its own")
        taken.add(key)
        try:
            loaded.append(each.load())
        except MigrationFilesError as error:
            faults += error.violations
    if faults:
        raise MigrationFilesError(faults)
    return loaded


class _Run:
    """One call of `migrate` on one pool."""

    def __init__(self, pool: SharedPool, *, limit: float) -> None:
        self._pool = pool
        self._limit = limit
        self._waited = 0.0
        self._applied: list[str] = []

    async def migrate(self, wanted: Sequence[LoadedMigrations]) -> dict[LoadedMigrations, MigrationReport]:
        own = ledger_migrations()
        plans = await self._plan((own, *wanted))
        if plans[own].pending:
            await self._bring_up(own, plans[own])
            plans = await self._plan(wanted)
        return {each: await self._bring_up(each, plans[each]) for each in wanted}

    async def _plan(self, wanted: Sequence[LoadedMigrations]) -> dict[LoadedMigrations, Plan]:
        """Return a plan for each, or refuse with all the drift there is."""
        with _translated():
            async with self._pool.lease(_SERVICE) as lease:
                return await plan_all(lease.connection, wanted)

    async def _bring_up(self, loaded: LoadedMigrations, plan: Plan) -> MigrationReport:
        pauses = _pauses()
        while plan.pending:
            if await self._attempt(loaded, plan):
                return self._note_applied(loaded, plan)
            pause = min(next(pauses), self._limit - self._waited)
            await asyncio.sleep(pause)
            self._waited += pause
            plan = (await self._plan([loaded]))[loaded]
        if plan.ahead:
            _warn_ahead(loaded, plan)
        version = plan.head.version if plan.head else 0
        return MigrationReport(loaded.module, loaded.schema, version, ahead=plan.ahead)

    async def _attempt(self, loaded: LoadedMigrations, plan: Plan) -> bool:
        """Apply what is pending; False when others were in the way and there is time to try again."""
        begun = time.monotonic()
        lock_timeout = min(_LOCK_TIMEOUT, max(self._limit - self._waited, _FIRST_PAUSE))
        attempt = prepare(loaded, plan, lock_timeout=lock_timeout)
        with _translated():
            async with self._pool.lease(_SERVICE) as lease:
                refusal = await send(attempt, lease.connection, self._pool)
                if refusal is None:
                    return True
                self._waited += time.monotonic() - begun
                if self._waited >= self._limit or not may_retry(attempt, refusal):
                    raise await self._final(attempt, refusal, lease.connection)
        others = "; ".join(refusal.blockers) or "another process"
        _log.info("%s: %s is in the way of schema %r; trying again", loaded.module, others, loaded.schema)
        return False

    async def _final(self, attempt: Attempt, refusal: Refusal, connection: PoolConnectionProxy[Any]) -> MigrationError:
        fact = LOCK_FACTS.get(refusal.sqlstate)
        if fact is None or not may_retry(attempt, refusal):
            return await failure(attempt, refusal, connection, applied=tuple(self._applied))
        module, schema = attempt.loaded.module, attempt.loaded.schema
        blockers = refusal.blockers
        if refusal.sqlstate == BUSY:
            blockers = await holders_of(connection, lock_key(module, schema))
        return MigrationLockError(
            fact, module=module, schema=schema, waited=self._waited, sqlstate=refusal.sqlstate, blockers=blockers
        )

    def _note_applied(self, loaded: LoadedMigrations, plan: Plan) -> MigrationReport:
        names = [file.filename for file in plan.pending]
        _log.info("%s: applied %s to schema %r", loaded.module, ", ".join(names), loaded.schema)
        if loaded is not ledger_migrations():
            self._applied += [f"{loaded.module}/{name}" for name in names]
        versions = tuple(file.version for file in plan.pending)
        return MigrationReport(loaded.module, loaded.schema, versions[-1], applied=versions)


@contextmanager
def _translated() -> Generator[None, None, None]:
    try:
        yield
    except DRIVER_ERRORS as error:
        raise translate(error, service=_SERVICE) or error from None


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        # Processes that start together must not come back together.
        yield pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
        pause = min(pause * 2, _LONGEST_PAUSE)


def _warn_ahead(loaded: LoadedMigrations, plan: Plan) -> None:
    versions = ", ".join(map(str, plan.ahead))
    _log.warning(
        "%s: schema %r is ahead of the files in %s by version %s; a newer release has migrated it",
        loaded.module,
        loaded.schema,
        loaded.directory,
        versions,
    )

"""One call of `migrate` on one database."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

from poolhouse._core.identifiers import quote_identifier
from poolhouse.errors import MigrationFilesError, MigrationPendingError
from poolhouse.migrations.bringing_up import BringingUp, Failure, pauses, report_of, translated
from poolhouse.migrations.faults import LOCK_FACTS, failure, lock_error, may_retry, who
from poolhouse.migrations.files import ledger_migrations
from poolhouse.migrations.ledger import note_event
from poolhouse.migrations.planning import plan_all
from poolhouse.migrations.turns import Turns
from poolhouse.settings import MigrationMode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from poolhouse._core.dependencies import Dependencies
    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Plan
    from poolhouse.errors import MigrationError
    from poolhouse.migrations.access import Access, Session
    from poolhouse.migrations.attempt import Attempt, Refusal
    from poolhouse.migrations.ledger import Standing
    from poolhouse.migrations.report import MigrationReport

_AT_ONCE = 4  # sets that are migrated at the same time; more would only queue for the server's disks


class Run:
    """Migrates the sets of one database, those that do not depend on each other at the same time."""

    def __init__(self, access: Access, dependencies: Dependencies, *, limit: float, contract: bool = False) -> None:
        self._access = access
        self._dependencies = dependencies
        self._limit = limit
        self._contract = contract

    async def migrate(
        self, wanted: Sequence[LoadedMigrations], standings: Sequence[Standing] | None = None
    ) -> dict[LoadedMigrations, MigrationReport]:
        """Apply what is pending, and report it; `standings` are where the ledger and `wanted` stood a moment ago."""
        own = ledger_migrations()
        plans = await self.plan((own, *wanted), standings)
        own_plan = plans.pop(own)
        if own_plan.pending:
            await self.bring_up({own: own_plan})
            await self._let_the_application_look()
            plans = await self.plan(wanted)
        if withheld := [*self._dependencies.withheld(plans)]:
            raise MigrationFilesError(withheld)
        return await self.bring_up(plans)

    async def look(
        self, wanted: Sequence[LoadedMigrations], mode: MigrationMode, standings: Sequence[Standing] | None = None
    ) -> dict[LoadedMigrations, MigrationReport]:
        """Report where everything stands, once nothing is pending; MigrationPendingError, at once or at the limit.

        `standings` are where the ledger and `wanted` stood a moment ago.
        """
        begun, pause_of = time.monotonic(), pauses()
        while True:
            plans = await self.plan((ledger_migrations(), *wanted), standings)
            standings = None
            pending = _pending(plans)
            if not pending:
                return {each: report_of(each, plans[each], ()) for each in wanted}
            waited = time.monotonic() - begun
            if mode is MigrationMode.CHECK or waited >= self._limit:
                raise MigrationPendingError(pending, mode=mode, waited=waited if mode is MigrationMode.WAIT else None)
            await asyncio.sleep(min(next(pause_of), self._limit - waited))

    async def plan(
        self, wanted: Sequence[LoadedMigrations], standings: Sequence[Standing] | None = None
    ) -> dict[LoadedMigrations, Plan]:
        """Return a plan for each, or refuse with all the drift there is."""
        with translated():
            async with self._access.looking() as connection:
                return await plan_all(connection, wanted, contract=self._contract, standings=standings)

    async def bring_up(self, plans: Mapping[LoadedMigrations, Plan]) -> dict[LoadedMigrations, MigrationReport]:
        """Do what `plans` say, and report it.

        A failure lets what is under way come to its end, and keeps anything else from beginning; the first in the
        order of `plans` is raised, with what the call applied.
        """
        # One connection stays free for looking who is in the way.
        room = max(1, min(_AT_ONCE, self._access.pool.settings.max_size - 1))
        turns = Turns(self._dependencies, plans, room=room)
        each_of = [
            BringingUp(loaded, plan, self._access, turns, limit=self._limit, contract=self._contract)
            for loaded, plan in plans.items()
        ]
        outcomes = await asyncio.gather(*(_stopping(each, turns) for each in each_of), return_exceptions=True)
        applied = tuple(f"{each.loaded.module}/{file.filename}" for each in each_of for file in each.done)
        reports: dict[LoadedMigrations, MigrationReport] = {}
        for each, outcome in zip(each_of, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                raise outcome
            if isinstance(outcome, Failure):
                raise await self.error(outcome, applied)
            if outcome is not None:
                reports[each.loaded] = outcome
        return reports

    async def resume(self, loaded: LoadedMigrations, plan: Plan) -> MigrationReport:
        """Finish what is half done, whatever its interrupted statement is, and nothing else."""
        turns = Turns(self._dependencies, {loaded: plan}, room=1)
        outcome = await BringingUp(
            loaded, plan.only_unfinished(), self._access, turns, limit=self._limit, forced=True
        ).run()
        if isinstance(outcome, Failure):
            raise await self.error(outcome, ())
        return outcome or report_of(loaded, plan, ())

    async def error(self, failed: Failure, applied: tuple[str, ...]) -> MigrationError:
        """Return our error for what failed for good, after `applied` was applied."""
        attempt, refusal, waited = failed
        fact = LOCK_FACTS.get(refusal.sqlstate)
        with translated():
            async with self._access.changing() as connection:
                if fact is None or not may_retry(attempt, refusal):
                    error = await failure(attempt, refusal, connection, applied=applied)
                    await _note_failure(attempt, refusal, connection, error.fact)
                    return error
                blockers, code = refusal.blockers, refusal.sqlstate
                return await lock_error(connection, attempt.loaded, code, waited=waited, blockers=blockers)

    async def _let_the_application_look(self) -> None:
        """Grant the pool's role what a start with nothing pending needs, where another role has made the ledger."""
        if not self._access.has_own_dsn:
            return
        with translated():
            async with self._access.pool.lease("poolhouse") as lease:
                role, _ = await who(lease.connection)
            async with self._access.changing() as connection:
                to = quote_identifier(role)
                tables = "poolhouse.head, poolhouse.ledger"
                await connection.execute(f"GRANT USAGE ON SCHEMA poolhouse TO {to}; GRANT SELECT ON {tables} TO {to};")


async def _note_failure(attempt: Attempt, refusal: Refusal, connection: Session, fact: str) -> None:
    """Add what went with its transaction to the events, where the role may; what ran by statements is there already."""
    if attempt.is_transactional and refusal.step is not None and not attempt.creates_ledger:
        file = attempt.bundle.files[refusal.step.file]
        with suppress(asyncpg.PostgresError):
            await connection.execute(note_event(attempt.loaded, file, "fail", fact))


async def _stopping(each: BringingUp, turns: Turns) -> MigrationReport | Failure | None:
    try:
        outcome = await each.run()
    except BaseException:
        await turns.stop()
        raise
    if isinstance(outcome, Failure):
        await turns.stop()
    return outcome


def _pending(plans: Mapping[LoadedMigrations, Plan]) -> list[str]:
    return [f"{loaded.module}/{file.filename}" for loaded, plan in plans.items() for file in plan.pending]

"""Bringing one module in one schema up to date, stage by stage."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.migration_file import VersionedFile
from poolhouse._core.stages import Stage, first_stage
from poolhouse.migrations.access import SERVICE
from poolhouse.migrations.attempt import prepare, send
from poolhouse.migrations.faults import SMALLER_HELPS, is_of_any_file, may_retry
from poolhouse.migrations.planning import plan_all
from poolhouse.migrations.report import MigrationReport
from poolhouse.migrations.stepwise import send_stepwise
from poolhouse.pool.faults import DRIVER_ERRORS, translate

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from poolhouse._core.migration_file import LoadedMigrations, MigrationFile
    from poolhouse._core.plan import Plan
    from poolhouse.migrations.access import Access
    from poolhouse.migrations.attempt import Attempt, Refusal
    from poolhouse.migrations.turns import Turns

_log = logging.getLogger("poolhouse.migrations")

_LOCK_TIMEOUT = 3.0  # seconds in which a waiting ALTER TABLE makes the application's queries queue behind it
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5


class Failure(NamedTuple):
    """An attempt that failed for good, after so many seconds of waiting for others."""

    attempt: Attempt
    refusal: Refusal
    waited: float


class BringingUp:
    """Applies what a plan has pending, and plans again where others were in the way or quicker.

    `limit` is for how many seconds it waits for others. What was applied so far is in `done`. When `forced`, it does
    what is half done and nothing else, without asking whether that is right.
    """

    def __init__(
        self,
        loaded: LoadedMigrations,
        plan: Plan,
        access: Access,
        turns: Turns,
        *,
        limit: float,
        contract: bool = False,
        forced: bool = False,
    ) -> None:
        self.loaded = loaded
        self.done: list[MigrationFile] = []
        self._plan = plan
        self._access = access
        self._turns = turns
        self._limit = limit
        self._contract = contract
        self._forced = forced
        self._waited = 0.0
        self._pauses = pauses()
        self._alone = False

    async def run(self) -> MigrationReport | Failure | None:
        """Return what was done, or what failed for good; None when another set failed first."""
        while self._plan.pending:
            stage = self._stage()
            async with self._turns.turn(self.loaded, stage) as is_mine:
                if not is_mine:
                    return None
                begun = time.monotonic()
                attempt, refusal = await self._attempt(stage)
            if refusal is None:
                await self._note_applied(stage)
            elif len(stage.files) > 1 and (refusal.sqlstate in SMALLER_HELPS or is_of_any_file(refusal)):
                self._alone = True
            else:
                self._waited += time.monotonic() - begun
                if self._waited >= self._limit or not may_retry(attempt, refusal):
                    return Failure(attempt, refusal, self._waited)
                await self._pause(refusal)
                await self._replan()
        self._note_end()
        return report_of(self.loaded, self._plan, self.done)

    def _stage(self) -> Stage:
        if self._plan.unfinished:
            return Stage(self._plan.pending[:1])
        return first_stage(self._plan.pending, alone=self._alone)

    async def _attempt(self, stage: Stage) -> tuple[Attempt, Refusal | None]:
        lock_timeout = min(_LOCK_TIMEOUT, max(self._limit - self._waited, _FIRST_PAUSE))
        attempt = prepare(self.loaded, self._plan, stage, lock_timeout=lock_timeout)
        with translated():
            if attempt.is_transactional:
                async with self._access.changing() as connection:
                    return attempt, await send(attempt, connection, self._access.pool)
            return attempt, await send_stepwise(attempt, self._access, forced=self._forced)

    async def _pause(self, refusal: Refusal) -> None:
        others = "; ".join(refusal.blockers) or "another process"
        _log.info("%s: %s is in the way of schema %r; trying again", self.loaded.module, others, self.loaded.schema)
        pause = min(next(self._pauses), self._limit - self._waited)
        await asyncio.sleep(pause)
        self._waited += pause

    async def _replan(self) -> None:
        with translated():
            async with self._access.looking() as connection:
                plans = await plan_all(connection, [self.loaded], contract=self._contract)
        self._plan = plans[self.loaded]
        if self._forced:
            self._plan = self._plan.only_unfinished()
        await self._turns.note(self.loaded, self._plan)

    async def _note_applied(self, stage: Stage) -> None:
        names = ", ".join(file.filename for file in stage.files)
        _log.info("%s: applied %s to schema %r", self.loaded.module, names, self.loaded.schema)
        self._plan = self._plan.after(stage.files)
        self.done += stage.files
        await self._turns.note(self.loaded, self._plan)

    def _note_end(self) -> None:
        module, schema = self.loaded.module, self.loaded.schema
        if self._plan.ahead:
            versions = ", ".join(map(str, self._plan.ahead))
            message = "%s: schema %r is ahead of the files in %s by version %s; a newer release has migrated it"
            _log.warning(message, module, schema, self.loaded.directory, versions)
        if self._plan.held:
            names = ", ".join(file.filename for file in self._plan.held)
            _log.info("%s: %s of phase contract waits for its command in schema %r", module, names, schema)


@contextmanager
def translated() -> Generator[None, None, None]:
    """Raise our error for one of the driver's."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise translate(error, service=SERVICE) or error from None


def pauses() -> Iterator[float]:
    """Yield the seconds to wait before each further try."""
    pause = _FIRST_PAUSE
    while True:
        # Processes that start together must not come back together.
        yield pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
        pause = min(pause * 2, _LONGEST_PAUSE)


def report_of(loaded: LoadedMigrations, plan: Plan, done: Sequence[MigrationFile]) -> MigrationReport:
    """Return the report on a set that stands at `plan`, after `done` was applied."""
    return MigrationReport(
        loaded.module,
        loaded.schema,
        plan.head.version if plan.head else 0,
        applied=tuple(file.version for file in done if isinstance(file, VersionedFile)),
        ahead=plan.ahead,
        repeated=tuple(file.name for file in done if not isinstance(file, VersionedFile)),
        held=tuple(file.version for file in plan.held),
    )

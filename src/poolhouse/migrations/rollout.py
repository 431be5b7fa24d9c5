"""One set of migrations in many schemas: a few transactions for all of them, and a result for each."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import asyncpg

from poolhouse._core.dependencies import Dependencies
from poolhouse._core.stages import first_stage
from poolhouse.errors import MigrationDirtyError, MigrationSchemasError
from poolhouse.migrations.attempt import UNLIMITED, sqlstate_of
from poolhouse.migrations.bringing_up import BringingUp, Failure, pauses, report_of, translated
from poolhouse.migrations.bundle import BUSY, STALE, compose_many, locks_announcement
from poolhouse.migrations.groups import groups_of, refuse_drift
from poolhouse.migrations.planning import sought_by
from poolhouse.migrations.report import MigrationProgress, MigrationReport
from poolhouse.migrations.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from poolhouse._core.migration_file import LoadedMigrations, MigrationFile
    from poolhouse._core.plan import Plan
    from poolhouse.errors import MigrationError
    from poolhouse.migrations.access import Access, Session
    from poolhouse.migrations.ledger import Standing
    from poolhouse.migrations.run import Run

_log = logging.getLogger("poolhouse.migrations")

_AT_ONCE = 4  # transactions at the same time; more would only queue for the server's disks
_LARGEST = 50  # schemas in a transaction: more of them save hardly anything
_FIRST = 5  # schemas in the first one, which tells how many locks a schema takes
_LOCKS = 1_000  # that a transaction may take
_SHARE = 8  # all together leave the other half of the server's locks to everybody else
_TEXT = 2_000_000  # characters of a message
_RECYCLED = 1_000  # schemas that a session may see: the server caches some 9 KiB of catalogue for each
_LOCK_TIMEOUT = 3.0


@dataclass(slots=True, eq=False)
class Batch:
    """Schemas that stand alike; `waited` is for how many seconds others were waited for."""

    plan: Plan
    schemas: list[str]
    waited: float = 0.0
    done: tuple[MigrationFile, ...] = ()


class Rollout:
    """Brings many schemas up to date with the same files, and keeps a result for each.

    A schema that fails keeps no other from it, until more than `failure_limit` have failed.
    """

    def __init__(
        self,
        loaded: LoadedMigrations,
        access: Access,
        run: Run,
        *,
        limit: float,
        contract: bool,
        failure_limit: int,
        progress: Callable[[MigrationProgress], None] | None,
    ) -> None:
        self.reports: dict[str, MigrationReport] = {}
        self.failures: dict[str, MigrationError] = {}
        self._loaded = loaded
        self._access = access
        self._run = run
        self._limit = limit
        self._contract = contract
        self._failure_limit = failure_limit
        self._progress = progress
        self._waiting: deque[Batch] = deque()
        self._seen: Counter[int] = Counter()
        self._size = _FIRST
        self._total = 0
        self._done = 0
        self._is_over = False

    async def plans(self, standings: Mapping[str, Standing]) -> list[Batch]:
        """Return what is to be done, schemas that stand alike together; MigrationDriftError with what there is."""
        with translated():
            async with self._access.looking() as connection:
                groups = await groups_of(connection, self._loaded, standings)
        refuse_drift(groups)
        return [Batch(group.plan(contract=self._contract), [*group.schemas]) for group in groups]

    async def apply(self, batches: Sequence[Batch]) -> None:
        """Do all of it, the first schema of each batch by itself before the others; MigrationSchemasError after all."""
        pending = [batch for batch in batches if batch.plan.pending]
        self._total = sum(len(batch.schemas) for batch in pending)
        for batch in batches:
            if not batch.plan.pending:
                self._note_done(batch)
        self._warn_of_newer([batch for batch in batches if not batch.plan.pending and batch.plan.ahead])
        is_fit = True
        for batch in pending:
            if is_fit and self._may_go_on():
                # A file that fails everywhere is to fail once.
                is_fit = await self._one(batch.schemas[0], batch)
                batch.schemas = batch.schemas[1:]
        if is_fit:
            self._waiting.extend(batch for batch in pending if batch.schemas)
            await self._all()
        if self.failures:
            untried = self._total - self._done - len(self.failures)
            raise MigrationSchemasError(self._loaded.module, self.failures, untried=untried, total=self._total)

    def _may_go_on(self) -> bool:
        return not self._is_over and len(self.failures) <= self._failure_limit

    async def _all(self) -> None:
        room = max(1, min(_AT_ONCE, self._access.pool.settings.max_size - 1))
        workers = [asyncio.create_task(self._work(), name=f"poolhouse: migrating {number}") for number in range(room)]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            # What is under way ends before an error is raised: cancelled, it might be half done.
            self._is_over = True
            await asyncio.wait(workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.wait(workers)
        # All are asked, for an error that nobody has asked for goes to the log.
        errors = [worker.exception() for worker in workers if not worker.cancelled()]
        for error in filter(None, errors):
            raise error

    async def _work(self) -> None:
        while self._waiting and self._may_go_on():
            batch = self._waiting[0]
            size = self._fitting(batch)
            taken = Batch(batch.plan, batch.schemas[:size], batch.waited, batch.done)
            batch.schemas = batch.schemas[size:]
            if not batch.schemas:
                self._waiting.popleft()
            await self._bring_up(taken)

    def _fitting(self, batch: Batch) -> int:
        length = sum(len(file.text) for file in batch.plan.pending)
        return max(1, min(self._size, _TEXT // max(length, 1)))

    async def _bring_up(self, batch: Batch) -> None:
        pause_of = pauses()
        while batch.plan.pending:
            stage = first_stage(batch.plan.pending)
            if len(batch.schemas) == 1 or batch.plan.unfinished or not stage.is_transactional:
                for schema in batch.schemas:
                    if self._may_go_on():
                        await self._one(schema, batch)
                return
            code = await self._send(batch, stage.files)
            if code is None:
                batch.plan = batch.plan.after(stage.files)
                batch.done += stage.files
            elif code in {BUSY, STALE} and batch.waited < self._limit:
                pause = min(next(pause_of), self._limit - batch.waited)
                await asyncio.sleep(pause)
                await self._again(batch, batch.waited + pause)
                return
            else:
                half = len(batch.schemas) // 2
                for schemas in (batch.schemas[:half], batch.schemas[half:]):
                    await self._bring_up(Batch(batch.plan, schemas, batch.waited, batch.done))
                return
        self._note_done(batch)

    async def _again(self, batch: Batch, waited: float) -> None:
        """Plan a batch anew which another process has had in hand meanwhile."""
        with translated():
            async with self._access.looking() as connection:
                _, standings = await sought_by(connection, self._loaded.module, batch.schemas)
        for each in await self.plans(standings):
            each.waited, each.done = waited, batch.done
            await self._bring_up(each)

    async def _one(self, schema: str, batch: Batch) -> bool:
        """Bring up a single schema; False where that failed, and may fail in others just so."""
        loaded = replace(self._loaded, schema=schema)
        turns = Turns(Dependencies([loaded]), {loaded: batch.plan}, room=1)
        limit = max(self._limit - batch.waited, 0.0)
        bringing = BringingUp(loaded, batch.plan, self._access, turns, limit=limit, contract=self._contract)
        try:
            outcome = await bringing.run()
        except MigrationDirtyError as error:
            # Somebody's end has left that, which says nothing about the files.
            self.failures[schema] = error
            self._note_progress()
            return True
        if isinstance(outcome, Failure):
            self.failures[schema] = await self._run.error(outcome, ())
            self._note_progress()
            return False
        done = replace(batch.plan, pending=())
        report = outcome or report_of(loaded, done, ())
        before = report_of(loaded, done, batch.done)
        applied, repeated = (*before.applied, *report.applied), (*before.repeated, *report.repeated)
        self.reports[schema] = replace(report, applied=applied, repeated=repeated)
        self._done += 1
        self._note_progress(self.reports[schema])
        return True

    async def _send(self, batch: Batch, files: Sequence[MigrationFile]) -> str | None:
        """Apply files to all schemas of a batch and return None, or return the server's code where that failed."""
        token = secrets.token_hex(8)
        sql = compose_many(
            self._loaded, batch.plan, files, batch.schemas, token=token, lock_timeout=min(_LOCK_TIMEOUT, self._limit)
        )
        start = locks_announcement(token)

        def listen(_: Any, message: asyncpg.PostgresLogMessage) -> None:
            said = getattr(message, "message", None) or ""
            if said.startswith(start):
                self._note_locks(len(batch.schemas), *map(int, said.removeprefix(start).split(":")))

        with translated():
            async with self._access.changing() as connection:
                connection.add_log_listener(listen)
                try:
                    await connection.execute(sql, timeout=UNLIMITED)
                except asyncpg.PostgresError as error:
                    return sqlstate_of(error)
                finally:
                    with suppress(asyncpg.InterfaceError):
                        connection.remove_log_listener(listen)
                    await self._recycle(connection, len(batch.schemas))
        return None

    def _note_locks(self, schemas: int, locks: int, of_all: int) -> None:
        most = min(_LOCKS, of_all // _SHARE)
        self._size = max(1, min(_LARGEST, most * schemas // max(locks, 1)))

    async def _recycle(self, connection: Session, schemas: int) -> None:
        pid = connection.get_server_pid()
        self._seen[pid] += schemas
        if self._seen[pid] >= _RECYCLED:
            del self._seen[pid]
            await connection.close()

    def _note_done(self, batch: Batch) -> None:
        reports = {
            schema: report_of(replace(self._loaded, schema=schema), batch.plan, batch.done) for schema in batch.schemas
        }
        self.reports |= reports
        if batch.done or batch.waited:
            self._done += len(reports)
            self._note_progress(*reports.values())

    def _warn_of_newer(self, batches: Sequence[Batch]) -> None:
        if batches:
            count = sum(len(batch.schemas) for batch in batches)
            versions = ", ".join(map(str, sorted({version for batch in batches for version in batch.plan.ahead})))
            message = "%s: %d schemas are ahead of the files in %s by version %s; a newer release has migrated them"
            _log.warning(message, self._loaded.module, count, self._loaded.directory, versions)

    def _note_progress(self, *reports: MigrationReport) -> None:
        progress = MigrationProgress(self._loaded.module, self._done, len(self.failures), self._total, reports)
        if self._progress is not None:
            self._progress(progress)
        else:
            _log.info("%s", progress)

"""Applying a file outside of transactions: one statement per message, and a record of how far it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg

from poolhouse._core.literal import literal
from poolhouse._core.migration_file import VersionedFile
from poolhouse._core.statement_kind import StatementKind, kind_of
from poolhouse.errors import ConnectionLostError, MigrationPoolerError
from poolhouse.migrations.attempt import UNLIMITED, Refusal, position_of, sqlstate_of
from poolhouse.migrations.blockers import Watch
from poolhouse.migrations.bundle import (
    BUSY,
    INVALID_INDEX,
    POOLED,
    RECORDING,
    STALE,
    Step,
    block,
    create_schema,
    lock_key,
    milliseconds,
    optional_settings,
    search_path,
)
from poolhouse.migrations.dirty import interrupted
from poolhouse.migrations.indexes import clear_the_way, has_left_invalid, has_taken_effect
from poolhouse.migrations.ledger import begin, fail, finish, is_stale, record_step
from poolhouse.pool.faults import translate

if TYPE_CHECKING:
    from poolhouse.migrations.access import Access
    from poolhouse.migrations.attempt import Attempt

_DUPLICATE = "42P07"
_CONNECTION_CHECK = "2s"
_LOOK_AROUND = 30.0  # seconds between two looks at who is in the way, where no lock_timeout says how long that may be


async def send_stepwise(attempt: Attempt, access: Access, *, forced: bool = False) -> Refusal | None:
    """Apply the one file of `attempt` and return None, or return why it stopped, which the ledger then says too.

    A file that was begun goes on where it stopped. Raises MigrationDirtyError where nobody can know whether that is
    right, unless `forced`, and MigrationPoolerError where there is no session to hold a lock.
    """
    async with access.alone() as connection:
        return await _Stepwise(attempt, connection, access).run(forced=forced)


class _Stepwise:
    def __init__(self, attempt: Attempt, connection: asyncpg.Connection[Any], access: Access) -> None:
        (file,) = attempt.bundle.files
        assert isinstance(file, VersionedFile)  # noqa: S101 - repeatable files are refused this directive
        self._file = file
        self._attempt = attempt
        self._loaded = attempt.loaded
        self._plan = attempt.plan
        self._connection = connection
        self._access = access
        stretches = attempt.bundle.stretches
        self._statements = [attempt.bundle.sql[each.start : each.end] for each in stretches]
        self._kinds = [kind_of(statement) for statement in self._statements]

    async def run(self, *, forced: bool) -> Refusal | None:
        await self._refuse_a_pooler()
        await self._execute(self._session())
        # The lock of transactional bundles, held by the session. Trying again is the caller's, who holds no snapshot
        # meanwhile: a session that waits in pg_advisory_lock() would be waited for by CREATE INDEX CONCURRENTLY.
        key = lock_key(self._loaded.module, self._loaded.schema)
        if not await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
            return Refusal(BUSY)
        refusal = await self._begin(forced=forced)
        if refusal is not None:
            return refusal
        unfinished = self._plan.unfinished
        first = unfinished.row.steps_done if unfinished else 0
        await self._restore_session(first)
        for number in range(first, len(self._statements)):
            refusal = await self._step(number)
            if refusal is not None:
                return refusal
        await self._execute(finish(self._loaded, self._plan, self._file, repair="resume" if forced else None))
        return None

    async def _refuse_a_pooler(self) -> None:
        # Before anything that would stay in a session which the pooler lends to others.
        pid = self._connection.get_server_pid()
        check = f"IF pg_catalog.pg_backend_pid() <> {pid} THEN RAISE EXCEPTION USING ERRCODE = '{POOLED}'; END IF;"
        try:
            await self._execute(block(check))
        except asyncpg.PostgresError as error:
            if error.sqlstate != POOLED:
                raise
            address, is_own = self._access.address, self._access.has_own_dsn
            raise MigrationPoolerError(self._file.file, address=address, is_migration_dsn=is_own) from None

    def _session(self) -> str:
        said = self._file.directives
        settings = {
            "search_path": search_path(self._loaded.schema),
            "lock_timeout": milliseconds(said.lock_timeout or 0.0),
            "statement_timeout": milliseconds(said.statement_timeout or 0.0),
            "default_transaction_isolation": "read committed",
            "idle_session_timeout": "0",
        }
        calls = ", ".join(f"pg_catalog.set_config('{name}', {literal(settings[name])}, false)" for name in settings)
        return block(f"PERFORM {calls};", *optional_settings(_CONNECTION_CHECK, is_local=False))

    async def _begin(self, *, forced: bool) -> Refusal | None:
        begun = self._plan.unfinished.row if self._plan.unfinished else None
        has_moved_on = is_stale(self._loaded, self._plan.head, begun)
        stale = f"IF {has_moved_on} THEN RAISE EXCEPTION USING ERRCODE = '{STALE}'; END IF;"
        schema = [] if self._plan.head else [create_schema(self._loaded.schema)]
        step = None
        try:
            await self._execute(block(stale, *schema))
            # Only now it is certain that nobody else is at it.
            if self._plan.unfinished and not forced:
                dirty = interrupted(self._attempt, self._plan.unfinished, self._kinds)
                if dirty is not None:
                    raise dirty
            step = Step(0, RECORDING)
            await self._execute(begin(self._loaded, self._plan, self._file, steps=len(self._statements)))
        except asyncpg.PostgresError as error:
            return Refusal(sqlstate_of(error), error, step)
        return None

    async def _restore_session(self, first: int) -> None:
        for statement, kind in zip(self._statements[:first], self._kinds[:first], strict=True):
            if kind is StatementKind.SESSION:
                await self._execute(statement)

    async def _step(self, number: int) -> Refusal | None:
        interval = self._attempt.lock_timeout / 2 or _LOOK_AROUND
        watch = Watch(self._access.pool, self._connection.get_server_pid(), interval=interval)
        try:
            async with watch:
                is_valid = await self._run_statement(number)
        except asyncpg.PostgresError as error:
            sqlstate_of(error)
            return await self._stop(number, error, watch.seen)
        return None if is_valid else await self._stop(number, None, ())

    async def _run_statement(self, number: int) -> bool:
        """Run and record a statement; False when the server was content, and left an index that is not valid."""
        connection, statement = self._connection, self._statements[number]
        done = record_step(self._loaded, self._file, number + 1)
        if self._kinds[number] is StatementKind.ATOMIC:
            # One implicit transaction: after a crash, the ledger is right about it.
            await self._execute(f"{statement};\n{done}")
            return True
        row = self._plan.unfinished.row if self._plan.unfinished else None
        is_resumed = row is not None and row.steps_done == number
        was_interrupted = is_resumed and row is not None and row.state == "running"
        if not was_interrupted or not await has_taken_effect(connection, statement):
            await clear_the_way(connection, statement, is_resumed=is_resumed)
            await self._execute(statement)
        if await has_left_invalid(connection, statement):
            return False
        await self._execute(done)
        return True

    async def _stop(self, number: int, error: asyncpg.PostgresError | None, blockers: tuple[str, ...]) -> Refusal:
        """Record the failure of a statement, after taking away what it left."""
        kind, statement = self._kinds[number], self._statements[number]
        sqlstate = INVALID_INDEX if error is None else error.sqlstate or ""
        is_clean = kind is not StatementKind.UNKNOWN
        if sqlstate != _DUPLICATE:
            is_clean = is_clean and await self._is_cleared(statement)
        done = any(each is not StatementKind.SESSION for each in self._kinds[:number])
        half_done = done or not is_clean
        translated = None if error is None else translate(error)
        fact = translated.fact if translated else "it left an index that is not on its table, or not valid"
        await self._execute(fail(self._loaded, self._plan, self._file, error=fact, half_done=half_done))
        stretch = self._attempt.bundle.stretches[number]
        position = None if error is None else position_of(error)
        return Refusal(
            sqlstate,
            error,
            stretch.step,
            None if position is None else stretch.start + position,
            blockers,
            fact,
            half_done=half_done,
            goes_on=kind is not StatementKind.UNKNOWN,
        )

    async def _is_cleared(self, statement: str) -> bool:
        try:
            await clear_the_way(self._connection, statement, is_resumed=True)
        except asyncpg.PostgresError as error:
            if isinstance(translate(error), ConnectionLostError):
                raise
            return False
        return True

    async def _execute(self, sql: str) -> None:
        await self._connection.execute(sql, timeout=UNLIMITED)

"""What a use has in the place of a connection: the words of the driver's, on a connection that all uses share."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from poolhouse._core.savepoints import sets_for_transaction, why_refused
from poolhouse._core.template import compile_template
from poolhouse.errors import SqlSyntaxError, TemplateError
from poolhouse.pool.neighbours import place_outside
from poolhouse.testing.rollback.savepoint import Savepoint, enter, inside_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from poolhouse._core.session_effects import SessionEffect
    from poolhouse.testing.rollback.rolled_back import RolledBack

T = TypeVar("T")

# What poolhouse.schema says for a transaction within a transaction.
_NESTED = "SAVEPOINT poolhouse"
_RELEASED = "RELEASE SAVEPOINT poolhouse"
_UNDONE = "ROLLBACK TO SAVEPOINT poolhouse"


class SavepointConnection:
    """One service's use of the connection of a test that is rolled back, as if it were a connection of its own.

    It has what poolhouse needs of asyncpg's connections. `savepoint` is the transaction that is open on it.
    """

    def __init__(self, stage: RolledBack, service: str) -> None:
        self._stage = stage
        self.service = service
        self.savepoint: Savepoint | None = None
        self._is_cut = False
        self._sets = False

    # Statements

    def admit(self, statement: str, effect: SessionEffect) -> None:
        """Raise UsageError for what cannot be had; `effect` is what it does to a session."""
        reason = why_refused(statement, effect)
        if reason is not None:
            raise self._stage.refusal(reason, self.service)
        outer = self.savepoint.within if self.savepoint is not None else inside_of(self._stage.turns)
        self._sets = sets_for_transaction(statement)
        if self._sets and outer is not None:
            fact = f"settings cannot be changed inside of a transaction of service {outer.service!r}"
            raise self._stage.refusal(fact, self.service)
        if self._sets and self.savepoint is not None:
            self.savepoint.has_settings = True
        if outer is not None:
            self._admit_reads(statement, outer)

    def _admit_reads(self, statement: str, outer: Savepoint) -> None:
        try:
            read = {each.schema for each in compile_template(statement).placeholders}
        except (TemplateError, SqlSyntaxError):
            # Whoever renders it says so.
            return
        for each in outer.around():
            if each.service in read:
                fact = (
                    f"it cannot read tables of service {each.service!r} inside of that one's transaction (opened at "
                    f"{each.opened_at}), where it would see what is not committed"
                )
                raise self._stage.refusal(fact, self.service)

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """Run statements; what begins and ends a transaction begins and ends a savepoint."""
        self._refuse_closed()
        if self.savepoint is None:
            if query.startswith("BEGIN"):
                return await self._begin(query)
        elif query in {"COMMIT", "ROLLBACK"}:
            return await self._end(self.savepoint, is_well=query == "COMMIT")
        elif not args:
            self._note_nested(self.savepoint, query)
        return await self._run(partial(self._driver.execute, query, *args), timeout)

    async def _begin(self, message: str) -> str:
        async with self._stage.turn(self, self._deadline(None)) as outer:
            place, readonly = place_outside(), "READ ONLY" in message
            savepoint = await self._stage.open(self.service, outer, place=place, readonly=readonly)
            self._stage.turns.push(savepoint)
        self.savepoint = savepoint
        enter(savepoint)
        return "BEGIN"

    async def _end(self, savepoint: Savepoint, *, is_well: bool) -> str:
        async with self._stage.turn(self, self._deadline(None)):
            try:
                await (self._stage.close(savepoint) if is_well else self._stage.undo(savepoint, is_in_doubt=True))
            finally:
                self.savepoint = None
                self._stage.turns.pop(savepoint)
        return "COMMIT" if is_well else "ROLLBACK"

    def _note_nested(self, savepoint: Savepoint, query: str) -> None:
        if query == _NESTED:
            savepoint.nested.append(len(savepoint.kept))
        elif query == _RELEASED:
            savepoint.nested.pop()
        elif query.startswith(_UNDONE):
            self._stage.note_undone(savepoint, since=savepoint.nested.pop())

    async def _run(self, step: Callable[..., Awaitable[T]], timeout: float | None, *, is_stream: bool = False) -> T:
        """Run one operation in its turn, in a savepoint of its own unless a transaction is open."""
        deadline = None if timeout is None else time.monotonic() + timeout
        sets, self._sets = self._sets, False
        async with self._stage.turn(self, self._deadline(deadline)) as outer:
            if self.savepoint is not None:
                return await self._step(step, deadline, is_stream=is_stream)
            try:
                return await self._alone(step, outer, deadline, is_stream=is_stream, sets=sets)
            except asyncpg.InvalidCachedStatementError:
                # The driver has forgotten the statement, and would run it again by itself outside of a transaction.
                return await self._alone(step, outer, deadline, is_stream=is_stream, sets=sets)

    async def _alone(
        self,
        step: Callable[..., Awaitable[T]],
        outer: Savepoint | None,
        deadline: float | None,
        *,
        is_stream: bool,
        sets: bool,
    ) -> T:
        savepoint = await self._stage.open(self.service, outer)
        savepoint.has_settings = sets
        try:
            result = await self._step(step, deadline, is_stream=is_stream)
        except BaseException as error:
            if not self.is_closed():
                is_known = isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError)
                await self._stage.undo(savepoint, is_in_doubt=not is_known)
            raise
        await self._stage.close(savepoint)
        return result

    async def _step(self, step: Callable[..., Awaitable[T]], deadline: float | None, *, is_stream: bool) -> T:
        try:
            return await step(timeout=None if deadline is None else max(deadline - time.monotonic(), 0.001))
        except BaseException as error:
            if is_stream and getattr(error, "severity", None) is None:
                # asyncpg 0.32 waits for ever for the end of a COPY that was cancelled when the server was through.
                self._stage.connection.terminate()
            raise

    def _deadline(self, deadline: float | None) -> float:
        patience = time.monotonic() + self._stage.patience
        return patience if deadline is None else min(patience, deadline)

    def _refuse_closed(self) -> None:
        if self.is_closed():
            # In the driver's words, which are understood where its errors are.
            raise asyncpg.InterfaceError("connection is closed")

    @property
    def _driver(self) -> asyncpg.Connection[Any]:
        self._refuse_closed()
        return self._stage.connection

    # The other words of the driver

    async def executemany(self, command: str, args: Any, *, timeout: float | None = None) -> None:
        """Run a statement once for each sequence of arguments."""
        await self._run(partial(self._driver.executemany, command, args), timeout)

    async def fetch(self, query: str, *args: Any, timeout: float | None = None) -> Any:
        """Return all rows."""
        return await self._run(partial(self._driver.fetch, query, *args), timeout)

    async def fetchrow(self, query: str, *args: Any, timeout: float | None = None) -> Any:
        """Return the first row."""
        return await self._run(partial(self._driver.fetchrow, query, *args), timeout)

    async def fetchval(self, query: str, *args: Any, column: int = 0, timeout: float | None = None) -> Any:
        """Return a column of the first row."""
        return await self._run(partial(self._driver.fetchval, query, *args, column=column), timeout)

    async def fetchmany(self, query: str, args: Any, *, timeout: float | None = None) -> Any:
        """Return the rows of all sequences of arguments."""
        return await self._run(partial(self._driver.fetchmany, query, args), timeout)

    async def copy_records_to_table(self, table_name: str, *, timeout: float | None = None, **options: Any) -> str:
        """Copy records into a table."""
        return await self._run(partial(self._driver.copy_records_to_table, table_name, **options), timeout)

    async def copy_to_table(self, table_name: str, *, timeout: float | None = None, **options: Any) -> str:
        """Copy a file's content into a table."""
        return await self._run(partial(self._driver.copy_to_table, table_name, **options), timeout)

    async def copy_from_table(self, table_name: str, *, timeout: float | None = None, **options: Any) -> str:
        """Copy a table into a file."""
        step = partial(self._driver.copy_from_table, table_name, **options)
        return await self._run(step, timeout, is_stream=True)

    async def copy_from_query(self, query: str, *args: Any, timeout: float | None = None, **options: Any) -> str:
        """Copy the rows of a query into a file."""
        step = partial(self._driver.copy_from_query, query, *args, **options)
        return await self._run(step, timeout, is_stream=True)

    def cursor(self, query: str, *args: Any, **options: Any) -> Any:
        """Return a cursor in the open transaction."""
        return self._driver.cursor(query, *args, **options)

    async def add_listener(self, channel: str, _callback: Any) -> None:
        """Refuse: what is sent in a transaction that is rolled back never arrives."""
        raise self._stage.refusal(f"nothing arrives, so nobody can listen, here on {channel!r}", self.service)

    async def remove_listener(self, channel: str, callback: Any) -> None:
        """Do nothing: nobody listens."""

    def add_termination_listener(self, callback: Any) -> None:
        """Do nothing: whoever uses the connection next is told."""

    def remove_termination_listener(self, callback: Any) -> None:
        """Do nothing: none was added."""

    def is_in_transaction(self) -> bool:
        """Return whether a transaction is open on it."""
        return self.savepoint is not None

    def is_closed(self) -> bool:
        """Return whether nothing can be sent."""
        return self._is_cut or self._stage.is_over or self._stage.connection.is_closed()

    def terminate(self) -> None:
        """Let nothing be sent any more by this use; the connection is everybody's."""
        self._is_cut = True

"""One operation's connection: leased for it, or that of the transaction it joins."""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from poolhouse._core.session_effects import SessionEffect
from poolhouse.errors import DataError, UsageError
from poolhouse.pool.faults import DRIVER_ERRORS, aborts_transaction, translate
from poolhouse.pool.use import over
from poolhouse.schema.caller import CallerCode

if TYPE_CHECKING:
    import asyncpg

    from poolhouse.errors import PoolhouseError
    from poolhouse.pool import SharedPool, Use
    from poolhouse.pool.lease import Gate
    from poolhouse.schema.statements import Statement


@dataclass(slots=True, eq=False)
class OpenTransaction:
    """A transaction that a task has open for a service: what the task's queries for that service join."""

    pool: SharedPool
    service: str
    task: asyncio.Task[Any] | None
    use: Use
    outer: OpenTransaction | None
    is_left: bool = False


innermost: ContextVar[OpenTransaction | None] = ContextVar("poolhouse_transaction", default=None)


def joined_use(pool: SharedPool, service: str) -> Use | None:
    """Return the connection of the transaction that the running task has open on `pool` for `service`.

    A task that was started inside a transaction does not find it, although it inherits the context: two
    tasks cannot use one connection at the same time.
    """
    transaction = innermost.get()
    while transaction is not None:
        is_open = not transaction.is_left and transaction.pool is pool and transaction.service == service
        if is_open and transaction.task is asyncio.current_task():
            return transaction.use
        transaction = transaction.outer
    return None


def enter_transaction(pool: SharedPool, service: str, use: Use) -> OpenTransaction:
    """Make a transaction the innermost one of the running task."""
    transaction = OpenTransaction(pool, service, asyncio.current_task(), use, innermost.get())
    innermost.set(transaction)
    return transaction


def leave_transaction(transaction: OpenTransaction) -> None:
    """Make the innermost transaction that is still open the one that counts."""
    # Not ContextVar.reset(): a fixture may be entered in one context and left in another, and an exit
    # stack of transactions of two schemas need not be left in the reverse order.
    transaction.is_left = True
    last = innermost.get()
    while last is not None and last.is_left:
        last = last.outer
    innermost.set(last)


class Session:
    """The context of one operation: has a connection, counts its time, translates what the driver raises.

    Uses the connection `held` when there is one, and leases one for its own time otherwise. `bulk` says that the
    operation sends rows while it goes on, so that even a row refused by the driver leaves others behind, and
    `stream` that it receives them so. Without `is_whole` it goes on with a statement that was counted before.
    """

    __slots__ = (
        "_bulk",
        "_deadline",
        "_held",
        "_is_whole",
        "_leased",
        "_pool",
        "_service",
        "_since",
        "_statement",
        "_stream",
        "_timeout",
        "caller",
    )

    def __init__(
        self,
        pool: SharedPool,
        service: str,
        *,
        held: Use | None,
        timeout: float | None,
        statement: Statement | None = None,
        bulk: bool = False,
        stream: bool = False,
        is_whole: bool = True,
    ) -> None:
        self._is_whole = is_whole
        self._pool = pool
        self._service = service
        self._held = held
        self._timeout = timeout
        self._statement = statement
        self._bulk = bulk
        self._stream = stream
        self._deadline: float | None = None
        self._leased: Use | None = None
        self._since = 0.0
        self.caller = CallerCode()

    async def __aenter__(self) -> Self:
        if self._timeout is not None:
            self._deadline = time.monotonic() + self._timeout
        if self._held is None:
            self._held = self._leased = await self._pool.acquire(self._service, timeout=self._timeout)
        elif self._held.is_over:
            raise over(self._held.service)
        if self._statement is not None:
            if self._held.lease.gate is not None:
                await self._admit(self._held.lease.gate, self._statement)
            self._held.lease.statement = self._statement.text
            self._held.lease.soil(self._statement.effect)
        self._since = time.monotonic()
        return self

    async def _admit(self, gate: Gate, statement: Statement) -> None:
        try:
            gate.admit(statement.text, statement.effect)
        except UsageError:
            if self._leased is not None:
                await self._pool.release(self._leased)
            raise

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        failure = self._failure(error)
        if self._held is not None and not self._held.is_over:
            if error is not None:
                self._note(error, self._held)
            if self._statement is not None:
                seconds = time.monotonic() - self._since
                self._held.leases.note_statement(
                    self._service, self._statement.text, seconds, error=failure or error, is_whole=self._is_whole
                )
        if self._leased is not None:
            # A server that is too slow for the statement is not waited for again.
            await self._pool.release(self._leased, wait=not isinstance(error, TimeoutError))
        if failure is not None:
            # `from None`, and not chained: the driver's text can hold the query's arguments.
            raise failure from None

    def _failure(self, error: BaseException | None) -> BaseException | None:
        """Return what is raised in place of `error`, or None where nothing is."""
        if error is None or error is self.caller.raised:
            return None
        if isinstance(error, DRIVER_ERRORS):
            return self._translate(error) or error
        if self._bulk and isinstance(error, TypeError | ValueError | OverflowError):
            fact = "a value does not fit the type of its column"
            return DataError(fact, service=self._service, remedy="Compare the records with the table")
        return None

    def _translate(self, error: BaseException) -> PoolhouseError | None:
        statement = self._statement
        if statement is None:
            # Rows that are copied are parameters of no statement's text.
            return translate(error, service=self._service, sql="" if self._bulk else None)
        return translate(
            error, service=self._service, sql=statement.sql, schema=statement.schema, reads=statement.reads
        )

    def _note(self, error: BaseException, use: Use) -> None:
        is_of_server = getattr(error, "severity", None) is not None
        if self._bulk or aborts_transaction(error):
            use.failed = True
        if self._bulk and not is_of_server:
            use.lease.soil(SessionEffect.DIRTY)
        use.lease.note(error)
        if self._stream and not is_of_server:
            # asyncpg 0.32 cancels a COPY whose output failed even when the server is through with it, and then
            # waits for an answer that never comes.
            use.lease.connection.terminate()

    @property
    def connection(self) -> asyncpg.Connection[Any]:
        """The connection, between entry and exit."""
        assert self._held is not None, "a session is used inside its block only"  # noqa: S101 - a fault of this package alone
        return self._held.lease.connection

    def limit(self) -> asyncio.Timeout:
        """Return what ends the operation at its time limit, for where the driver does more than it sees a limit for."""
        return asyncio.timeout(self.remaining())

    def remaining(self) -> float | None:
        """Return the seconds left of the operation's time limit, None when it has none."""
        return None if self._deadline is None else max(self._deadline - time.monotonic(), 0.001)

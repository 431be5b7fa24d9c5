"""One connection for several statements, and transactions on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal, get_args

from poolhouse._core.session_effects import SessionEffect
from poolhouse.errors import InFailedSqlTransactionError, UsageError
from poolhouse.pool.faults import DRIVER_ERRORS, translate
from poolhouse.pool.use import over
from poolhouse.schema.cursor import CursorFactory
from poolhouse.schema.queries import Queries
from poolhouse.schema.session import enter_transaction, joined_use, leave_transaction
from poolhouse.schema.tracing import note_acquired, open_session

if TYPE_CHECKING:
    import asyncpg

    from poolhouse.pool import SharedPool, Use
    from poolhouse.pool.tracing import Trace
    from poolhouse.pool.use import Lender
    from poolhouse.schema.session import OpenTransaction, Session
    from poolhouse.schema.statements import Statement

Isolation = Literal["read_uncommitted", "read_committed", "repeatable_read", "serializable"]
_ISOLATIONS: tuple[str, ...] = get_args(Isolation)


class Connection(Queries):
    """A connection held for one service: asyncpg's vocabulary, templates rendered, errors translated.

    It is what `acquire()` and `transaction()` give, and valid inside their block. `raw` is the asyncpg
    connection itself, for what asyncpg has and this class has not, such as type codecs; nobody can tell what was
    changed on it, so it is closed when it goes back, and another one takes its place.
    """

    __slots__ = ("_use", "_was_acquired")

    def __init__(
        self, pool: SharedPool, use: Use, *, schema: str, reads: frozenset[str], was_acquired: bool = False
    ) -> None:
        self._was_acquired = was_acquired
        self._pool = pool
        self._use = use
        self._schema = schema
        self._reads = reads
        self._service = use.service

    def __repr__(self) -> str:
        return f"<Connection of service {self._use.service!r}>"

    @property
    def raw(self) -> asyncpg.Connection[Any]:
        """The asyncpg connection; its queries are not templates, and its errors are asyncpg's."""
        return self._use.connection

    @property
    def was_acquired(self) -> bool:
        """Whether it was acquired for itself, and not for a transaction that gives it back."""
        return self._was_acquired

    @property
    def use(self) -> Use:
        """The use of the pool that this connection is."""
        return self._use

    def _ready(self) -> Lender | None:
        return None if self._pool.ready is None else self._use

    def _session(
        self,
        timeout: float | None,
        *,
        statement: Statement | None = None,
        bulk: bool = False,
        stream: bool = False,
    ) -> Session:
        return open_session(
            self._pool,
            self._use.service,
            held=self._use,
            timeout=timeout,
            statement=statement,
            bulk=bulk,
            stream=stream,
        )

    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False, deferrable: bool = False
    ) -> Transaction:
        """Return a transaction on this connection; inside another one, a savepoint. See Transaction."""
        return Transaction(
            self._pool,
            service=self._use.service,
            schema=self._schema,
            reads=self._reads,
            held=self._use,
            isolation=isolation,
            readonly=readonly,
            deferrable=deferrable,
        )

    def cursor(
        self, query: str, *args: Any, prefetch: int | None = None, timeout: float | None = None
    ) -> CursorFactory:
        """Return a cursor over a query: `async for` over it, or `await` it to move by hand.

        It needs a transaction, and lives as long as that; UsageError without one. `timeout` holds for
        each of its messages.
        """
        statement, use = self._compile(query), self._use
        if use.is_over:
            raise over(use.service)
        connection = use.lease.connection
        try:
            if not use.lease.is_in_transaction:
                raise UsageError(
                    "a cursor lives in a transaction, and there is none",
                    service=use.service,
                    remedy="Use it inside `async with db.transaction()`",
                )
            driver = connection.cursor(statement.sql, *args, prefetch=prefetch, timeout=timeout)
        except DRIVER_ERRORS as error:
            failure = translate(
                error, service=use.service, sql=statement.sql, schema=statement.schema, reads=statement.reads
            )
            raise failure or error from None
        return CursorFactory(driver, pool=self._pool, use=use, statement=statement)


class Transaction:
    """An asynchronous context manager: committed when its block ends, rolled back when the block raises.

    Inside the block, queries of the same task through any manager of the same service and pool are part of
    it; so is a further `transaction()`, as a savepoint. Child tasks are not part of it. The block's
    exception passes through unchanged; a commit that fails raises a DatabaseError. A block that ends well
    after swallowing an error of the server raises InFailedSqlTransactionError: PostgreSQL would answer the
    commit with a rollback, silently. Cancelled anywhere but in the commit itself, whose outcome is the server's, it is
    rolled back; the connection is given back always. After a cancellation, or a statement that ran out of time, nobody
    waits for the rollback, since the server may be gone: it is done before the connection is used again.
    """

    __slots__ = ("_entered", "_held", "_is_nested", "_leased", "_modes", "_pool", "_reads", "_schema", "_service")

    def __init__(
        self,
        pool: SharedPool,
        *,
        service: str,
        schema: str,
        reads: frozenset[str],
        held: Use | None = None,
        isolation: Isolation | None,
        readonly: bool,
        deferrable: bool,
    ) -> None:
        if isolation is not None and isolation not in _ISOLATIONS:
            raise UsageError(
                f"there is no isolation level {isolation!r}",
                service=service,
                remedy=f"Use one of {', '.join(_ISOLATIONS)}",
            )
        self._pool = pool
        self._service = service
        self._schema = schema
        self._reads = reads
        self._held = held
        self._modes = _modes(isolation, readonly=readonly, deferrable=deferrable)
        self._leased: Use | None = None
        self._is_nested = False
        self._entered: OpenTransaction | None = None

    async def __aenter__(self) -> Connection:
        if self._entered is not None:
            fact = "a transaction object opens one transaction"
            raise UsageError(fact, service=self._service, remedy="Call transaction() again")
        use = self._held or joined_use(self._pool, self._service)
        trace = None if self._pool.tracer is None else self._follow(self._first_message(use))
        try:
            if use is None:
                use = self._leased = await self._pool.acquire(self._service)
                note_acquired(trace, use)
            await self._begin(use)
        except BaseException as error:
            if trace is not None:
                trace.end(error)
            await self._give_back()
            raise
        if trace is not None:
            trace.end(None)
        self._entered = enter_transaction(self._pool, self._service, use)
        return Connection(self._pool, use, schema=self._schema, reads=self._reads)

    def _follow(self, message: str) -> Trace | None:
        tracer = self._pool.tracer
        return None if tracer is None else tracer.begin(self._service, self._schema, message)

    def _first_message(self, use: Use | None) -> str:
        return "SAVEPOINT" if use is not None and use.lease.is_in_transaction else f"BEGIN{self._modes}"

    async def _begin(self, use: Use) -> None:
        if use.is_over:
            raise over(use.service)
        connection = use.lease.connection
        try:
            self._is_nested = use.lease.is_in_transaction
            if self._is_nested:
                self._refuse_modes()
                await connection.execute("SAVEPOINT poolhouse")
            else:
                use.failed = False
                await connection.execute(f"BEGIN{self._modes}")
        except DRIVER_ERRORS as error:
            use.note(error)
            raise translate(error, service=self._service) or error from None
        except asyncio.CancelledError as error:
            use.note(error)
            self._give_up(use)
            raise

    def _give_up(self, use: Use) -> None:
        # Cancelled in SAVEPOINT, the server may have aborted the transaction around it. Cancelled in BEGIN, it
        # may have begun one that nobody will end, so a connection that its holder goes on using is cut.
        use.failed = True
        if not self._is_nested and self._leased is None:
            use.lease.connection.terminate()

    def _refuse_modes(self) -> None:
        if self._modes:
            raise UsageError(
                "isolation, readonly and deferrable belong to a whole transaction, and this one is nested in another",
                service=self._service,
                remedy="Say them where the outermost transaction begins",
            )

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool | None:
        entered = self._entered
        # Its connection may be in a transaction of somebody else by now.
        if entered is None or entered.is_left:
            raise UsageError("the transaction is not open", remedy="Enter it with `async with`")
        if entered.use.is_over:
            # Rolled back when its connection was given back, by whoever had acquired it.
            leave_transaction(entered)
            if error is None:
                raise over(entered.use.service)
            return None
        swallowed = self._swallowed() if error is None and entered.use.failed else None
        try:
            # Whoever was cancelled or ran out of time is not kept waiting for a server that may be gone: what is in
            # doubt is rolled back after the connection was given back.
            if error is None or self._leased is None or not entered.use.lease.is_in_doubt:
                await self._end(entered.use, is_well=error is None and swallowed is None)
        except DRIVER_ERRORS as failure:
            # A rollback fails when the connection is gone, and the transaction with it: the block's error counts.
            if error is None and swallowed is None:
                raise translate(failure, service=self._service) or failure from None
        finally:
            leave_transaction(entered)
            await self._give_back()
        if swallowed is not None:
            raise swallowed
        return None

    async def _end(self, use: Use, *, is_well: bool) -> None:
        connection = use.lease.connection
        if self._is_nested:
            message = "RELEASE SAVEPOINT poolhouse"
            if not is_well:
                message = f"ROLLBACK TO SAVEPOINT poolhouse; {message}"
        else:
            message = "COMMIT" if is_well else "ROLLBACK"
        use.failed = True  # unless what follows comes to its end
        trace = None if self._pool.tracer is None else self._follow(message)
        try:
            await connection.execute(message, timeout=None if is_well else self._pool.settings.connect_timeout)
        except BaseException as error:
            if trace is not None:
                trace.end(error)
            use.note(error)
            raise
        if trace is not None:
            trace.end(None)
        use.failed = False

    def _swallowed(self) -> InFailedSqlTransactionError:
        return InFailedSqlTransactionError(
            "an error in the transaction was swallowed, so it was rolled back instead of committed",
            service=self._service,
            sqlstate="25P02",
            remedy="Let the error leave the block, or put the statement that may fail into a transaction() of its own",
        )

    async def _give_back(self) -> None:
        if self._leased is not None:
            leased, self._leased = self._leased, None
            if leased.lease.is_in_transaction:
                leased.lease.soil(SessionEffect.DIRTY)
            await self._pool.release(leased, wait=not leased.lease.is_in_doubt)


def _modes(isolation: Isolation | None, *, readonly: bool, deferrable: bool) -> str:
    level = f" ISOLATION LEVEL {isolation.replace('_', ' ').upper()}" if isolation else ""
    return f"{level}{' READ ONLY' if readonly else ''}{' DEFERRABLE' if deferrable else ''}"

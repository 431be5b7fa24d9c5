"""One connection for several statements, and transactions on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal, get_args

from poolhouse.errors import InFailedSqlTransactionError, UsageError
from poolhouse.pool.faults import DRIVER_ERRORS, translate
from poolhouse.schema.cursor import CursorFactory
from poolhouse.schema.queries import Queries
from poolhouse.schema.session import Session, enter_scope, joined_lease, leave_scope, refuse_given_back

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy
    from asyncpg.transaction import Transaction as DriverTransaction

    from poolhouse.pool import Lease, SharedPool
    from poolhouse.schema.session import Scope

Isolation = Literal["read_uncommitted", "read_committed", "repeatable_read", "serializable"]
_ISOLATIONS: tuple[str, ...] = get_args(Isolation)


class Connection(Queries):
    """A connection held for one service: asyncpg's vocabulary, templates rendered, errors translated.

    It is what `acquire()` and `transaction()` give, and valid inside their block. `raw` is the asyncpg
    connection itself, for what asyncpg has and this class has not, such as type codecs; what is changed on
    it is undone when the connection goes back.
    """

    __slots__ = ("_lease", "_pool", "_reads", "_schema")

    def __init__(self, pool: SharedPool, lease: Lease, *, schema: str, reads: frozenset[str]) -> None:
        self._pool = pool
        self._lease = lease
        self._schema = schema
        self._reads = reads

    def __repr__(self) -> str:
        return f"<Connection of service {self._schema!r}>"

    @property
    def schema(self) -> str:
        """The schema that `{{schema}}` and `{{tables.name}}` mean."""
        return self._schema

    @property
    def reads(self) -> frozenset[str]:
        """Tables of other schemas that templates may name, as "schema.table"."""
        return self._reads

    @property
    def raw(self) -> PoolConnectionProxy[Any]:
        """The asyncpg connection; its queries are not templates, and its errors are asyncpg's."""
        return self._lease.connection

    @property
    def lease(self) -> Lease:
        """The use of the pool that this connection is."""
        return self._lease

    def _session(
        self, timeout: float | None, *, sql: str | None = None, bulk: bool = False, stream: bool = False
    ) -> Session:
        return Session(self._pool, self._schema, held=self._lease, timeout=timeout, sql=sql, bulk=bulk, stream=stream)

    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False, deferrable: bool = False
    ) -> Transaction:
        """Return a transaction on this connection; inside another one, a savepoint. See Transaction."""
        return Transaction(
            self._pool,
            schema=self._schema,
            reads=self._reads,
            held=self._lease,
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
        sql = self.render(query)
        refuse_given_back(self._lease)
        try:
            if not self._lease.connection.is_in_transaction():
                raise UsageError(
                    "a cursor lives in a transaction, and there is none",
                    service=self._schema,
                    remedy="Use it inside `async with db.transaction()`",
                )
            driver = self._lease.connection.cursor(sql, *args, prefetch=prefetch, timeout=timeout)
        except DRIVER_ERRORS as error:
            raise translate(error, service=self._schema, sql=sql) or error from None
        return CursorFactory(driver, pool=self._pool, service=self._schema, lease=self._lease, sql=sql)


class Transaction:
    """An asynchronous context manager: committed when its block ends, rolled back when the block raises.

    Inside the block, queries of the same task through any manager of the same schema and pool are part of
    it; so is a further `transaction()`, as a savepoint. Child tasks are not part of it. The block's
    exception passes through unchanged; a commit that fails raises a DatabaseError. A block that ends well
    after swallowing an error of the server raises InFailedSqlTransactionError: PostgreSQL would answer the
    commit with a rollback, silently. What is done on `raw` is not seen in this. Cancelled anywhere but in the
    commit itself, whose outcome is the server's, it is rolled back; the connection is given back always.
    """

    __slots__ = (
        "_deferrable",
        "_driver",
        "_held",
        "_isolation",
        "_leased",
        "_pool",
        "_readonly",
        "_reads",
        "_schema",
        "_scope",
    )

    def __init__(
        self,
        pool: SharedPool,
        *,
        schema: str,
        reads: frozenset[str],
        held: Lease | None = None,
        isolation: Isolation | None,
        readonly: bool,
        deferrable: bool,
    ) -> None:
        if isolation is not None and isolation not in _ISOLATIONS:
            raise UsageError(
                f"there is no isolation level {isolation!r}",
                service=schema,
                remedy=f"Use one of {', '.join(_ISOLATIONS)}",
            )
        self._pool = pool
        self._schema = schema
        self._reads = reads
        self._held = held
        self._isolation: Isolation | None = isolation
        self._readonly = readonly
        self._deferrable = deferrable
        self._leased: Lease | None = None
        self._driver: DriverTransaction | None = None
        self._scope: Scope | None = None

    async def __aenter__(self) -> Connection:
        if self._scope is not None:
            raise UsageError("a transaction object opens one transaction", remedy="Call transaction() again")
        lease = self._held or joined_lease(self._pool, self._schema)
        if lease is None:
            lease = self._leased = await self._pool.acquire(self._schema)
        try:
            self._driver = await self._begin(lease)
        except BaseException:
            await self._give_back()
            raise
        self._scope = enter_scope(self._pool, self._schema, lease)
        return Connection(self._pool, lease, schema=self._schema, reads=self._reads)

    async def _begin(self, lease: Lease) -> DriverTransaction:
        refuse_given_back(lease)
        is_nested = False
        try:
            is_nested = lease.connection.is_in_transaction()
            if is_nested:
                self._refuse_modes()
            else:
                lease.failed = False
            driver = lease.connection.transaction(
                isolation=self._isolation, readonly=self._readonly, deferrable=self._deferrable
            )
            # Entered, not started: asyncpg warns when a connection is reset in a transaction it does not manage.
            await driver.__aenter__()
        except DRIVER_ERRORS as error:
            raise translate(error, service=self._schema) or error from None
        except asyncio.CancelledError:
            self._give_up(lease, is_nested=is_nested)
            raise
        return driver

    def _give_up(self, lease: Lease, *, is_nested: bool) -> None:
        # Cancelled in SAVEPOINT, the server may have aborted the transaction around it. Cancelled in BEGIN, it
        # may have begun one that nobody will end, so a connection that its holder goes on using is cut.
        lease.failed = True
        if not is_nested and self._leased is None:
            lease.connection.terminate()

    def _refuse_modes(self) -> None:
        if self._isolation is not None or self._readonly or self._deferrable:
            raise UsageError(
                "isolation, readonly and deferrable belong to a whole transaction, and this one is nested in another",
                service=self._schema,
                remedy="Say them where the outermost transaction begins",
            )

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        scope, driver = self._scope, self._driver
        if scope is None or driver is None:
            raise UsageError("the transaction is not open", remedy="Enter it with `async with`")
        swallowed = self._swallowed() if error is None and scope.lease.failed else None
        cause = error or swallowed
        try:
            scope.lease.failed = True  # unless what follows comes to its end
            await driver.__aexit__(type(cause) if cause else kind, cause, trace)
            scope.lease.failed = False
        except DRIVER_ERRORS as failure:
            # A rollback fails when the connection is gone, and the transaction with it: the block's error counts.
            if cause is None:
                raise translate(failure, service=self._schema) or failure from None
        finally:
            leave_scope(scope)
            await self._give_back()
        if swallowed is not None:
            raise swallowed

    def _swallowed(self) -> InFailedSqlTransactionError:
        return InFailedSqlTransactionError(
            "an error in the transaction was swallowed, so it was rolled back instead of committed",
            service=self._schema,
            sqlstate="25P02",
            remedy="Let the error leave the block, or put the statement that may fail into a transaction() of its own",
        )

    async def _give_back(self) -> None:
        if self._leased is not None:
            leased, self._leased = self._leased, None
            await self._pool.release(leased)

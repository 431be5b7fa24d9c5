"""A service's immutable view of the shared pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from poolhouse._core.identifiers import check_identifier
from poolhouse.errors import ConfigurationError, UsageError
from poolhouse.schema.attempts import Attempt, Attempts
from poolhouse.schema.connection import Connection, Isolation, Transaction
from poolhouse.schema.notifications import Listener
from poolhouse.schema.queries import Queries
from poolhouse.schema.session import innermost, joined_use
from poolhouse.schema.tracing import following, note_acquired, open_session

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from poolhouse.pool import SharedPool
    from poolhouse.pool.use import Lender
    from poolhouse.schema.cursor import CursorFactory
    from poolhouse.schema.session import Session
    from poolhouse.schema.statements import Statement

TransactionT = TypeVar("TransactionT", bound=Transaction)


class SchemaManager(Queries):
    """What a service does its queries with: one schema of the shared pool, in asyncpg's vocabulary.

    `reads` declares tables of other schemas, as "schema.table", that templates may name besides. It can be
    built before the pool is open, and is immutable: managers may be shared, kept and compared. Each call
    leases a connection for its own time, except inside `async with db.transaction()`, whose connection
    the calls of the same task share.

    `service` is whose leases, limits and role it uses: that of its schema's name, unless one service has many
    schemas, such as one for each of its tenants.

    Raises IdentifierError for a schema name that PostgreSQL cannot hold.
    """

    __slots__ = ()

    def __init__(self, pool: SharedPool, *, schema: str, reads: Iterable[str] = (), service: str | None = None) -> None:
        object.__setattr__(self, "_pool", pool)
        object.__setattr__(self, "_schema", check_identifier(schema))
        object.__setattr__(self, "_reads", _check_reads(reads, schema))
        object.__setattr__(self, "_service", self._schema if service is None else check_identifier(service))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a SchemaManager is immutable: build another one instead of setting {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a SchemaManager is immutable: {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SchemaManager):
            return NotImplemented
        return self._pool is other._pool and self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash((id(self._pool), *self._facts()))

    def _facts(self) -> tuple[object, ...]:
        return self._schema, self._reads, self._service

    def __repr__(self) -> str:
        reads = f", reads {', '.join(sorted(self._reads))}" if self._reads else ""
        service = f" of service {self._service!r}" if self._service != self._schema else ""
        return f"<SchemaManager of schema {self._schema!r}{service}{reads}>"

    @property
    def pool(self) -> SharedPool:
        """The shared pool."""
        return self._pool

    @property
    def service(self) -> str:
        """The service whose leases, limits and role it uses."""
        return self._service

    def _ready(self) -> Lender | None:
        ready = self._pool.ready
        if ready is None or innermost.get() is None:
            return ready
        return joined_use(self._pool, self._service) or ready

    def _session(
        self,
        timeout: float | None,
        *,
        statement: Statement | None = None,
        bulk: bool = False,
        stream: bool = False,
    ) -> Session:
        held = joined_use(self._pool, self._service)
        return open_session(
            self._pool, self._service, held=held, timeout=timeout, statement=statement, bulk=bulk, stream=stream
        )

    @overload
    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False, deferrable: bool = False
    ) -> Transaction: ...

    @overload
    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False, deferrable: bool = False, retries: int
    ) -> Attempts: ...

    def transaction(
        self,
        *,
        isolation: Isolation | None = None,
        readonly: bool = False,
        deferrable: bool = False,
        retries: int | None = None,
    ) -> Transaction | Attempts:
        """Return a transaction to be used with `async with`; inside another one of this task, a savepoint.

        The modes are PostgreSQL's, and belong to the outermost transaction. See Transaction; with `retries`, which
        belongs to it too, see Attempts.
        """

        def begin(kind: type[TransactionT]) -> TransactionT:
            return kind(
                self._pool,
                service=self._service,
                schema=self._schema,
                reads=self._reads,
                isolation=isolation,
                readonly=readonly,
                deferrable=deferrable,
            )

        if retries is None:
            return begin(Transaction)
        if joined_use(self._pool, self._service) is not None:
            remedy = "Let the outermost transaction have the retries"
            raise UsageError("a savepoint cannot be run again by itself", service=self._service, remedy=remedy)
        if retries < 0:
            raise UsageError(f"there cannot be {retries} retries", service=self._service, remedy="Use 0 for none")
        return Attempts(lambda: begin(Attempt), retries=retries)

    def acquire(self, *, timeout: float | None = None) -> Acquisition:
        """Hold one connection for several statements: `async with db.acquire() as connection`.

        Inside a transaction of this task it is that transaction's connection. As with asyncpg's pool,
        `connection = await db.acquire()` works too, and then needs `await db.release(connection)`.
        """
        return Acquisition(self, timeout)

    async def release(self, connection: Connection) -> None:
        """Give back what `await db.acquire()` gave; a second time, or in a transaction, does nothing."""
        if connection.was_acquired:
            await self._pool.release(connection.use)

    def cursor(
        self, query: str, *args: Any, prefetch: int | None = None, timeout: float | None = None
    ) -> CursorFactory:
        """Return a cursor over a query, in the transaction that the running task has open.

        UsageError when there is none: a cursor lives as long as its transaction.
        """
        use = joined_use(self._pool, self._service)
        if use is None:
            raise UsageError(
                "a cursor lives in a transaction, and this task has none open",
                service=self._service,
                remedy="Use it inside `async with db.transaction()`",
            )
        connection = Connection(self._pool, use, schema=self._schema, reads=self._reads)
        return connection.cursor(query, *args, prefetch=prefetch, timeout=timeout)

    def listen(self, *channels: str) -> Listener:
        """Listen on channels of the database: `async with db.listen("jobs") as notifications`, then `async for`.

        Channels belong to the whole database, not to the schema. Holds one connection meanwhile.
        """
        if not channels:
            raise UsageError("there is no channel to listen on", service=self._service, remedy="Name one, or several")
        return Listener(self._pool, self._service, tuple(map(check_identifier, channels)))


# Empty frozensets are not one and the same, and there is a manager for each of ten thousand tenants.
_NO_READS: frozenset[str] = frozenset()


def _check_reads(reads: Iterable[str], schema: str) -> frozenset[str]:
    if isinstance(reads, str):
        fact = f"the declared reads are one text, {reads!r}"
        raise ConfigurationError(fact, place=f"schema {schema!r}", remedy=f"Write [{reads!r}]")
    return frozenset(_check_read(read, schema) for read in reads) or _NO_READS


def _check_read(read: str, own: str) -> str:
    schema, dot, table = read.partition(".")
    if not dot:
        fact = f"the declared read {read!r} names no schema"
        raise ConfigurationError(fact, place=f"schema {own!r}", remedy='Write it as "schema.table"')
    return f"{check_identifier(schema)}.{check_identifier(table)}"


class Acquisition:
    """What `SchemaManager.acquire` returns: enter it with `async with`, or await it."""

    __slots__ = ("_connection", "_db", "_timeout")

    def __init__(self, db: SchemaManager, timeout: float | None) -> None:
        self._db = db
        self._timeout = timeout
        self._connection: Connection | None = None

    async def _acquire(self) -> Connection:
        db = self._db
        use = joined_use(db.pool, db.service)
        was_acquired = use is None
        if use is None:
            with following(db.pool, db.service, db.schema, None) as trace:
                use = await db.pool.acquire(db.service, timeout=self._timeout)
                note_acquired(trace, use)
        return Connection(db.pool, use, schema=db.schema, reads=db.reads, was_acquired=was_acquired)

    def __await__(self) -> Generator[Any, None, Connection]:
        return self._acquire().__await__()

    async def __aenter__(self) -> Connection:
        self._connection = await self._acquire()
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            await self._db.release(self._connection)

"""A service's immutable view of the shared pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from poolhouse._core.identifiers import check_identifier
from poolhouse.errors import ConfigurationError, UsageError
from poolhouse.schema.connection import Connection, Isolation, Transaction
from poolhouse.schema.notifications import Listener
from poolhouse.schema.queries import Queries
from poolhouse.schema.session import Session, joined_lease

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from poolhouse.pool import SharedPool
    from poolhouse.schema.cursor import CursorFactory


class SchemaManager(Queries):
    """What a service does its queries with: one schema of the shared pool, in asyncpg's vocabulary.

    `reads` declares tables of other schemas, as "schema.table", that templates may name besides. It can be
    built before the pool is open, and is immutable: managers may be shared, kept and compared. Each call
    leases a connection for its own time, except inside `async with db.transaction()`, whose connection
    the calls of the same task share.

    Raises IdentifierError for a schema name that PostgreSQL cannot hold.
    """

    __slots__ = ("_pool", "_reads", "_schema")

    _pool: SharedPool
    _schema: str
    _reads: frozenset[str]

    def __init__(self, pool: SharedPool, *, schema: str, reads: Iterable[str] = ()) -> None:
        object.__setattr__(self, "_pool", pool)
        object.__setattr__(self, "_schema", check_identifier(schema))
        object.__setattr__(self, "_reads", _check_reads(reads))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a SchemaManager is immutable: build another one instead of setting {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a SchemaManager is immutable: {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SchemaManager):
            return NotImplemented
        return self._pool is other._pool and self._schema == other._schema and self._reads == other._reads

    def __hash__(self) -> int:
        return hash((id(self._pool), self._schema, self._reads))

    def __repr__(self) -> str:
        reads = f", reads {', '.join(sorted(self._reads))}" if self._reads else ""
        return f"<SchemaManager of schema {self._schema!r}{reads}>"

    @property
    def pool(self) -> SharedPool:
        """The shared pool."""
        return self._pool

    @property
    def schema(self) -> str:
        """The service's schema."""
        return self._schema

    @property
    def reads(self) -> frozenset[str]:
        """Tables of other schemas that templates may name, as "schema.table"."""
        return self._reads

    def _session(
        self, timeout: float | None, *, sql: str | None = None, bulk: bool = False, stream: bool = False
    ) -> Session:
        held = joined_lease(self._pool, self._schema)
        return Session(self._pool, self._schema, held=held, timeout=timeout, sql=sql, bulk=bulk, stream=stream)

    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False, deferrable: bool = False
    ) -> Transaction:
        """Return a transaction to be used with `async with`; inside another one of this task, a savepoint.

        The modes are PostgreSQL's, and belong to the outermost transaction. See Transaction.
        """
        return Transaction(
            self._pool,
            schema=self._schema,
            reads=self._reads,
            isolation=isolation,
            readonly=readonly,
            deferrable=deferrable,
        )

    def acquire(self, *, timeout: float | None = None) -> Acquisition:
        """Hold one connection for several statements: `async with db.acquire() as connection`.

        Inside a transaction of this task it is that transaction's connection. As with asyncpg's pool,
        `connection = await db.acquire()` works too, and then needs `await db.release(connection)`.
        """
        return Acquisition(self, timeout)

    async def release(self, connection: Connection) -> None:
        """Give back what `await db.acquire()` gave; a second time, or in a transaction, does nothing."""
        if connection.lease is not joined_lease(self._pool, self._schema):
            await self._pool.release(connection.lease)

    def cursor(
        self, query: str, *args: Any, prefetch: int | None = None, timeout: float | None = None
    ) -> CursorFactory:
        """Return a cursor over a query, in the transaction that the running task has open.

        UsageError when there is none: a cursor lives as long as its transaction.
        """
        lease = joined_lease(self._pool, self._schema)
        if lease is None:
            raise UsageError(
                "a cursor lives in a transaction, and this task has none open",
                service=self._schema,
                remedy="Use it inside `async with db.transaction()`",
            )
        connection = Connection(self._pool, lease, schema=self._schema, reads=self._reads)
        return connection.cursor(query, *args, prefetch=prefetch, timeout=timeout)

    def listen(self, *channels: str) -> Listener:
        """Listen on channels of the database: `async with db.listen("jobs") as notifications`, then `async for`.

        Channels belong to the whole database, not to the schema. Holds one connection meanwhile.
        """
        if not channels:
            raise UsageError("there is no channel to listen on", service=self._schema, remedy="Name one, or several")
        return Listener(self._pool, self._schema, tuple(map(check_identifier, channels)))


def _check_reads(reads: Iterable[str]) -> frozenset[str]:
    if isinstance(reads, str):
        raise ConfigurationError(f"the declared reads are one text, {reads!r}", remedy=f"Write [{reads!r}]")
    return frozenset(map(_check_read, reads))


def _check_read(read: str) -> str:
    schema, dot, table = read.partition(".")
    if not dot:
        raise ConfigurationError(f"the declared read {read!r} names no schema", remedy='Write it as "schema.table"')
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
        lease = joined_lease(db.pool, db.schema) or await db.pool.acquire(db.schema, timeout=self._timeout)
        return Connection(db.pool, lease, schema=db.schema, reads=db.reads)

    def __await__(self) -> Generator[Any, None, Connection]:
        return self._acquire().__await__()

    async def __aenter__(self) -> Connection:
        self._connection = await self._acquire()
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            await self._db.release(self._connection)

"""asyncpg's vocabulary over templates, shared by everything that can run a query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

from poolhouse._core.identifiers import quote_identifier
from poolhouse._core.session_effects import SessionEffect
from poolhouse.schema.rows import row_builder
from poolhouse.schema.statements import Statement, compile_statement

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Sequence

    from asyncpg import Record

    from poolhouse.pool import SharedPool
    from poolhouse.pool.use import Lender
    from poolhouse.schema.rows import RowT
    from poolhouse.schema.session import Session


class CopyFormat(TypedDict, total=False):
    """Options of COPY, as asyncpg names them."""

    format: Literal["text", "csv", "binary"]
    oids: bool
    delimiter: str
    null: str
    header: bool
    quote: str
    escape: str
    encoding: str


class CopyToFormat(CopyFormat, total=False):
    """Options of COPY … TO."""

    force_quote: bool | Iterable[str]


class CopyFromFormat(CopyFormat, total=False):
    """Options of COPY … FROM."""

    freeze: bool
    force_not_null: bool | Iterable[str]
    force_null: bool | Iterable[str]
    where: str


class Queries(ABC):
    """Run statements in one schema. The words, arguments and results are asyncpg's.

    Queries are templates: `{{tables.name}}` becomes the table's full, quoted name. Arguments travel beside
    the query, never in it. `timeout`, in seconds, covers waiting for a connection and running the
    statement; past it PoolExhaustedError or QueryTimeoutError is raised. A cancelled call cancels its
    statement on the server. What the server refuses is a DatabaseError without the query's arguments.
    """

    __slots__ = ("_pool", "_reads", "_schema", "_service")

    _pool: SharedPool
    _reads: frozenset[str]
    _schema: str
    _service: str

    @property
    def schema(self) -> str:
        """The schema that `{{schema}}` and `{{tables.name}}` mean."""
        return self._schema

    @property
    def reads(self) -> frozenset[str]:
        """Tables of other schemas that templates may name, as "schema.table"."""
        return self._reads

    @abstractmethod
    def _ready(self) -> Lender | None:
        """Return what lends a connection to a single statement without further ado; None where it takes a session."""

    @abstractmethod
    def _session(
        self,
        timeout: float | None,
        *,
        statement: Statement | None = None,
        bulk: bool = False,
        stream: bool = False,
    ) -> Session:
        """Return the context in which one operation has a connection; see Session."""

    # Why a single statement has a way of its own, without a session, and what that saves: docs/decisions/0011.

    def render(self, query: str) -> str:
        """Return the SQL that `query` becomes; raises TemplateError for a placeholder that is not right."""
        return self._compile(query).sql

    def _compile(self, query: str) -> Statement:
        return compile_statement(query, self._schema, self._reads)

    def _copying(self, table_name: str, direction: str) -> Statement:
        """Return what the driver is about to send, for whoever asks who does what."""
        sql = f"COPY {quote_identifier(self.schema)}.{quote_identifier(table_name)} {direction}"
        return Statement(sql, SessionEffect.CLEAN, sql, self.schema, self.reads)

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """Run a statement and return its status, such as `INSERT 0 1`; without arguments, several at once."""
        statement = self._compile(query)
        ready = self._ready()
        if ready is None:
            async with self._session(timeout, statement=statement) as session:
                return await session.connection.execute(statement.sql, *args, timeout=session.remaining())
        lease = ready.take_ready(self._service, query, statement.effect)
        if lease is None:
            lease = await self._pool.take(self._service, timeout=timeout, statement=query, effect=statement.effect)
            timeout = lease.left_of(timeout)
        try:
            status: str = await lease.connection.execute(statement.sql, *args, timeout=timeout)
        except BaseException as error:
            ready.give_up(lease, error, sql=statement.sql, schema=self._schema, reads=self._reads)
            raise
        ready.put_back(lease)
        return status

    async def executemany(self, query: str, args: Iterable[Sequence[Any]], *, timeout: float | None = None) -> None:
        """Run a statement once for each sequence of arguments; all of them take effect, or none."""
        statement = self._compile(query)
        async with self._session(timeout, statement=statement, bulk=True) as session:
            await session.connection.executemany(statement.sql, session.caller.rows(args), timeout=session.remaining())

    @overload
    async def fetch(self, query: str, *args: Any, timeout: float | None = None, into: None = None) -> list[Record]: ...

    @overload
    async def fetch(self, query: str, *args: Any, timeout: float | None = None, into: type[RowT]) -> list[RowT]: ...

    async def fetch(
        self, query: str, *args: Any, timeout: float | None = None, into: type[RowT] | None = None
    ) -> list[Record] | list[RowT]:
        """Run a query and return all rows, as Records or as instances of `into`.

        `into` is a dataclass or a pydantic model; RowMappingError says which columns do not fit it.
        """
        statement = self._compile(query)
        build = None if into is None else row_builder(into)
        ready = self._ready()
        if ready is None:
            async with self._session(timeout, statement=statement) as session:
                rows = await session.connection.fetch(statement.sql, *args, timeout=session.remaining())
            return rows if build is None else [build(row) for row in rows]
        lease = ready.take_ready(self._service, query, statement.effect)
        if lease is None:
            lease = await self._pool.take(self._service, timeout=timeout, statement=query, effect=statement.effect)
            timeout = lease.left_of(timeout)
        try:
            rows = await lease.connection.fetch(statement.sql, *args, timeout=timeout)
        except BaseException as error:
            ready.give_up(lease, error, sql=statement.sql, schema=self._schema, reads=self._reads)
            raise
        ready.put_back(lease)
        return rows if build is None else [build(row) for row in rows]

    @overload
    async def fetchrow(
        self, query: str, *args: Any, timeout: float | None = None, into: None = None
    ) -> Record | None: ...

    @overload
    async def fetchrow(self, query: str, *args: Any, timeout: float | None = None, into: type[RowT]) -> RowT | None: ...

    async def fetchrow(
        self, query: str, *args: Any, timeout: float | None = None, into: type[RowT] | None = None
    ) -> Record | RowT | None:
        """Run a query and return its first row, or None; as a Record or as an instance of `into`."""
        statement = self._compile(query)
        build = None if into is None else row_builder(into)
        ready = self._ready()
        if ready is None:
            async with self._session(timeout, statement=statement) as session:
                row = await session.connection.fetchrow(statement.sql, *args, timeout=session.remaining())
            return row if build is None or row is None else build(row)
        lease = ready.take_ready(self._service, query, statement.effect)
        if lease is None:
            lease = await self._pool.take(self._service, timeout=timeout, statement=query, effect=statement.effect)
            timeout = lease.left_of(timeout)
        try:
            row = await lease.connection.fetchrow(statement.sql, *args, timeout=timeout)
        except BaseException as error:
            ready.give_up(lease, error, sql=statement.sql, schema=self._schema, reads=self._reads)
            raise
        ready.put_back(lease)
        return row if build is None or row is None else build(row)

    async def fetchval(self, query: str, *args: Any, column: int = 0, timeout: float | None = None) -> Any:
        """Run a query and return one column of its first row, or None when there is no row."""
        statement = self._compile(query)
        ready = self._ready()
        if ready is None:
            async with self._session(timeout, statement=statement) as session:
                return await session.connection.fetchval(
                    statement.sql, *args, column=column, timeout=session.remaining()
                )
        lease = ready.take_ready(self._service, query, statement.effect)
        if lease is None:
            lease = await self._pool.take(self._service, timeout=timeout, statement=query, effect=statement.effect)
            timeout = lease.left_of(timeout)
        try:
            value: Any = await lease.connection.fetchval(statement.sql, *args, column=column, timeout=timeout)
        except BaseException as error:
            ready.give_up(lease, error, sql=statement.sql, schema=self._schema, reads=self._reads)
            raise
        ready.put_back(lease)
        return value

    async def fetchmany(
        self, query: str, args: Iterable[Sequence[Any]], *, timeout: float | None = None
    ) -> list[Record]:
        """Run a query once for each sequence of arguments and return all rows, in that order."""
        statement = self._compile(query)
        async with self._session(timeout, statement=statement, bulk=True) as session:
            return await session.connection.fetchmany(
                statement.sql, session.caller.rows(args), timeout=session.remaining()
            )

    async def copy_records_to_table(
        self,
        table_name: str,
        *,
        records: Iterable[Sequence[Any]] | AsyncIterable[Sequence[Any]],
        columns: Iterable[str] | None = None,
        where: str | None = None,
        timeout: float | None = None,
    ) -> str:
        """Copy records into a table of this schema, in binary, and return the status, such as `COPY 100`."""
        statement = self._copying(table_name, "FROM STDIN")
        async with self._session(timeout, statement=statement, bulk=True) as session, session.limit():
            return await session.connection.copy_records_to_table(
                table_name,
                records=session.caller.rows(records),
                columns=columns,
                schema_name=self.schema,
                where=where,
                timeout=session.remaining(),
            )

    async def copy_to_table(
        self,
        table_name: str,
        *,
        source: Any,
        columns: Iterable[str] | None = None,
        timeout: float | None = None,
        **options: Unpack[CopyFromFormat],
    ) -> str:
        """Copy a file's content (path, file object or asynchronous iterable of bytes) into a table of this schema."""
        session = self._session(timeout, statement=self._copying(table_name, "FROM STDIN"), bulk=True)
        async with session.caller.source(source) as readable, session, session.limit():
            return await session.connection.copy_to_table(
                table_name,
                source=readable,
                columns=columns,
                schema_name=self.schema,
                timeout=session.remaining(),
                **options,
            )

    async def copy_from_table(
        self,
        table_name: str,
        *,
        output: Any,
        columns: Iterable[str] | None = None,
        timeout: float | None = None,
        **options: Unpack[CopyToFormat],
    ) -> str:
        """Copy a table of this schema into `output`: a path, a file object or a coroutine function taking bytes."""
        session = self._session(timeout, statement=self._copying(table_name, "TO STDOUT"), stream=True)
        async with session.caller.output(output) as writable, session, session.limit():
            return await session.connection.copy_from_table(
                table_name,
                output=writable,
                columns=columns,
                schema_name=self.schema,
                timeout=session.remaining(),
                **options,
            )

    async def copy_from_query(
        self, query: str, *args: Any, output: Any, timeout: float | None = None, **options: Unpack[CopyToFormat]
    ) -> str:
        """Copy the rows of a query into `output`: a path, a file object or a coroutine function taking bytes."""
        statement = self._compile(query)
        session = self._session(timeout, statement=statement, stream=True)
        async with session.caller.output(output) as writable, session, session.limit():
            return await session.connection.copy_from_query(
                statement.sql, *args, output=writable, timeout=session.remaining(), **options
            )

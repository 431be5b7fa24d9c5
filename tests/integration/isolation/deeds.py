"""Ways that take more than a message: what services do through the whole of the API, and what fails meanwhile."""

from __future__ import annotations

import asyncio
import io
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from poolhouse.errors import (
    ConnectionLostError,
    DatabaseError,
    InFailedSqlTransactionError,
    PoolhouseError,
    QueryTimeoutError,
)
from tests.integration.isolation.ways import Connection, Way, asked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.integration.isolation.stage import Stage

_INSERT = "INSERT INTO {{tables.items}} (id) VALUES ($1)"
_REPLACED, _EITHER = Connection.REPLACED, Connection.EITHER

DEEDS: list[Way] = []


def way(
    name: str, *, sees: Any = None, connection: Connection = Connection.KEPT, stays: bool = False
) -> Callable[[Callable[[Stage], Awaitable[Any]]], Callable[[Stage], Awaitable[Any]]]:
    """Take a coroutine function for a way."""

    def add(act: Callable[[Stage], Awaitable[Any]]) -> Callable[[Stage], Awaitable[Any]]:
        DEEDS.append(Way(name, act, None, sees, connection, stays))
        return act

    return add


class OwnError(Exception):
    """Of the service's own code."""


# The driver's connection


async def _calls(connection: Any, stage: Stage) -> bool:
    """Make the connection do what the driver's listeners are told of, and see whether they are."""
    stage.calls.clear()
    await connection.execute("NOTIFY news; DO $$ BEGIN RAISE WARNING 'look'; END $$")
    return bool(stage.calls)


async def _decodes(connection: Any, _stage: Stage) -> bool:
    return await connection.fetchval("""SELECT '"text"'::json""") != '"text"'


@way("raw connection looked at", connection=_REPLACED)
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        connection.raw.get_settings()


@way("SET on a raw connection", connection=_REPLACED)
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        await connection.raw.execute("SET work_mem = '5MB'")


@way("SET on a leased connection", connection=_REPLACED)
async def _(stage: Stage) -> None:
    async with stage.pool.lease(stage.actor.schema) as use:
        await use.connection.execute("SET work_mem = '5MB'")


@way("add_listener", sees=_calls, connection=_REPLACED)
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        await connection.raw.add_listener("news", lambda *call: stage.calls.append(call))


@way("add_log_listener", sees=_calls, connection=_REPLACED)
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        connection.raw.add_log_listener(lambda *call: stage.calls.append(call))


@way("add_query_logger", sees=_calls, connection=_REPLACED)
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        connection.raw.add_query_logger(lambda *call: stage.calls.append(call))


@way("add_termination_listener", sees=_calls, connection=_REPLACED)
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        connection.raw.add_termination_listener(lambda *call: stage.calls.append(call))


@way("type codec", sees=_decodes, connection=_REPLACED)
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        await connection.raw.set_type_codec("json", schema="pg_catalog", encoder=str, decoder=lambda _: None)


@way("raw transaction left open", connection=_REPLACED)
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        await connection.raw.transaction().start()


@way("raw cursor and statement left open", connection=_REPLACED)
async def _(stage: Stage) -> None:
    async with stage.actor.transaction() as connection:
        statement = await connection.raw.prepare("SELECT generate_series(1, 9)")
        await (await statement.cursor()).fetch(2)


@way("raw connection closed", connection=_REPLACED)
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        await connection.raw.close()


@way("raw connection terminated", connection=_REPLACED)
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        connection.raw.terminate()


# Local buffers are allocated once for a session, and then there is no other number of them.
@way("temp_buffers", connection=_EITHER)
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        await connection.raw.execute("SELECT 1")
    await stage.actor.execute("SET temp_buffers = '9MB'; CREATE TEMP TABLE t AS SELECT 1 AS a")


# Transactions


@way("transaction with modes and SET LOCAL")
async def _(stage: Stage) -> None:
    async with stage.actor.transaction(isolation="serializable", readonly=True, deferrable=True) as connection:
        await connection.execute("SET LOCAL work_mem = '5MB'; SET CONSTRAINTS ALL DEFERRED")


@way("SET in a transaction")
async def _(stage: Stage) -> None:
    async with stage.actor.transaction() as connection:
        await connection.execute("SET work_mem = '5MB'")


@way("changes in a transaction that is rolled back")
async def _(stage: Stage) -> None:
    with suppress(OwnError):
        async with stage.actor.transaction() as connection:
            await connection.execute("SELECT pg_advisory_lock(1), set_config('work_mem', '5MB', false)")
            raise OwnError


@way("changes in a savepoint that is rolled back")
async def _(stage: Stage) -> None:
    async with stage.actor.transaction() as connection:
        with suppress(OwnError):
            async with connection.transaction():
                await connection.execute("SET work_mem = '5MB'; SELECT pg_advisory_lock(1)")
                raise OwnError
        await connection.execute("SET jit = off")


@way("failed transaction")
async def _(stage: Stage) -> None:
    with pytest.raises(DatabaseError):
        async with stage.actor.transaction() as connection:
            await connection.execute("SELECT 1 / 0")


@way("failed transaction, swallowed")
async def _(stage: Stage) -> None:
    with suppress(InFailedSqlTransactionError):
        async with stage.actor.transaction() as connection:
            with suppress(DatabaseError):
                await connection.execute("SELECT 1 / 0")


@way("BEGIN on a held connection")
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        await connection.execute("BEGIN")
        await connection.execute(_INSERT, -1)


@way("failed transaction of a BEGIN")
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        await connection.execute("BEGIN")
        with suppress(DatabaseError):
            await connection.fetchval("SELECT 1 / 0")


@way("COMMIT inside a transaction")
async def _(stage: Stage) -> None:
    async with stage.actor.transaction() as connection:
        await connection.execute("SET work_mem = '5MB'; COMMIT")


@way("ROLLBACK and BEGIN inside a transaction")
async def _(stage: Stage) -> None:
    async with stage.actor.transaction() as connection:
        await connection.execute("ROLLBACK; BEGIN; SET LOCAL work_mem = '5MB'")


@way("savepoints by text")
async def _(stage: Stage) -> None:
    async with stage.actor.transaction() as connection:
        await connection.execute("SAVEPOINT a; SET LOCAL work_mem = '5MB'; SAVEPOINT b; RELEASE a")


@way("script that fails after a change")
async def _(stage: Stage) -> None:
    with pytest.raises(DatabaseError):
        await stage.actor.execute("BEGIN; SET work_mem = '5MB'; COMMIT; SELECT pg_advisory_lock(1); SELECT 1 / 0")


# Cursors


@way("cursor abandoned half-way")
async def _(stage: Stage) -> None:
    async with stage.actor.transaction() as connection:
        cursor = await connection.cursor("SELECT generate_series(1, 9)")
        await cursor.fetch(2)


@way("cursor of a transaction that is cancelled", connection=_EITHER)
async def _(stage: Stage) -> None:
    async def read() -> None:
        async with stage.actor.transaction() as connection:
            cursor = await connection.cursor("SELECT pg_sleep(60 * (a - 1)) FROM generate_series(1, 9) AS a")
            await cursor.fetch(5)

    await _cancel_asleep(stage, read())


# Cancellations and time limits


async def _cancel_asleep(stage: Stage, work: Any) -> None:
    """Cancel what sleeps on the server."""
    pid = await stage.actor.fetchval("SELECT pg_backend_pid()")
    task = asyncio.ensure_future(work)
    await stage.runs(pid)
    task.cancel()
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError)


@way("cancelled query", connection=_EITHER)
async def _(stage: Stage) -> None:
    await _cancel_asleep(stage, stage.actor.execute("SELECT pg_sleep(60)"))


@way("cancelled query with a change before it", connection=_EITHER)
async def _(stage: Stage) -> None:
    work = stage.actor.execute("BEGIN; SET work_mem = '5MB'; COMMIT; SELECT pg_advisory_lock(1); SELECT pg_sleep(60)")
    await _cancel_asleep(stage, work)


@way("cancelled behind a function", connection=_EITHER)
async def _(stage: Stage) -> None:
    work = stage.actor.fetch("SELECT alpha.take(1), alpha.assign('work_mem', '5MB'), pg_sleep(60)")
    await _cancel_asleep(stage, work)


@way("cancelled in a transaction", connection=_EITHER)
async def _(stage: Stage) -> None:
    async def run() -> None:
        async with stage.actor.transaction() as connection:
            await connection.execute(_INSERT, -1)
            await connection.execute("SELECT pg_sleep(60)")

    await _cancel_asleep(stage, run())


@way("time limit", connection=_EITHER)
async def _(stage: Stage) -> None:
    with pytest.raises(QueryTimeoutError):
        await stage.actor.execute("SELECT pg_sleep(60)", timeout=0.02)


@way("time limit in a transaction", connection=_EITHER)
async def _(stage: Stage) -> None:
    with pytest.raises(QueryTimeoutError):
        async with stage.actor.transaction() as connection:
            await connection.fetch("SELECT alpha.take(1), pg_sleep(60)", timeout=0.02)


@way("cancelled by the server")
async def _(stage: Stage) -> None:
    pid = await stage.actor.fetchval("SELECT pg_backend_pid()")
    task = asyncio.create_task(stage.actor.execute("SELECT pg_sleep(60)"))
    await stage.runs(pid)
    await stage.from_outside("SELECT pg_cancel_backend($1)", pid)
    with pytest.raises(DatabaseError):
        await task


@way("statement_timeout of a transaction")
async def _(stage: Stage) -> None:
    with pytest.raises(DatabaseError):
        async with stage.actor.transaction() as connection:
            await connection.execute("SET LOCAL statement_timeout = '5ms'; SELECT pg_sleep(60)")


# Many rows


@way("executemany that changes")
async def _(stage: Stage) -> None:
    changes = [("work_mem", "5MB"), ("jit", "off")]
    await stage.actor.executemany("SELECT set_config($1, $2, false)", changes)


@way("executemany that the server refuses midway")
async def _(stage: Stage) -> None:
    with pytest.raises(DatabaseError):
        await stage.actor.executemany(_INSERT, [(-1,), (-1,), (-2,)])


@way("executemany of rows that fail midway")
async def _(stage: Stage) -> None:
    def rows() -> Any:
        yield from ([(-number,)] for number in range(1000))
        raise OwnError

    with pytest.raises((OwnError, PoolhouseError)):
        await stage.actor.executemany(_INSERT, (row for chunk in rows() for row in chunk))


@way("executemany of a value that the driver refuses midway")
async def _(stage: Stage) -> None:
    with pytest.raises(PoolhouseError):
        await stage.actor.executemany(_INSERT, [(-1,), ("no number",)])


@way("fetchmany that the server refuses midway")
async def _(stage: Stage) -> None:
    with pytest.raises(DatabaseError):
        await stage.actor.fetchmany("SELECT 1 / $1::int", [(1,), (0,)])


# COPY


class _BreakingFile:
    """A file that cannot be written or read to its end."""

    def __init__(self, good: int) -> None:
        self._good = good

    def read(self, _size: int) -> bytes:
        self._good -= 1
        if self._good < 0:
            raise OSError
        return b"".join(b"%d\tx\n" % (-self._good * 1000 - number) for number in range(1000))

    def write(self, _data: bytes) -> None:
        self._good -= 1
        if self._good < 0:
            raise OSError


@way("COPY of records that fail midway")
async def _(stage: Stage) -> None:
    async def records() -> Any:
        for number in range(1000):
            yield (-number, "x")
        raise OwnError

    with pytest.raises(OwnError):
        await stage.actor.copy_records_to_table("items", records=records())


@way("COPY of a file that fails midway")
async def _(stage: Stage) -> None:
    with pytest.raises(OSError):
        await stage.actor.copy_to_table("items", source=_BreakingFile(2))


@way("COPY that the server refuses midway")
async def _(stage: Stage) -> None:
    with pytest.raises(DatabaseError):
        await stage.actor.copy_to_table("items", source=io.BytesIO(b"-1\tx\n-1\tx\n"))


@way("COPY cancelled while it sends", connection=_EITHER)
async def _(stage: Stage) -> None:
    is_sending = asyncio.Event()

    async def records() -> Any:
        yield (-1, "x")
        is_sending.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(stage.actor.copy_records_to_table("items", records=records()))
    await is_sending.wait()
    task.cancel()
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError)


@way("COPY into a file that fails midway", connection=_REPLACED)
async def _(stage: Stage) -> None:
    with pytest.raises(OSError):
        await stage.actor.copy_from_query("SELECT generate_series(1, 100000)", output=_BreakingFile(1))


@way("COPY cancelled while it receives", connection=_REPLACED)
async def _(stage: Stage) -> None:
    query = "SELECT pg_sleep(60 * (a - 1)) FROM generate_series(1, 9) AS a"
    await _cancel_asleep(stage, stage.actor.copy_from_query(query, output=io.BytesIO()))


@way("COPY of a query that changes")
async def _(stage: Stage) -> None:
    await stage.actor.copy_from_query("SELECT set_config('work_mem', '5MB', false)", output=io.BytesIO())


# Listening


@way("listen")
async def _(stage: Stage) -> None:
    async with stage.actor.listen("news", "odd;name"):
        pass


@way("listen whose block fails")
async def _(stage: Stage) -> None:
    with pytest.raises(OwnError):
        async with stage.actor.listen("news"):
            raise OwnError


# Ends


@way("backend ended while it is idle", connection=_REPLACED)
async def _(stage: Stage) -> None:
    await stage.actor.execute("SET work_mem = '5MB'")
    pid = await stage.actor.fetchval("SELECT pg_backend_pid()")
    await stage.from_outside("SELECT pg_terminate_backend($1, 5000)", pid)


@way("backend ended in a statement", connection=_REPLACED)
async def _(stage: Stage) -> None:
    pid = await stage.actor.fetchval("SELECT pg_backend_pid()")
    task = asyncio.create_task(stage.actor.execute("SELECT pg_sleep(60)"))
    await stage.runs(pid)
    await stage.from_outside("SELECT pg_terminate_backend($1, 5000)", pid)
    with pytest.raises(ConnectionLostError):
        await task


@way("backend that ends itself", connection=_REPLACED)
async def _(stage: Stage) -> None:
    with pytest.raises(PoolhouseError):
        await stage.actor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


# What the driver remembers of statements


def _drivers_name(number: int) -> str:
    """Return the name of the statement that the driver prepares as its `number`th, of those of all connections."""
    return f"__asyncpg_stmt_{number:x}__"


async def _cannot_prepare(connection: Any, _stage: Stage) -> bool:
    try:
        # A text that no connection has prepared yet.
        await connection.fetchval(f"SELECT $1::int -- {uuid.uuid4()}", 1)
    except DatabaseError as error:
        return error.sqlstate == "42P05"
    return False


@way("PREPARE with the names that the driver takes next", sees=_cannot_prepare)
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        following = range(asyncpg.connection._uid + 1, asyncpg.connection._uid + 10)
        await connection.execute("; ".join(f"PREPARE {_drivers_name(number)} AS SELECT 1" for number in following))
        assert await _cannot_prepare(connection, stage)


@way("PREPARE with a name that the driver has taken")
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        taken = await connection.fetchval("SELECT name FROM pg_prepared_statements WHERE NOT from_sql LIMIT $1", 1)
        with pytest.raises(DatabaseError, match="already exists"):
            await connection.execute(f"PREPARE {taken} AS SELECT 1")


_UNQUALIFIED = "SELECT count(*) >= 0 FROM watched"


@way("statement prepared under another path", sees=asked(_UNQUALIFIED))
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        await connection.execute("SET search_path = alpha")
        assert await connection.fetchval(_UNQUALIFIED)


@way("statement prepared on a temporary table", sees=asked("SELECT id = 666 FROM beta.items, t"))
async def _(stage: Stage) -> None:
    async with stage.actor.acquire() as connection:
        await connection.execute("CREATE TEMP TABLE t AS SELECT 666 AS id")
        await connection.fetchval("SELECT * FROM t")


async def _decodes_wrongly(connection: Any, _stage: Stage) -> bool:
    return not isinstance(await connection.fetchval("SELECT * FROM shapes"), asyncpg.Point)


@way("statement whose types change", sees=_decodes_wrongly)
async def _(stage: Stage) -> None:
    await stage.from_outside("DROP TABLE IF EXISTS public.shapes")
    await stage.from_outside("CREATE TABLE public.shapes AS SELECT 1 AS x")
    await stage.from_outside("GRANT SELECT ON public.shapes TO public")
    assert await stage.actor.fetchval("SELECT * FROM shapes") == 1
    await stage.from_outside("ALTER TABLE public.shapes ALTER x TYPE point USING point(x, x)")

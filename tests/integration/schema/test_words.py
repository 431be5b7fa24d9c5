"""asyncpg's vocabulary, word by word."""

from __future__ import annotations

import asyncio
import io
import time
from dataclasses import dataclass, field

import asyncpg
import pytest
from pydantic import BaseModel, ConfigDict, PositiveInt

from poolhouse.errors import (
    ConnectionLostError,
    DataError,
    PoolExhaustedError,
    QueryTimeoutError,
    RowMappingError,
    UniqueViolationError,
    UsageError,
)
from tests.integration.moments import NOISE, hold_elsewhere


async def insert(db, *numbers):
    await db.executemany("INSERT INTO {{tables.items}} VALUES ($1)", [(number,) for number in numbers])


async def test_execute_returns_the_status(db):
    assert await db.execute("INSERT INTO {{tables.items}} VALUES ($1, $2)", 1, "one") == "INSERT 0 1"


async def test_execute_without_arguments_runs_several_statements(db, ids):
    await db.execute("INSERT INTO {{tables.items}} VALUES (1); INSERT INTO {{tables.items}} VALUES (2)")

    assert await ids(db) == [1, 2]


async def test_executemany_runs_for_each(db, ids):
    await db.executemany("INSERT INTO {{tables.items}} VALUES ($1)", ((number,) for number in range(3)))

    assert await ids(db) == [0, 1, 2]


async def test_executemany_does_all_or_nothing(db, ids):
    with pytest.raises(UniqueViolationError):
        await insert(db, *range(5000), 7)

    assert await ids(db) == []


async def test_executemany_does_nothing_when_the_driver_refuses_a_row(db, ids):
    with pytest.raises(DataError):
        await insert(db, *range(5000), "seven")

    assert await ids(db) == []


async def test_fetch_returns_records(db):
    await insert(db, 1, 2)

    rows = await db.fetch("SELECT id, name FROM {{tables.items}} ORDER BY id")

    assert all(isinstance(row, asyncpg.Record) for row in rows)
    assert [tuple(row) for row in rows] == [(1, "thing"), (2, "thing")]


async def test_fetchrow_returns_the_first_row_or_none(db):
    await insert(db, 1, 2)

    assert (await db.fetchrow("SELECT id FROM {{tables.items}} ORDER BY id"))["id"] == 1
    assert await db.fetchrow("SELECT id FROM {{tables.items}} WHERE id > $1", 5) is None


async def test_fetchval_returns_one_column_of_the_first_row_or_none(db):
    assert await db.fetchval("SELECT 1, 2", column=1) == 2
    assert await db.fetchval("SELECT 1 WHERE false") is None


async def test_fetchmany_returns_the_rows_of_all_in_order(db):
    rows = await db.fetchmany("INSERT INTO {{tables.items}} VALUES ($1) RETURNING id", [(3,), (1,), (2,)])

    assert [row["id"] for row in rows] == [3, 1, 2]


async def test_records_are_copied_into_a_table(db, ids):
    status = await db.copy_records_to_table("items", records=[(1, "a"), (2, "b")], columns=["id", "name"])

    assert status == "COPY 2"
    assert await ids(db) == [1, 2]


async def test_records_are_copied_where_they_fit(db, ids):
    await db.copy_records_to_table("items", records=[(1, "a"), (2, "b")], where="id > 1")

    assert await ids(db) == [2]


async def test_records_may_come_one_by_one(db, ids):
    async def records():
        for number in range(3):
            await asyncio.sleep(0)
            yield number, "x"

    await db.copy_records_to_table("items", records=records())
    await db.copy_records_to_table("items", records=((number, "y") for number in range(3, 5)))

    assert await ids(db) == [0, 1, 2, 3, 4]


async def test_a_file_is_copied_into_a_table(db, ids, tmp_path):
    path = tmp_path / "items.csv"
    path.write_bytes(b"id;name\n1;a\n2;\n")

    for source in (path, str(path)):
        await db.execute("TRUNCATE {{tables.items}}")
        assert (
            await db.copy_to_table("items", source=source, format="csv", delimiter=";", header=True, null="?")
            == "COPY 2"
        )
        assert await ids(db) == [1, 2]


async def test_a_file_object_is_copied_into_a_table(db, ids):
    await db.copy_to_table("items", source=io.BytesIO(b"1\n2\n"), columns=["id"])

    assert await ids(db) == [1, 2]


async def test_chunks_are_copied_into_a_table(db, ids):
    async def chunks():
        for chunk in (b"1\ta\n2", b"2\tb\n3\tc\n"):
            yield chunk

    await db.copy_to_table("items", source=chunks())

    assert await ids(db) == [1, 3, 22]


async def test_a_table_is_copied_to_a_file_an_object_and_a_coroutine(db, tmp_path):
    await insert(db, 1, 2)
    path, buffer, chunks = tmp_path / "items", io.BytesIO(), []

    async def take(data):
        chunks.append(data)

    for output in (path, buffer, take):
        assert await db.copy_from_table("items", output=output, columns=["id"], format="csv") == "COPY 2"

    assert path.read_bytes() == buffer.getvalue() == b"".join(chunks) == b"1\n2\n"


async def test_a_query_is_copied_to_a_file_an_object_and_a_coroutine(db, tmp_path):
    await insert(db, 1, 2, 3)
    path, buffer, chunks = tmp_path / "items", io.BytesIO(), []

    async def take(data):
        chunks.append(data)

    for output in (path, buffer, take):
        await db.copy_from_query("SELECT id FROM {{tables.items}} WHERE id > $1 ORDER BY id", 1, output=output)

    assert path.read_bytes() == buffer.getvalue() == b"".join(chunks) == b"2\n3\n"


async def test_a_file_that_is_missing_is_the_callers_error(db, tmp_path):
    with pytest.raises(FileNotFoundError):
        await db.copy_to_table("items", source=tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        await db.copy_from_table("items", output=tmp_path)


class Trouble(OSError):
    """Something of the caller's."""


class Broken:
    def read(self, _size):
        raise Trouble

    def write(self, _data):
        raise Trouble


async def broken_chunks():
    yield b"1\ta\n"
    raise Trouble


async def broken_writer(_data):
    raise Trouble


def broken_rows():
    yield 1, "a"
    raise Trouble


async def broken_records():
    yield 1, "a"
    raise Trouble


@pytest.mark.parametrize(
    "use",
    [
        lambda db: db.copy_to_table("items", source=Broken()),
        lambda db: db.copy_to_table("items", source=broken_chunks()),
        lambda db: db.copy_from_table("items", output=Broken()),
        lambda db: db.copy_from_table("items", output=broken_writer),
        lambda db: db.copy_from_query("SELECT 1", output=broken_writer),
        lambda db: db.copy_records_to_table("items", records=broken_rows()),
        lambda db: db.copy_records_to_table("items", records=broken_records()),
        lambda db: db.executemany("INSERT INTO {{tables.items}} VALUES ($1, $2)", broken_rows()),
        lambda db: db.fetchmany("INSERT INTO {{tables.items}} VALUES ($1, $2) RETURNING id", broken_rows()),
    ],
)
async def test_what_the_callers_own_code_raises_is_the_callers_error(db, ids, use):
    await db.execute("INSERT INTO {{tables.items}} VALUES (0)")

    with pytest.raises(Trouble):
        await use(db)

    assert await ids(db) == [0]
    assert await db.fetchval("SELECT 1") == 1


async def test_the_time_limit_covers_the_statement(db):
    begun = time.monotonic()

    with pytest.raises(QueryTimeoutError, match="raise timeout or command_timeout"):
        await db.execute("SELECT pg_sleep(10)", timeout=0.3)

    assert 0.3 <= time.monotonic() - begun < 0.36 + NOISE


async def test_the_time_limit_covers_waiting_for_a_connection(db, pool):
    leases = [await hold_elsewhere(pool.acquire("others")) for _ in range(5)]
    begun = time.monotonic()

    with pytest.raises(PoolExhaustedError, match="held by others"):
        await db.fetchval("SELECT 1", timeout=0.2)

    assert 0.2 <= time.monotonic() - begun < 0.24 + NOISE
    for lease in leases:
        await pool.release(lease)


async def test_the_time_limit_covers_waiting_and_the_statement_together(db, pool):
    leases = [await hold_elsewhere(pool.acquire("others")) for _ in range(5)]
    loop = asyncio.get_running_loop()
    loop.call_later(1.0, lambda: loop.create_task(pool.release(leases[0])))
    begun = time.monotonic()

    with pytest.raises(QueryTimeoutError):
        await db.execute("SELECT pg_sleep(10)", timeout=1.2)

    assert 1.2 <= time.monotonic() - begun < 1.2 + NOISE
    for lease in leases:
        await pool.release(lease)


@pytest.mark.parametrize(
    "use",
    [
        lambda db, t: db.execute("SELECT pg_sleep(9)", timeout=t),
        lambda db, t: db.executemany("SELECT pg_sleep($1)", [(9,)], timeout=t),
        lambda db, t: db.fetch("SELECT pg_sleep(9)", timeout=t),
        lambda db, t: db.fetchrow("SELECT pg_sleep(9)", timeout=t),
        lambda db, t: db.fetchval("SELECT pg_sleep(9)", timeout=t),
        lambda db, t: db.fetchmany("SELECT pg_sleep($1)", [(9,)], timeout=t),
        lambda db, t: db.copy_from_query("SELECT pg_sleep(9)", output=io.BytesIO(), timeout=t),
    ],
)
async def test_every_word_has_a_time_limit(db, use):
    with pytest.raises(QueryTimeoutError):
        await use(db, 0.05)


async def test_a_statement_that_was_cancelled_is_cancelled_on_the_server(db, pool, observer):
    async with db.acquire() as connection:
        pid = connection.raw.get_server_pid()
        statement = asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))
        while await observer.fetchval("SELECT state FROM pg_stat_activity WHERE pid = $1", pid) != "active":
            pass
        statement.cancel()
        with pytest.raises(asyncio.CancelledError):
            await statement
        assert await connection.fetchval("SELECT 1") == 1


async def test_the_limit_of_the_server_is_a_time_limit_too(db):
    async with db.transaction():
        await db.execute("SET LOCAL statement_timeout = 20")
        with pytest.raises(QueryTimeoutError) as caught:
            async with db.transaction():
                await db.execute("SELECT pg_sleep(9)")

    assert caught.value.sqlstate == "57014"


async def test_a_wrong_number_of_arguments_is_a_fault_of_use(db):
    with pytest.raises(UsageError, match="expects 0 arguments for this query, 1 was passed"):
        await db.fetch("SELECT 1", 2)


@dataclass
class Item:
    id: int
    name: str = "unnamed"
    tags: list[str] = field(default_factory=list)


class ItemModel(BaseModel):
    id: PositiveInt
    name: str = "unnamed"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: int


async def test_rows_can_become_dataclasses(db):
    await insert(db, 1, 2)

    assert await db.fetch("SELECT id, name FROM {{tables.items}} ORDER BY id", into=Item) == [
        Item(1, "thing"),
        Item(2, "thing"),
    ]
    assert await db.fetchrow("SELECT id FROM {{tables.items}} WHERE id = $1", 1, into=Item) == Item(1, "unnamed")


async def test_rows_can_become_models(db):
    await insert(db, 1)

    assert await db.fetch("SELECT id, name FROM {{tables.items}}", into=ItemModel) == [ItemModel(id=1, name="thing")]
    assert await db.fetchrow("SELECT 1 AS id", into=ItemModel) == ItemModel(id=1)


@pytest.mark.parametrize("model", [Item, ItemModel])
async def test_no_row_becomes_nothing(db, model):
    assert await db.fetch("SELECT 1 AS id WHERE false", into=model) == []
    assert await db.fetchrow("SELECT 1 AS id WHERE false", into=model) is None


@pytest.mark.parametrize(
    ("model", "query", "problem"),
    [
        (Item, "SELECT 'x' AS name", "a row does not fit Item: id: there is no such column"),
        (Item, "SELECT 1 AS id, 2 AS weight", "a row does not fit Item: weight: there is no such field"),
        (Item, "SELECT 1 AS id, 2 AS id", "a row does not fit Item: id: 2 columns have this name"),
        (ItemModel, "SELECT 'x' AS name", "a row does not fit ItemModel: id: Field required"),
        (ItemModel, "SELECT 1 AS id, 2 AS id", "a row does not fit ItemModel: id: 2 columns have this name"),
        (ItemModel, "SELECT -99 AS id", "a row does not fit ItemModel: id: Input should be greater than 0"),
        (ItemModel, "SELECT 'c4n4ry' AS id", "a row does not fit ItemModel: id: Input should be a valid integer"),
        (Strict, "SELECT 1 AS id, 2 AS weight", "a row does not fit Strict: weight: Extra inputs are not permitted"),
    ],
)
async def test_a_row_that_does_not_fit_names_the_columns_and_no_value(db, model, query, problem):
    for fetch in (db.fetch, db.fetchrow):
        with pytest.raises(RowMappingError) as caught:
            await fetch(query, into=model)

        assert str(caught.value).startswith(problem)
        assert "c4n4ry" not in f"{caught.value!r}{caught.value.__context__!r}"
        assert "99" not in str(caught.value)


async def test_the_keys_of_a_value_are_not_shown_either(db):
    class Document(BaseModel):
        body: dict[str, int]

    await db.execute("SELECT 1")
    async with db.acquire() as connection:
        import json

        await connection.raw.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        with pytest.raises(RowMappingError) as caught:
            await connection.fetchrow("""SELECT '{"c4n4ry": "x"}'::jsonb AS body""", into=Document)
        await connection.raw.reset_type_codec("jsonb", schema="pg_catalog")

    assert "body: Input should be a valid integer" in str(caught.value)
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize("model", [dict, int, list[int], "Item", Item(1)])
async def test_a_class_that_rows_cannot_become_is_refused_before_the_statement_runs(db, ids, model):
    with pytest.raises(RowMappingError, match="neither a dataclass nor a pydantic model"):
        await db.fetch("INSERT INTO {{tables.items}} VALUES (1) RETURNING id", into=model)

    assert await ids(db) == []


async def test_the_connection_that_is_held_speaks_the_same_words(db, ids):
    async with db.acquire() as connection:
        await connection.execute("INSERT INTO {{tables.items}} VALUES ($1)", 1)
        await connection.copy_records_to_table("items", records=[(2, "b")])
        assert [item.id for item in await connection.fetch("SELECT id FROM {{tables.items}}", into=Item)] == [1, 2]
        assert connection.schema == db.schema
        assert repr(connection) == f"<Connection of service '{db.schema}'>"

    assert await ids(db) == [1, 2]


async def test_a_held_connection_keeps_its_session(db):
    async with db.acquire() as connection:
        await connection.execute("SET work_mem = '12MB'")
        assert await connection.fetchval("SHOW work_mem") == "12MB"

    async with db.acquire() as connection:
        assert await connection.fetchval("SHOW work_mem") != "12MB"


async def test_a_connection_may_be_taken_and_given_back_by_hand(db, pool):
    connection = await db.acquire()
    assert await connection.fetchval("SELECT 1") == 1
    assert pool.statistics().in_use == 1

    await db.release(connection)
    await db.release(connection)

    assert pool.statistics().in_use == 0


async def test_a_connection_that_was_given_back_can_do_nothing(db, pool):
    async with db.acquire() as connection:
        pass

    async with pool.lease("somebody else"):
        with pytest.raises(UsageError, match="was given back already"):
            await connection.fetchval("SELECT 1")
        with pytest.raises(UsageError, match="was given back already"):
            async with connection.transaction():
                pass
        with pytest.raises(UsageError, match="was given back already"):
            connection.cursor("SELECT 1")


async def test_acquiring_has_a_time_limit(db, pool):
    leases = [await hold_elsewhere(pool.acquire("others")) for _ in range(5)]

    with pytest.raises(PoolExhaustedError):
        async with db.acquire(timeout=0.05):
            pass

    for lease in leases:
        await pool.release(lease)


async def test_two_statements_at_once_on_one_connection_are_a_fault_of_use(db):
    async with db.acquire() as connection:
        first = asyncio.create_task(connection.execute("SELECT pg_sleep(0.05)"))
        await asyncio.sleep(0)
        with pytest.raises(UsageError, match="another operation is in progress"):
            await connection.execute("SELECT 1")
        await first


async def test_a_connection_that_is_lost_is_reported_as_such(db, observer):
    async with db.acquire() as connection:
        await observer.execute("SELECT pg_terminate_backend($1, 5000)", connection.raw.get_server_pid())
        with pytest.raises(ConnectionLostError):
            await connection.fetchval("SELECT 1")

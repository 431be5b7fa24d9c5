"""What a tracer is told: each operation from its beginning to its end, with its service and its wait."""

from __future__ import annotations

import asyncio
import io

import pytest

from poolhouse.errors import ConfigurationError, DatabaseError, PoolExhaustedError
from poolhouse.schema import SchemaManager
from tests.integration.moments import hold_elsewhere, until


class Trace:
    def __init__(self, service, schema, statement):
        self.about = (service, schema, statement)
        self.waited = self.handed_off_in = None
        self.ended = []

    def acquired(self, *, waited, handed_off_in):
        assert not self.ended
        self.waited, self.handed_off_in = waited, handed_off_in

    def end(self, error):
        self.ended.append(error)


class Tracer(list):
    def begin(self, *about):
        self.append(Trace(*about))
        return self[-1]

    def statements(self):
        return [trace.about[2] for trace in self]


@pytest.fixture
async def pool(open_pool):
    return await open_pool(max_size=1)


@pytest.fixture
def tracer(pool):
    tracer = Tracer()
    pool.trace(tracer)
    yield tracer
    assert all(len(trace.ended) == 1 for trace in tracer)


@pytest.fixture
def users(pool):
    return SchemaManager(pool, schema="users")


async def test_each_statement_is_followed_as_it_was_written(tracer, users, pool):
    await users.fetchval("SELECT $1, '{{schema}}'", "a value")
    await SchemaManager(pool, schema="acme", service="tenants").execute("SELECT 2")

    assert [trace.about for trace in tracer] == [
        ("users", "users", "SELECT $1, '{{schema}}'"),
        ("tenants", "acme", "SELECT 2"),
    ]
    assert [trace.ended for trace in tracer] == [[None], [None]]


async def test_waits_and_hand_offs_are_told(tracer, users, pool):
    orders = SchemaManager(pool, schema="orders")
    await orders.fetchval("SELECT 1")
    async with orders.acquire():
        late = asyncio.create_task(users.fetchval("SELECT 2"))
        await asyncio.sleep(0.02)
    await late
    await users.fetchval("SELECT 3")

    first, held, waiting, again = tracer
    assert held.about == ("orders", "orders", None)
    assert (first.handed_off_in > 0, held.handed_off_in, again.handed_off_in) == (True, 0, 0)
    assert 0 < waiting.handed_off_in < waiting.waited
    assert waiting.waited >= 0.02 > again.waited


async def test_a_transaction_is_followed_message_by_message(tracer, users):
    async with users.transaction(isolation="serializable", readonly=True) as connection:
        await connection.fetchval("SELECT 1")
        async with users.transaction():
            await users.fetchval("SELECT 2")
    with pytest.raises(ZeroDivisionError):
        async with users.transaction():
            raise ZeroDivisionError

    assert tracer.statements() == [
        "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY",
        "SELECT 1",
        "SAVEPOINT",
        "SELECT 2",
        "RELEASE SAVEPOINT poolhouse",
        "COMMIT",
        "BEGIN",
        "ROLLBACK",
    ]
    assert [trace.waited is not None for trace in tracer] == [True, *[False] * 5, True, False]


async def test_what_an_operation_raises_is_told(tracer, users, pool):
    with pytest.raises(DatabaseError) as refused:
        await users.fetchval("SELECT 1 / 0")
    held = await hold_elsewhere(pool.acquire("users"))
    with pytest.raises(PoolExhaustedError) as exhausted:
        await SchemaManager(pool, schema="orders").fetchval("SELECT 1", timeout=0.01)
    await pool.release(held)

    assert tracer[0].ended == [refused.value]
    assert tracer[1].ended == [exhausted.value]
    assert tracer[1].waited is None


async def test_a_cancelled_statement_is_ended(tracer, users):
    statement = asyncio.create_task(users.fetchval("SELECT pg_sleep(60)"))
    await until(lambda: tracer and tracer[0].waited is not None)
    statement.cancel()
    await asyncio.wait([statement])

    (error,) = tracer[0].ended
    assert isinstance(error, asyncio.CancelledError)


async def test_what_comes_in_many_messages_is_followed_once(tracer, users, pool):
    await users.executemany("SELECT $1::int", [(1,), (2,)])
    await SchemaManager(pool, schema="pg_catalog").copy_from_table("pg_class", output=io.BytesIO())
    async with users.transaction():
        rows = [row async for row in users.cursor("SELECT generate_series(1, 200)", prefetch=10)]

    assert len(rows) == 200
    assert tracer.statements() == [
        "SELECT $1::int",
        'COPY "pg_catalog"."pg_class" TO STDOUT',
        "BEGIN",
        "SELECT generate_series(1, 200)",
        "COMMIT",
    ]


async def test_there_is_one_tracer_until_it_is_taken_away(tracer, users, pool):
    with pytest.raises(ConfigurationError, match="is traced by"):
        pool.trace(Tracer())
    assert pool.ready is None
    pool.trace(None)
    assert pool.ready is not None
    await users.fetchval("SELECT 1")

    assert tracer == []


async def test_poolhouse_itself_is_not_followed(tracer, pool):
    await pool.check()

    assert tracer == []

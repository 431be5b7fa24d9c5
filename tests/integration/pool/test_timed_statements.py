"""How long statements take, by service, for whoever wants to know; and what that leaves alone."""

from __future__ import annotations

import io

import pytest

from poolhouse.errors import DatabaseError, PoolExhaustedError
from poolhouse.pool import Acquired, SlowStatement, StatementEnded
from poolhouse.schema import SchemaManager
from tests.integration.moments import hold_elsewhere


@pytest.fixture
async def pool(open_pool):
    return await open_pool(max_size=2)


@pytest.fixture
def users(pool):
    return SchemaManager(pool, schema="users")


def counted(pool, service="users"):
    return pool.statistics().services[service].statements.count


async def test_nothing_is_timed_unless_somebody_wants_it(pool, users):
    await users.fetchval("SELECT 1")
    assert counted(pool) == 0

    pool.time_statements(is_wanted=True)
    pool.time_statements(is_wanted=True)
    await users.fetchval("SELECT 1")
    pool.time_statements(is_wanted=False)
    await users.fetchval("SELECT 1")
    pool.time_statements(is_wanted=False)
    await users.fetchval("SELECT 1")

    assert counted(pool) == 2


async def test_single_statements_and_those_of_a_transaction_are_timed_by_service(pool, users):
    pool.time_statements(is_wanted=True)
    await users.execute("SELECT 1")
    await users.fetch("SELECT 1")
    await users.fetchrow("SELECT 1")
    await SchemaManager(pool, schema="orders").fetchval("SELECT 1")
    async with users.transaction() as connection:
        await users.fetchval("SELECT 1")
        await connection.fetchval("SELECT 1")

    assert (counted(pool), counted(pool, "orders")) == (5, 1)


async def test_the_time_is_the_statement_s_own(pool, users):
    pool.time_statements(is_wanted=True)
    async with users.acquire() as connection:
        await users.fetchval("SELECT pg_sleep(0.03)")
        await connection.fetchval("SELECT pg_sleep(0.03)")

    statements = pool.statistics().services["users"].statements
    assert sum(count for bound, count in statements.counts.items() if bound >= 0.05) == 2
    assert 0.06 <= statements.total < 2


async def test_statements_that_fail_are_timed_too(pool, users):
    pool.time_statements(is_wanted=True)
    with pytest.raises(DatabaseError):
        await users.fetchval("SELECT 1 / 0")
    with pytest.raises(DatabaseError):
        async with users.transaction():
            await users.fetchval("SELECT 1 / 0")

    assert counted(pool) == 2


async def test_what_comes_in_many_messages_is_one_statement(pool, users):
    pool.time_statements(is_wanted=True)
    catalogue = SchemaManager(pool, schema="pg_catalog")
    await users.executemany("SELECT $1::int", [(1,), (2,), (3,)])
    await catalogue.copy_from_table("pg_class", output=io.BytesIO())
    async with users.transaction():
        rows = [row async for row in users.cursor("SELECT generate_series(1, 200)", prefetch=10)]

    assert len(rows) == 200
    assert (counted(pool), counted(pool, "pg_catalog")) == (2, 1)


async def test_it_goes_on_when_the_pool_is_opened_anew(pool, users):
    pool.time_statements(is_wanted=True)
    await pool.close()
    await pool.open()
    await users.fetchval("SELECT 1")

    assert counted(pool) == 1


@pytest.mark.parametrize("kind", [Acquired, SlowStatement, StatementEnded])
async def test_watching_every_use_leaves_single_statements_their_short_way(pool, users, kind):
    pool.subscribe(kind, print)
    assert pool.ready is not None

    pool.unsubscribe(kind, print)
    assert type(pool.ready).__name__ == "Leases"


async def test_waits_are_counted_for_who_waited(open_pool):
    pool = await open_pool(max_size=1, acquire_timeout=0.02)
    orders = SchemaManager(pool, schema="orders")
    held = await hold_elsewhere(pool.acquire("users"))
    with pytest.raises(PoolExhaustedError):
        await orders.fetchval("SELECT 1")
    await pool.release(held)

    services = pool.statistics().services
    assert (services["users"].waits.count, services["orders"].waits.count) == (0, 1)
    assert services["orders"].waits.total >= 0.02
    assert pool.statistics().waits == services["orders"].waits

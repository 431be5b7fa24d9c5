"""Limits of single services, fair turns, self-deadlocks, and what the error of an exhausted pool tells."""

from __future__ import annotations

import asyncio
import linecache
import re

import pytest

from poolhouse.errors import PoolExhaustedError, SelfDeadlockError
from poolhouse.schema import SchemaManager
from tests.integration.moments import hold_elsewhere, until


async def hold(pool, *services):
    return [await hold_elsewhere(pool.acquire(service)) for service in services]


async def release(pool, uses):
    for use in uses:
        await pool.release(use)


# Limits


async def test_the_server_never_sees_more_of_a_service_than_its_limit(open_pool, settings):
    pool = await open_pool(min_size=3, max_connections={"reports": 2})
    db = SchemaManager(pool, schema="reports")
    count = """SELECT count(*), pg_sleep(0.002) FROM pg_stat_activity
        WHERE starts_with(application_name, $1) AND state = 'active' AND query LIKE 'SELECT count(*), pg_sleep%'"""

    seen = await asyncio.gather(*(db.fetchval(count, settings().application_name) for _ in range(20)))

    assert max(seen) == 2
    assert pool.statistics().services["reports"].acquired == 20


async def test_a_service_at_its_limit_leaves_the_others_what_there_is(open_pool):
    pool = await open_pool(min_size=3, max_connections={"reports": 1})
    held = await hold(pool, "reports")
    waiting = [asyncio.create_task(pool.acquire("reports")) for _ in range(5)]
    await until(lambda: pool.statistics().waiting == 5)

    others = [await hold_elsewhere(pool.acquire(service, timeout=0)) for service in ("users", "orders")]

    assert pool.statistics().services["reports"].in_use == 1
    await release(pool, others)
    assert pool.statistics().services["reports"].in_use == 1
    assert pool.statistics().idle == 2
    await release(pool, held)
    for task in waiting:
        await pool.release(await task)


async def test_the_error_of_a_service_at_its_limit_tells_that_limit(open_pool):
    pool = await open_pool(max_connections={"reports": 1})
    async with pool.lease("users"), pool.lease("reports"):
        with pytest.raises(PoolExhaustedError, match=r"or raise its max_connections \(1\)") as caught:
            await hold_elsewhere(pool.acquire("reports", timeout=0.01))

    assert caught.value.max_size == 1
    assert caught.value.is_limited
    (holder,) = caught.value.holders
    assert holder.startswith("reports (")


# Turns


async def test_a_busy_service_does_not_hold_up_another(open_pool):
    pool = await open_pool(min_size=3)
    busy, rare = SchemaManager(pool, schema="busy"), SchemaManager(pool, schema="rare")
    crowd = [asyncio.create_task(busy.execute("SELECT pg_sleep(0.05)")) for _ in range(30)]
    await until(lambda: pool.statistics().waiting == 27)
    passed = []

    for _ in range(4):
        before = pool.statistics().services["busy"].acquired
        assert await rare.fetchval("SELECT 1") == 1
        passed.append(pool.statistics().services["busy"].acquired - before)

    # The next connection that comes back is the other service's, but for those that come back in the same moment.
    assert sum(passed) <= 4 * 4
    for task in crowd:
        task.cancel()
    await asyncio.wait(crowd)
    await until(lambda: not pool.statistics().in_use)


async def test_every_service_has_its_turn_while_all_are_busy(open_pool):
    pool = await open_pool(max_size=1)
    served = []

    async def use(service):
        async with pool.lease(service):
            served.append(service)
            # Longer than a turn.
            await asyncio.sleep(0.006)

    first = await hold(pool, "a")
    uses = [asyncio.create_task(use(service)) for service in "aaabbbccc"]
    await until(lambda: pool.statistics().waiting == 9)
    await asyncio.sleep(0.006)
    await release(pool, first)
    await asyncio.gather(*uses)

    assert served == list("abcabcabc")


async def test_within_a_turn_a_service_keeps_its_connection(open_pool):
    pool = await open_pool(max_size=1)
    dbs = [SchemaManager(pool, schema=service) for service in ("a", "b")]

    await asyncio.gather(*(db.fetchval("SELECT 1") for _ in range(20) for db in dbs))

    # In strict alternation it would be 39.
    assert sum(service.hand_offs for service in pool.statistics().services.values()) < 20


# Connections that are kept


@pytest.mark.parametrize("comes_first", [True, False], ids=["who waits", "who used it last"])
async def test_a_connection_that_is_kept_for_its_service_comes_to_another_that_waits(open_pool, comes_first):
    pool = await open_pool(max_size=2, acquire_timeout=60)
    async with pool.lease("orders"):
        users = await hold(pool, "users")
        waiting = [asyncio.create_task(pool.acquire("orders")) for _ in range(comes_first)]
        await until(lambda: pool.statistics().waiting == comes_first)
        await release(pool, users)

        async with asyncio.timeout(10):
            second = await waiting[0] if comes_first else await pool.acquire("orders")

        await pool.release(second)


async def test_who_has_no_time_to_wait_gets_a_connection_that_is_kept(open_pool):
    pool = await open_pool(max_size=2)
    async with pool.lease("orders"):
        await release(pool, await hold(pool, "users"))

        second = await pool.acquire("orders", timeout=0)

        await pool.release(second)


# Self-deadlock


async def test_a_task_that_holds_all_connections_and_asks_for_another_is_told_at_once(open_pool):
    pool = await open_pool(max_size=2, acquire_timeout=60)
    async with pool.lease("users"), pool.lease("orders"):
        with pytest.raises(SelfDeadlockError, match="service 'users' holds all 2 connections"):
            await pool.acquire("users")

    assert pool.statistics().waiting == 0
    await pool.check()


async def test_a_statement_of_another_service_in_a_transaction_on_the_last_connection_is_a_self_deadlock(open_pool):
    pool = await open_pool(max_size=1, acquire_timeout=60)
    users, orders = (SchemaManager(pool, schema=service) for service in ("users", "orders"))
    async with users.transaction():
        with pytest.raises(SelfDeadlockError, match="the connection that it could get"):
            await orders.fetchval("SELECT 1")

        assert await users.fetchval("SELECT 1") == 1


async def test_under_a_limit_of_the_service_the_limit_counts(open_pool):
    pool = await open_pool(acquire_timeout=60, max_connections={"reports": 1})
    async with pool.lease("reports"):
        with pytest.raises(SelfDeadlockError, match="max_connections") as caught:
            await pool.acquire("reports")
        assert caught.value.held == 1

        async with pool.lease("users"):
            pass


async def test_another_task_waits_for_what_a_task_holds(open_pool):
    pool = await open_pool(max_size=1)
    async with pool.lease("users") as use:
        other = asyncio.create_task(pool.acquire("users"))
        await until(lambda: pool.statistics().waiting == 1)

        await pool.release(use)

        await pool.release(await other)


async def test_a_connection_that_a_statement_of_another_task_uses_may_come_back(open_pool):
    pool = await open_pool(max_size=2)
    db = SchemaManager(pool, schema="users")
    other = asyncio.create_task(db.execute("SELECT pg_sleep(0.02)"))
    await until(lambda: pool.statistics().in_use == 1)

    async with db.transaction(), pool.lease("orders"):
        assert other.done()


# What the error tells


async def test_the_holders_are_told_with_their_statements_as_written_and_never_an_argument(open_pool):
    pool = await open_pool(max_size=2)
    users, orders = (SchemaManager(pool, schema=service) for service in ("users", "orders"))
    sleeping = asyncio.create_task(users.execute("SELECT   $1::text,\n pg_sleep(60)", "secret"))
    await until(lambda: any(each.acquired for each in pool.statistics().services.values()))
    async with orders.transaction() as connection:
        await connection.fetchval("SELECT 2")
        with pytest.raises(PoolExhaustedError) as caught:
            await hold_elsewhere(pool.acquire("payments", timeout=0.02))
    sleeping.cancel()
    await asyncio.wait([sleeping])

    first, second = caught.value.holders
    assert re.fullmatch(r"users \(\d+\.\d s, SELECT \$1::text, pg_sleep\(60\)\)", first)
    assert re.fullmatch(r"orders \(\d+\.\d s, SELECT 2\)", second)
    assert "secret" not in str(caught.value)


async def test_a_long_statement_is_told_in_short(open_pool):
    pool = await open_pool(max_size=1)
    db = SchemaManager(pool, schema="users")
    async with db.acquire() as connection:
        await connection.fetchval(f"SELECT 1 /* {'long ' * 100} */")
        with pytest.raises(PoolExhaustedError) as caught:
            await hold_elsewhere(pool.acquire("orders", timeout=0.01))

    assert len(caught.value.holders[0]) < 90
    assert "…" in caught.value.holders[0]


async def test_what_the_last_user_said_is_not_told_of_the_next_one(open_pool):
    pool = await open_pool(max_size=1)
    await SchemaManager(pool, schema="users").fetchval("SELECT 'gone'")
    async with pool.lease("orders"):
        with pytest.raises(PoolExhaustedError) as caught:
            await hold_elsewhere(pool.acquire("users", timeout=0.01))

    assert re.fullmatch(r"orders \(\d+\.\d s\)", caught.value.holders[0])


async def test_who_is_waiting_for_a_hand_off_is_told_as_the_holder_and_not_who_had_it_before(open_pool, gate):
    pool = await open_pool(dsn=gate.dsn, max_size=1)
    users, orders = (SchemaManager(pool, schema=service) for service in ("users", "orders"))
    await users.fetchval("SELECT 'gone'")
    gate.hold()
    handing_off = asyncio.create_task(orders.fetchval("SELECT 'new'"))
    await asyncio.wait_for(gate.arrived.wait(), 5)

    with pytest.raises(PoolExhaustedError) as caught:
        await pool.acquire("payments", timeout=0.01)

    (holder,) = caught.value.holders
    assert re.fullmatch(r"orders \(\d+\.\d s, SELECT 'new'\)", holder)
    gate.let_pass()
    await handing_off


async def test_in_debug_mode_the_holders_are_told_with_their_places_in_the_code(open_pool):
    asyncio.get_running_loop().set_debug(True)
    pool = await open_pool(max_size=2)
    db = SchemaManager(pool, schema="users")
    async with pool.lease("orders"), db.transaction():
        with pytest.raises(PoolExhaustedError) as caught:
            await hold_elsewhere(pool.acquire("payments", timeout=0.01))

    for holder in caught.value.holders:
        place, line = re.search(r", ([^,]+):(\d+)\)$", holder).groups()
        assert place == __file__
        assert "pool.lease" in linecache.getline(place, int(line))

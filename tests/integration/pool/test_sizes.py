"""How many connections there are: growing, growing old, resizing, waiting for them, and the accounts of it all."""

from __future__ import annotations

import asyncio
import time

import pytest

from poolhouse.errors import (
    ConfigurationError,
    DrainTimeoutError,
    PoolExhaustedError,
    PoolStateError,
    ServerUnavailableError,
)
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from tests.integration.moments import hold_elsewhere, until

MINE = "SELECT pg_backend_pid()"


def sizes(pool):
    statistics = pool.statistics()
    return statistics.min_size, statistics.size, statistics.max_size


def adds_up(pool):
    statistics = pool.statistics()
    return statistics.opened == statistics.size + statistics.closed + statistics.broken


async def hold(pool, *services):
    return [await hold_elsewhere(pool.acquire(service)) for service in services]


async def release(pool, uses):
    for use in uses:
        await pool.release(use)


# Growing


async def test_a_pool_grows_only_for_those_who_would_wait(open_pool, observer):
    pool = await open_pool(min_size=1, max_size=3)
    db = SchemaManager(pool, schema="users")
    for _ in range(10):
        await db.fetchval(MINE)
    assert pool.statistics().size == 1

    await asyncio.gather(*(db.execute("SELECT pg_sleep(0.05)") for _ in range(2)))

    assert pool.statistics().size == 2
    await observer.sees(2)


async def test_a_pool_grows_to_its_size_and_no_further(open_pool, observer):
    pool = await open_pool(min_size=0, max_size=3)
    db = SchemaManager(pool, schema="users")

    await asyncio.gather(*(db.execute("SELECT pg_sleep(0.01)") for _ in range(20)))

    assert sizes(pool) == (0, 3, 3)
    await observer.sees(3)


async def test_a_service_at_its_limit_makes_the_pool_no_larger(open_pool):
    pool = await open_pool(min_size=1, max_size=3, max_connections={"reports": 1})
    db = SchemaManager(pool, schema="reports")

    await asyncio.gather(*(db.fetchval(MINE) for _ in range(10)))

    assert pool.statistics().opened == 1


# Growing old


async def test_what_is_idle_for_too_long_is_closed_down_to_min_size(open_pool, observer):
    pool = await open_pool(min_size=1, max_size=3, max_idle=0.05)
    await release(pool, await hold(pool, "users", "users", "users"))
    assert pool.statistics().size == 3

    await until(lambda: pool.statistics().size == 1)

    await observer.sees(1)
    assert pool.statistics().closed == 2
    assert pool.statistics().broken == 0
    assert adds_up(pool)


async def test_what_is_used_is_not_closed_for_having_been_idle(open_pool):
    pool = await open_pool(min_size=0, max_size=1, max_idle=0.02)
    async with pool.lease("users") as use:
        await asyncio.sleep(0.06)
        assert not use.lease.connection.is_closed()


async def test_what_was_held_for_long_has_not_been_idle_for_long(open_pool):
    pool = await open_pool(min_size=0, max_size=1)
    async with pool.lease("users") as use:
        await asyncio.sleep(0.02)
        ending = time.monotonic()

    (lease,) = pool._leases.sharing.idle_leases()
    assert lease is use.lease
    assert lease.since >= ending


async def test_what_is_too_old_is_replaced_while_idle(open_pool):
    pool = await open_pool(min_size=1, max_size=1, max_age=0.05)
    db = SchemaManager(pool, schema="users")
    pid = await db.fetchval(MINE)

    await until(lambda: pool.statistics().closed >= 1)

    assert await db.fetchval(MINE) != pid
    assert adds_up(pool)


async def test_what_is_too_old_is_replaced_though_it_is_never_idle_for_long(open_pool):
    pool = await open_pool(min_size=1, max_size=1, max_age=0.1)
    db = SchemaManager(pool, schema="users")
    pids = set()
    begun = time.monotonic()

    while len(pids) < 2:
        # Nobody waits, and it is in use almost always.
        pids.add(await db.fetchval(f"{MINE} FROM pg_sleep(0.02)"))
        assert time.monotonic() < begun + 5, "it grows old"


async def test_what_is_held_while_it_grows_too_old_is_replaced_afterwards(open_pool):
    pool = await open_pool(min_size=0, max_size=1, max_age=0.03)
    db = SchemaManager(pool, schema="users")
    async with db.acquire() as connection:
        pid = await connection.fetchval(MINE)
        await asyncio.sleep(0.06)
        assert await connection.fetchval(MINE) == pid

    assert await db.fetchval(MINE) != pid


async def test_after_so_many_uses_a_connection_is_replaced(open_pool):
    pool = await open_pool(min_size=1, max_size=1, max_uses=3)
    db = SchemaManager(pool, schema="users")

    pids = [await db.fetchval(MINE) for _ in range(9)]

    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 3]


# Resizing


@pytest.mark.parametrize(("min_size", "max_size"), [(-1, 3), (4, 3), (0, 0), (0, -1)])
async def test_sizes_that_cannot_be_are_refused(open_pool, min_size, max_size):
    pool = await open_pool(min_size=1, max_size=2)

    with pytest.raises(ConfigurationError, match=f"from {min_size} to {max_size} connections"):
        await pool.resize(min_size, max_size)

    assert sizes(pool) == (1, 1, 2)


async def test_a_pool_that_is_not_open_has_no_sizes_to_change(settings):
    with pytest.raises(PoolStateError):
        await SharedPool(settings()).resize(1, 2)


async def test_resizing_up_returns_when_the_connections_stand(open_pool, observer):
    pool = await open_pool(min_size=1, max_size=1)

    await pool.resize(3, 4)

    assert sizes(pool) == (3, 3, 4)
    await observer.sees(3)


async def test_resizing_up_serves_those_who_wait(open_pool):
    pool = await open_pool(max_size=1)
    held = await hold(pool, "users")
    waiting = [asyncio.create_task(pool.acquire(service)) for service in ("users", "orders")]
    await until(lambda: pool.statistics().waiting == 2)

    await pool.resize(0, 3)

    await release(pool, [*held, *[await task for task in waiting]])
    assert pool.statistics().size == 3


async def test_resizing_up_keeps_a_services_own_limit(open_pool):
    pool = await open_pool(max_size=2, max_connections={"reports": 1})
    await pool.resize(0, 3)
    async with pool.lease("reports"):
        with pytest.raises(PoolExhaustedError):
            await hold_elsewhere(pool.acquire("reports", timeout=0.01))


async def test_resizing_down_closes_what_is_idle(open_pool, observer):
    pool = await open_pool(min_size=3, max_size=3)

    await pool.resize(1, 1)

    assert sizes(pool) == (1, 1, 1)
    await observer.sees(1)
    assert adds_up(pool)


async def test_resizing_down_waits_for_what_is_in_use_and_cuts_nothing(open_pool, observer):
    pool = await open_pool(min_size=3, max_size=3)
    held = await hold(pool, "users", "orders", "users")
    resizing = asyncio.create_task(pool.resize(1, 1))
    await until(lambda: pool.statistics().max_size == 1)

    await release(pool, held[:1])
    assert not resizing.done()
    await release(pool, held[1:2])
    await resizing

    assert await held[2].lease.connection.fetchval("SELECT 1") == 1
    await release(pool, held[2:])
    await pool.check()
    await observer.sees(1)


async def test_resizing_down_while_others_wait_serves_them_with_what_is_left(open_pool, observer):
    pool = await open_pool(min_size=2, max_size=2)
    held = await hold(pool, "users", "orders")
    db = SchemaManager(pool, schema="users")
    waiting = [asyncio.create_task(db.fetchval("SELECT 1")) for _ in range(5)]
    await until(lambda: pool.statistics().waiting == 5)
    resizing = asyncio.create_task(pool.resize(1, 1))
    await until(lambda: pool.statistics().max_size == 1)

    await release(pool, held)

    assert await asyncio.gather(*waiting) == [1] * 5
    await resizing
    await observer.sees(1)


async def test_resizing_while_resizing_makes_the_last_sizes_count_for_both(open_pool):
    pool = await open_pool(min_size=1, max_size=2)
    held = await hold(pool, "users", "orders")
    first = asyncio.create_task(pool.resize(3, 3))
    second = asyncio.create_task(pool.resize(1, 1))
    await until(lambda: pool.statistics().max_size == 1)

    await release(pool, held)

    await asyncio.wait_for(asyncio.gather(first, second), 5)
    assert sizes(pool) == (1, 1, 1)


async def test_a_resizing_that_is_cancelled_goes_on(open_pool):
    pool = await open_pool(min_size=2, max_size=2)
    held = await hold(pool, "users", "orders")
    resizing = asyncio.create_task(pool.resize(1, 1))
    await until(lambda: pool.statistics().max_size == 1)
    resizing.cancel()
    await asyncio.wait([resizing])

    await release(pool, held)

    await until(lambda: sizes(pool) == (1, 1, 1))


async def test_resizing_ends_when_the_pool_is_closed(open_pool):
    pool = await open_pool(min_size=2, max_size=2, drain_timeout=0.05)
    await release(pool, (await hold(pool, "users", "orders"))[:1])
    resizing = asyncio.create_task(pool.resize(1, 1))
    await until(lambda: pool.statistics().max_size == 1)

    with pytest.raises(DrainTimeoutError):
        await pool.close()

    await asyncio.wait_for(resizing, 5)


# Waiting for the size


async def test_waiting_returns_when_min_size_stands_again(open_pool, observer):
    pool = await open_pool(min_size=3, max_size=3)
    for pid in await observer.pids():
        await observer.end(pid)
    # The server tells the pool a moment later than the observer.
    await until(lambda: pool.statistics().broken == 3)

    await pool.wait(timeout=5)

    assert pool.statistics().size == 3
    await observer.sees(3)


async def test_waiting_for_a_server_that_is_gone_ends_at_the_limit(open_pool, gate):
    pool = await open_pool(dsn=gate.dsn, min_size=2, max_size=2)
    await gate.close()
    await until(lambda: pool.statistics().size == 0)
    begun = time.monotonic()

    with pytest.raises(ServerUnavailableError):
        await pool.wait(timeout=0.1)

    assert time.monotonic() - begun < 0.6


# The accounts


async def test_those_who_waited_are_in_the_histogram_each_once(open_pool):
    pool = await open_pool(min_size=1, max_size=1)
    db = SchemaManager(pool, schema="users")
    await db.fetchval(MINE)
    assert pool.statistics().waits.count == 0
    async with pool.lease("orders"):
        with pytest.raises(PoolExhaustedError):
            await hold_elsewhere(db.fetchval(MINE, timeout=0.06))
        late = [asyncio.create_task(db.fetchval(MINE)) for _ in range(3)]
        left = asyncio.create_task(db.fetchval(MINE))
        await until(lambda: pool.statistics().waiting == 4)
        left.cancel()
        await asyncio.wait([left])
    await asyncio.gather(*late)
    statistics = pool.statistics()

    assert statistics.waits.count == 1 + 3 + 1
    assert sum(statistics.waits.counts[bound] for bound in (0.1, 0.25, 0.5)) >= 1
    assert statistics.services["users"].acquired == 1 + 3
    assert statistics.services["users"].exhausted == 1


async def test_opened_closed_and_broken_connections_add_up(open_pool, observer):
    pool = await open_pool(min_size=2, max_size=3, max_uses=2)
    db = SchemaManager(pool, schema="users")
    for _ in range(5):
        await db.fetchval(MINE)
        assert adds_up(pool)
    (pid, *_) = await observer.pids()
    await observer.end(pid)
    await until(lambda: pool.statistics().broken == 1)
    assert adds_up(pool)
    await release(pool, await hold(pool, "users", "orders", "users"))
    async with pool.lease("users") as use:
        await use.connection.execute("SELECT 1")
    assert adds_up(pool)

    await pool.close()

    assert pool.statistics().size == 0
    assert pool.statistics().broken == 1
    assert adds_up(pool)


async def test_a_connection_that_breaks_while_held_is_broken_once(open_pool, observer):
    pool = await open_pool(min_size=0, max_size=1)
    async with pool.lease("users"):
        (pid,) = await observer.pids()
        await observer.end(pid)
        await until(lambda: pool.statistics().size == 0)

    assert (pool.statistics().broken, pool.statistics().in_use) == (1, 0)
    assert adds_up(pool)


async def test_what_was_held_beyond_the_close_counts_for_nobody_when_it_comes_back(open_pool, observer):
    pool = await open_pool(min_size=0, max_size=2, drain_timeout=0.05)
    held = await hold(pool, "users", "orders")
    await observer.end(held[0].lease.connection.get_server_pid())
    await until(lambda: pool.statistics().size == 1)
    with pytest.raises(DrainTimeoutError, match=r"held by users .*, orders "):
        await pool.close()

    await release(pool, held)

    statistics = pool.statistics()
    assert (statistics.in_use, statistics.size, statistics.idle) == (0, 0, 0)
    assert all(service.in_use == 0 for service in statistics.services.values())


async def test_a_use_that_never_began_is_not_counted_as_one(open_pool):
    pool = await open_pool(max_size=1)
    for is_given_first in (True, False):
        held = await hold_elsewhere(pool.acquire("orders"))
        waiting = asyncio.create_task(pool.acquire("users"))
        await until(lambda: pool.statistics().waiting == 1)
        if is_given_first:
            await pool.release(held)
        waiting.cancel()
        await pool.release(held)
        await asyncio.wait([waiting])

    assert pool.statistics().services["users"].acquired == 0
    assert pool.statistics().services["orders"].acquired == 2

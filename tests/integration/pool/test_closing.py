"""Closing the pool: draining, cutting, and what the holders and the waiting are told."""

from __future__ import annotations

import asyncio
import time
from itertools import count

import asyncpg
import pytest

from poolhouse.errors import ConnectionLostError, DrainTimeoutError, PoolStateError
from poolhouse.schema import SchemaManager
from tests.integration.moments import NOISE, interrupt, until


async def state(pool, name):
    await until(lambda: pool.statistics().state.value == name)


async def waiting(pool, number):
    await until(lambda: pool.statistics().waiting == number)


async def test_closing_leaves_no_connection(open_pool, observer):
    pool = await open_pool(min_size=3)
    await observer.sees(3)

    await pool.close()

    assert repr(pool).startswith("<SharedPool stopped, ")
    await observer.sees(0)


async def test_those_who_hold_a_connection_may_finish(open_pool, observer):
    pool = await open_pool()
    lease = await pool.acquire("users")
    closing = asyncio.create_task(pool.close())
    await state(pool, "stopping")

    assert await lease.connection.fetchval("SELECT 1") == 1
    await pool.release(lease)
    await closing

    await observer.sees(0)


async def test_those_who_wait_are_still_served(open_pool):
    pool = await open_pool(max_size=1)
    lease = await pool.acquire("users")
    late = asyncio.create_task(pool.acquire("orders"))
    await waiting(pool, 1)
    closing = asyncio.create_task(pool.close())
    await state(pool, "stopping")

    await pool.release(lease)
    second = await late

    assert not closing.done()
    assert await second.connection.fetchval("SELECT 1") == 1
    await pool.release(second)
    await closing


async def test_nobody_gets_a_connection_once_closing_has_begun(open_pool):
    pool = await open_pool(max_size=2)
    lease = await pool.acquire("users")
    closing = asyncio.create_task(pool.close())
    await state(pool, "stopping")

    with pytest.raises(PoolStateError, match="it is stopping"):
        await pool.acquire("orders")

    await pool.release(lease)
    await closing


async def test_past_the_limit_the_holders_are_cut_and_named(open_pool, observer):
    pool = await open_pool(max_size=2, drain_timeout=0.3)
    db = SchemaManager(pool, schema="orders")
    idle = await pool.acquire("users")
    busy = asyncio.create_task(db.fetchval("SELECT pg_sleep(60)"))
    await observer.sees(1, where="state = 'active'")
    begun = time.monotonic()

    with pytest.raises(DrainTimeoutError) as caught:
        await pool.close()

    assert 0.3 <= time.monotonic() - begun < 0.36 + NOISE
    assert [holder.partition(" ")[0] for holder in caught.value.holders] == ["users", "orders"]
    assert "raise drain_timeout" in str(caught.value)
    with pytest.raises(ConnectionLostError):
        await busy
    with pytest.raises(asyncpg.InterfaceError):
        await idle.connection.fetchval("SELECT 1")
    await pool.release(idle)
    statistics = pool.statistics()
    assert (statistics.size, statistics.in_use) == (0, 0)
    assert {service.in_use for service in statistics.services.values()} == {0}


async def test_past_the_limit_those_who_wait_are_told_that_the_pool_is_closed(open_pool, observer):
    pool = await open_pool(max_size=1, drain_timeout=0.1)
    await pool.acquire("users")
    late = [asyncio.create_task(pool.acquire("orders")) for _ in range(3)]
    await waiting(pool, 3)

    with pytest.raises(DrainTimeoutError):
        await pool.close()

    for refused in await asyncio.gather(*late, return_exceptions=True):
        assert isinstance(refused, PoolStateError)
        assert "it is stopped" in str(refused)
    assert pool.statistics().waiting == 0
    await observer.sees(0)


async def test_past_the_limit_those_who_are_connecting_are_told_that_the_pool_is_closed(open_pool, gate, observer):
    pool = await open_pool(dsn=gate.dsn, min_size=0, max_size=2, drain_timeout=0.1)
    holder = await pool.acquire("users")
    gate.hold()
    late = asyncio.create_task(pool.acquire("orders"))
    await gate.arrived.wait()

    with pytest.raises(DrainTimeoutError):
        await pool.close()

    begun = time.monotonic()
    with pytest.raises(PoolStateError):
        await late
    assert time.monotonic() - begun < 0.5 + NOISE
    assert not late.cancelled()
    gate.let_pass()
    await pool.release(holder)
    await observer.sees(0)


async def test_after_a_cut_the_pool_can_be_opened_again_and_old_leases_mean_nothing(open_pool):
    pool = await open_pool(max_size=1, drain_timeout=0.05)
    old = await pool.acquire("users")
    with pytest.raises(DrainTimeoutError):
        await pool.close()

    await pool.open()
    new = await pool.acquire("users")
    await pool.release(old)

    assert pool.statistics().in_use == 1
    assert pool.statistics().services["users"].in_use == 1
    await pool.release(new)


async def test_a_cancelled_close_cuts_everything_at_once(open_pool, observer):
    pool = await open_pool(min_size=3, max_size=3, drain_timeout=60)
    await pool.acquire("users")
    closing = asyncio.create_task(pool.close())
    await state(pool, "stopping")

    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing

    assert not pool.is_open
    await observer.sees(0)


async def test_cancelled_anywhere_closing_leaves_no_connection(open_pool, observer):
    pool = await open_pool(min_size=3, max_size=3)
    for at in count(1):
        await pool.open()
        was_interrupted, outcome = await interrupt(pool.close(), at=at)
        assert not pool.is_open
        await observer.sees(0)
        if not was_interrupted:
            break
        assert isinstance(outcome, asyncio.CancelledError)
    assert outcome is None


async def test_many_that_close_at_once_all_return_when_it_is_closed(open_pool, observer):
    pool = await open_pool()
    lease = await pool.acquire("users")
    closings = [asyncio.create_task(pool.close()) for _ in range(5)]
    await state(pool, "stopping")
    await pool.release(lease)

    await asyncio.gather(*closings)

    await observer.sees(0)


async def test_a_close_during_an_opening_closes_what_was_opened(settings, open_pool, observer):
    pool = await open_pool()
    await pool.close()

    opening = asyncio.create_task(pool.open())
    await state(pool, "starting")
    await pool.close()

    await opening
    assert not pool.is_open
    await observer.sees(0)


async def test_a_server_that_no_longer_answers_does_not_hold_up_closing(open_pool, gate):
    pool = await open_pool(dsn=gate.dsn, min_size=2, drain_timeout=0.6)
    gate.hold()
    begun = time.monotonic()

    await pool.close()

    assert time.monotonic() - begun < 0.8 + NOISE
    gate.let_pass()

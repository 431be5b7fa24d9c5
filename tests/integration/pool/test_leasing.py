"""Leases: deadlines, accounts, and connections that break or are given back in bad moments."""

from __future__ import annotations

import asyncio
import random
import time
from itertools import count

import pytest

from poolhouse._core.lifecycle import LifecycleState
from poolhouse.errors import (
    ConnectionLostError,
    PoolExhaustedError,
    PoolhouseError,
    QueryTimeoutError,
    ServerUnavailableError,
)
from poolhouse.schema import SchemaManager
from tests.integration.moments import NOISE, hold_elsewhere, interrupt, until


async def test_a_lease_holds_one_connection_and_gives_it_back(open_pool):
    pool = await open_pool(max_size=1)

    async with pool.lease("users") as lease:
        assert await lease.connection.fetchval("SELECT 1") == 1
        assert pool.statistics().in_use == 1

    assert pool.statistics().in_use == 0


async def test_what_its_user_did_to_the_driver_s_connection_cannot_be_known_so_it_is_replaced(open_pool):
    pool = await open_pool(min_size=1, max_size=1)
    async with pool.lease("users") as use:
        connection = use.connection

    await until(connection.is_closed)
    await pool.wait()
    assert pool.statistics().idle == 1


async def test_a_lease_is_given_back_when_its_block_raises(open_pool):
    pool = await open_pool(max_size=1)

    with pytest.raises(ZeroDivisionError):
        async with pool.lease("users"):
            raise ZeroDivisionError

    await pool.check()


async def test_the_next_one_finds_a_clean_session(open_pool):
    pool = await open_pool(min_size=1, max_size=1)

    async with pool.lease("users") as lease:
        await lease.connection.execute("SET work_mem = '12MB'; SELECT pg_advisory_lock(1)")
    async with pool.lease("orders") as lease:
        assert await lease.connection.fetchval("SHOW work_mem") != "12MB"
        assert await lease.connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


async def test_giving_back_a_second_time_does_nothing(open_pool):
    pool = await open_pool(max_size=1)
    first = await pool.acquire("users")
    await pool.release(first)
    second = await pool.acquire("orders")

    await pool.release(first)

    assert pool.statistics().in_use == 1
    assert await second.connection.fetchval("SELECT 1") == 1
    await pool.release(second)


@pytest.mark.parametrize("limit", [0.1, 0.5])
async def test_past_the_deadline_the_error_names_who_waited_and_who_holds(open_pool, limit):
    pool = await open_pool(max_size=2, acquire_timeout=limit)
    held = [await hold_elsewhere(pool.acquire(service)) for service in ("users", "orders")]
    begun = time.monotonic()
    with pytest.raises(PoolExhaustedError) as caught:
        await pool.acquire("payments")
    waited = time.monotonic() - begun
    for use in held:
        await pool.release(use)

    assert limit <= waited < limit + NOISE
    assert caught.value.service == "payments"
    assert caught.value.retryable
    users, orders = caught.value.holders
    assert (users.partition(" ")[0], orders.partition(" ")[0]) == ("users", "orders")
    assert str(caught.value).startswith(
        f"service 'payments' waited {caught.value.waited:.2f} s for one of 2 connections: held by users ("
    )


async def test_a_deadline_of_its_own_counts_more_than_the_setting(open_pool):
    pool = await open_pool(max_size=1, acquire_timeout=60)
    use = await hold_elsewhere(pool.acquire("users"))
    begun = time.monotonic()
    with pytest.raises(PoolExhaustedError):
        await pool.acquire("orders", timeout=0.1)
    await pool.release(use)

    assert time.monotonic() - begun < 0.1 + NOISE


async def test_without_time_to_wait_an_idle_connection_is_still_given(open_pool):
    pool = await open_pool(max_size=1)

    use = await hold_elsewhere(pool.acquire("users", timeout=0))
    with pytest.raises(PoolExhaustedError):
        await pool.acquire("orders", timeout=0)
    await pool.release(use)


async def test_those_who_wait_are_served_in_turn(open_pool):
    pool = await open_pool(max_size=1)
    served = []

    async def use(number):
        async with pool.lease("users"):
            served.append(number)

    async with pool.lease("orders"):
        uses = [asyncio.create_task(use(number)) for number in range(10)]
        await waiting(pool, 10)
    await asyncio.gather(*uses)

    assert served == list(range(10))


async def waiting(pool, number):
    await until(lambda: pool.statistics().waiting == number)


async def test_the_statistics_add_up(open_pool):
    pool = await open_pool(min_size=2, max_size=3)
    for _ in range(2):
        async with pool.lease("users"):
            pass
    held = [await hold_elsewhere(pool.acquire(service)) for service in ("users", "orders", "orders")]
    with pytest.raises(PoolExhaustedError):
        await pool.acquire("payments", timeout=0.05)
    late = asyncio.create_task(pool.acquire("payments"))
    await waiting(pool, 1)
    statistics = pool.statistics()
    for use in held:
        await pool.release(use)
    await pool.release(await late)

    assert (statistics.size, statistics.idle, statistics.in_use, statistics.waiting) == (3, 0, 3, 1)
    assert (statistics.min_size, statistics.max_size, statistics.state) == (2, 3, LifecycleState.STARTED)
    assert list(statistics.services) == ["orders", "payments", "users"]
    assert sum(service.in_use for service in statistics.services.values()) == statistics.in_use
    assert sum(service.waiting for service in statistics.services.values()) == statistics.waiting
    assert statistics.services["users"].acquired == 3
    assert statistics.services["payments"].exhausted == 1
    after = pool.statistics()
    assert (after.in_use, after.waiting, after.size, after.idle) == (0, 0, 3, 3)
    assert after.services["payments"].waited_total >= after.services["payments"].waited_longest > 0


async def test_statistics_begin_anew_with_every_opening(open_pool):
    pool = await open_pool()
    async with pool.lease("users"):
        pass

    await pool.close()
    await pool.open()

    assert pool.statistics().services == {}


async def test_a_check_of_an_exhausted_pool_says_so_within_its_limit(open_pool):
    pool = await open_pool(max_size=1, check_timeout=0.2)
    use = await hold_elsewhere(pool.acquire("users"))
    begun = time.monotonic()
    with pytest.raises(PoolExhaustedError, match="held by users"):
        await pool.check()
    await pool.release(use)

    assert 0.2 <= time.monotonic() - begun < 0.25 + NOISE


async def test_a_check_of_a_server_that_does_not_answer_ends_within_its_limit(open_pool, gate):
    pool = await open_pool(dsn=gate.dsn, max_size=1)
    await pool.check()
    gate.hold()
    begun = time.monotonic()

    with pytest.raises(QueryTimeoutError):
        await pool.check(timeout=0.2)

    assert 0.2 <= time.monotonic() - begun < 0.25 + NOISE
    gate.let_pass()
    await pool.check()


async def test_a_check_of_a_server_that_is_gone_says_so(open_pool, gate):
    pool = await open_pool(dsn=gate.dsn)

    await gate.close()

    with pytest.raises((ServerUnavailableError, ConnectionLostError)):
        await pool.check()
    with pytest.raises(ServerUnavailableError, match="connection refused"):
        await pool.check()


async def test_a_statement_on_a_server_that_falls_silent_ends_at_its_limit(open_pool, gate):
    pool = await open_pool(dsn=gate.dsn, max_size=1)
    db = SchemaManager(pool, schema="users")
    assert await db.fetchval("SELECT 1") == 1
    gate.hold()
    begun = time.monotonic()

    with pytest.raises(QueryTimeoutError):
        await db.fetchval("SELECT 1", timeout=0.3)

    assert 0.3 <= time.monotonic() - begun < 0.36 + NOISE
    gate.let_pass()
    assert await db.fetchval("SELECT 2") == 2


async def test_a_server_that_takes_no_new_connection_is_not_called_exhausted(open_pool, gate):
    pool = await open_pool(dsn=gate.dsn, min_size=0, max_size=2)
    async with pool.lease("users"):
        gate.hold()
        with pytest.raises(ServerUnavailableError, match="no answer in time"):
            await pool.acquire("orders", timeout=0.1)
        gate.let_pass()
        async with pool.lease("orders"):
            pass


async def test_after_a_cut_the_pool_recovers_by_itself(open_pool, gate, observer):
    pool = await open_pool(dsn=gate.dsn, min_size=0, max_size=2)
    db = SchemaManager(pool, schema="users")
    statement = asyncio.create_task(db.fetchval("SELECT pg_sleep(60)"))
    await observer.sees(1, where="state = 'active'")

    gate.cut()

    with pytest.raises(ConnectionLostError) as caught:
        await statement
    assert caught.value.retryable
    assert await db.fetchval("SELECT 1") == 1
    assert pool.statistics().in_use == 0


async def test_a_backend_that_is_ended_in_a_statement_is_a_connection_lost(open_pool, observer):
    pool = await open_pool(min_size=0, max_size=1)
    db = SchemaManager(pool, schema="users")
    statement = asyncio.create_task(db.fetchval("SELECT pg_sleep(60)"))
    await observer.sees(1, where="state = 'active'")
    (pid,) = await observer.pids()

    await observer.end(pid)

    with pytest.raises(ConnectionLostError, match="service 'users': "):
        await statement
    assert await db.fetchval("SELECT pg_backend_pid()") != pid
    await observer.sees(1)


async def test_a_backend_that_is_ended_while_idle_is_replaced_unnoticed(open_pool, observer):
    pool = await open_pool(min_size=0, max_size=1)
    (pid,) = await observer.pids()

    await observer.end(pid)
    await until(lambda: pool.statistics().size == 0)

    async with pool.lease("users") as lease:
        assert await lease.connection.fetchval("SELECT pg_backend_pid()") != pid


async def test_a_backend_that_is_ended_while_held_is_a_connection_lost_at_the_next_statement(open_pool, observer):
    pool = await open_pool(min_size=0, max_size=1)
    db = SchemaManager(pool, schema="users")
    async with db.acquire() as connection:
        (pid,) = await observer.pids()
        await observer.end(pid)
        await until(lambda: pool.statistics().size == 0)

        with pytest.raises(ConnectionLostError):
            await connection.fetchval("SELECT 1")
        with pytest.raises(ConnectionLostError):
            async with connection.transaction():
                pass

    assert pool.statistics().in_use == 0
    await pool.check()


async def test_taking_can_be_cancelled_in_the_moment_a_connection_is_handed_over(open_pool, observer):
    pool = await open_pool(min_size=1, max_size=1)
    for steps in range(12):
        holder = await pool.acquire("users")
        taking = asyncio.create_task(pool.acquire("orders"))
        await waiting(pool, 1)
        # The moment of the reset's end is the server's, so that of the cancellation is counted back from it.
        giving = asyncio.create_task(pool.release(holder))
        await until(lambda taking=taking: pool.statistics().idle or taking.done())
        for _ in range(steps):
            await asyncio.sleep(0)
        taking.cancel()
        (outcome,) = await asyncio.gather(taking, return_exceptions=True)
        await giving
        if not isinstance(outcome, asyncio.CancelledError):
            await pool.release(outcome)
        assert pool.statistics().in_use == 0
        await pool.check()
    await observer.sees(1)


async def test_taking_can_be_cancelled_anywhere_and_nothing_is_lost(open_pool, observer):
    pool = await open_pool(min_size=0, max_size=1)
    for at in count(1):
        await observer.sees(1)
        (pid,) = await observer.pids()
        await observer.end(pid)
        await until(lambda: pool.statistics().size == 0)
        was_interrupted, outcome = await interrupt(pool.acquire("orders"), at=at)
        if not was_interrupted:
            break
        assert isinstance(outcome, asyncio.CancelledError)
        assert pool.statistics().in_use == 0
        await pool.check()
    await pool.release(outcome)
    await observer.sees(1)


async def test_a_connection_that_is_made_for_somebody_who_gave_up_is_there_for_the_next(open_pool, observer):
    pool = await open_pool(min_size=0, max_size=1)
    (pid,) = await observer.pids()
    await observer.end(pid)
    await until(lambda: pool.statistics().size == 0)
    taking = asyncio.create_task(pool.acquire("users"))
    await until(lambda: pool.statistics().waiting == 1)

    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking

    await until(lambda: pool.statistics().idle == 1)
    assert pool.statistics().in_use == 0
    await observer.sees(1)
    await pool.check()


async def test_giving_back_can_be_cancelled_anywhere_and_goes_on(open_pool, observer):
    pool = await open_pool(min_size=1, max_size=1)
    db = SchemaManager(pool, schema="users")

    async def give_back(connection):
        try:
            await db.release(connection)
        except asyncio.CancelledError:
            # Held as long as its connection cannot be used by anybody else.
            assert pool.statistics().in_use == 1
            raise

    for at in count(1):
        connection = await db.acquire()
        await connection.execute("SELECT pg_advisory_lock(1)")
        was_interrupted, outcome = await interrupt(give_back(connection), at=at)
        await until(lambda: pool.statistics().in_use == 0)
        async with pool.lease("orders") as other:
            assert await other.connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
        if not was_interrupted:
            break
        assert isinstance(outcome, asyncio.CancelledError)
    assert at > 1
    await observer.sees(1)


async def test_a_connection_that_cannot_be_reset_in_time_is_replaced(open_pool, gate):
    pool = await open_pool(dsn=gate.dsn, min_size=0, max_size=1, connect_timeout=0.1)
    db = SchemaManager(pool, schema="users")
    connection = await db.acquire()
    await connection.execute("SET work_mem = '12MB'")
    gate.hold()
    begun = time.monotonic()

    await db.release(connection)

    assert 0.1 <= time.monotonic() - begun < 0.15 + NOISE
    assert pool.statistics().in_use == 0
    gate.let_pass()
    await pool.check()


async def test_a_hundred_tasks_cancelled_at_random_leave_the_pool_whole(open_pool, observer):
    pool = await open_pool(min_size=3, max_size=3)
    db = SchemaManager(pool, schema="users")
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    chance = random.Random(1)
    mixed_up = []

    async def use(number):
        for round_ in range(5):
            expected = number * 100 + round_
            if round_ % 2:
                async with db.transaction():
                    results = [
                        await db.fetchval("SELECT $1::int", expected),
                        await db.fetchval("SELECT $1::int", expected),
                    ]
            else:
                results = [await db.fetchval("SELECT $1::int FROM pg_sleep(0.001)", expected)]
            mixed_up.extend(result for result in results if result != expected)

    tasks = [asyncio.create_task(use(number)) for number in range(100)]
    victims = chance.sample(tasks, 70)
    for victim in victims:
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(0)
        victim.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert mixed_up == []
    assert not [outcome for outcome in outcomes if isinstance(outcome, PoolhouseError)]
    assert sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes) > 10
    await until(lambda: pool.statistics().in_use == 0)
    statistics = pool.statistics()
    assert (statistics.in_use, statistics.waiting) == (0, 0)
    assert all((service.in_use, service.waiting) == (0, 0) for service in statistics.services.values())
    await observer.sees(0, where="state <> 'idle'")
    await observer.sees(pool.statistics().size)
    async with pool.lease("a", timeout=1), pool.lease("b", timeout=1), pool.lease("c", timeout=1):
        assert pool.statistics().in_use == 3

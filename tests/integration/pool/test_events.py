"""What happens in a pool, told to whoever subscribed."""

from __future__ import annotations

import asyncio
import io
import logging
from contextlib import nullcontext

import pytest

from poolhouse.errors import DatabaseError, QueryTimeoutError
from poolhouse.pool import (
    Acquired,
    ConnectionBroken,
    HandedOff,
    HeldTooLong,
    SessionReset,
    SlowStatement,
    StatementEnded,
    Waited,
)
from poolhouse.schema import SchemaManager
from tests.integration.moments import NOISE, until

KINDS = [Acquired, ConnectionBroken, HandedOff, HeldTooLong, SessionReset, SlowStatement]


def record(pool, *kinds):
    told = []
    for kind in kinds:
        pool.subscribe(kind, told.append)
    return told


def managers(pool, *services):
    return [SchemaManager(pool, schema=service) for service in services]


async def test_each_use_is_told_with_its_service_and_its_wait(open_pool):
    pool = await open_pool(max_size=1)
    told = record(pool, Acquired)
    users, orders = managers(pool, "users", "orders")
    await users.fetchval("SELECT 1")
    async with orders.transaction():
        late = asyncio.create_task(users.fetchval("SELECT 2"))
        await until(lambda: pool.statistics().waiting == 1)
        await asyncio.sleep(0.02)
    await late

    assert [event.service for event in told] == ["users", "orders", "users"]
    assert told[0].waited < 0.02 <= told[2].waited


async def test_a_hand_off_is_told_with_both_services(open_pool):
    pool = await open_pool(max_size=1)
    pool.set_roles({"users": "pg_monitor"})
    told = record(pool, HandedOff)
    users, orders = managers(pool, "users", "orders")
    for db in (users, users, orders):
        await db.fetchval("SELECT 1")

    assert [(event.service, event.previous) for event in told] == [("users", None), ("orders", "users")]
    assert all(0 < event.seconds < 1 for event in told)


async def test_a_reset_is_told_with_the_service_that_made_it_necessary(open_pool):
    pool = await open_pool(max_size=1)
    told = record(pool, SessionReset)
    users, orders = managers(pool, "users", "orders")
    await orders.fetchval("SELECT 1")
    await users.execute("SET work_mem = '12MB'")

    await until(lambda: told)

    (event,) = told
    assert event.service == "users"
    assert 0 < event.seconds < 1


@pytest.mark.parametrize("is_held", [False, True], ids=["by itself", "on a held connection"])
async def test_a_slow_statement_is_told_as_it_was_written_and_without_arguments(open_pool, is_held):
    pool = await open_pool(slow_statement=0.02)
    told = record(pool, SlowStatement)
    (db,) = managers(pool, "users")
    query = "SELECT pg_sleep($1), '{{schema}}'"
    async with db.acquire() as connection:
        where = connection if is_held else db
        await where.fetchrow("SELECT 1")
        await where.fetchrow(query, 0.03)

    # On a busy machine any other may be slow, too.
    (event,) = [each for each in told if each.statement == query]
    assert event.service == "users"
    assert 0.03 <= event.seconds < NOISE + 1
    assert "0.03" not in event.statement


async def test_a_slow_statement_that_fails_is_told_too(open_pool):
    pool = await open_pool(slow_statement=0.02)
    told = record(pool, SlowStatement)
    (db,) = managers(pool, "users")
    with pytest.raises(Exception, match="division by zero"):
        await db.execute("SELECT pg_sleep(0.03); SELECT 1 / 0")

    assert len(told) == 1


async def test_each_statement_is_told_when_it_has_ended_and_how(open_pool):
    pool = await open_pool(max_size=1)
    told = record(pool, StatementEnded)
    (db,) = managers(pool, "users")
    refused = "SELECT 1 / $1"
    await db.fetchval("SELECT 1")
    async with db.transaction():
        await db.fetchval("SELECT 2")
    for where in (nullcontext(), db.transaction()):
        with pytest.raises(DatabaseError):
            async with where:
                await db.fetchval(refused, 0)
    with pytest.raises(QueryTimeoutError):
        await db.fetchval("SELECT pg_sleep(60)", timeout=0.02)
    with pytest.raises(DatabaseError):
        await db.executemany(refused, [(0,), (1,)])

    assert [(event.statement, event.error) for event in told] == [
        ("SELECT 1", None),
        ("SELECT 2", None),
        (refused, "22012"),
        (refused, "22012"),
        ("SELECT pg_sleep(60)", "QueryTimeoutError"),
        (refused, "22012"),
    ]
    assert {event.service for event in told} == {"users"}
    assert all(0 < event.seconds < 5 for event in told)


async def test_a_wait_is_told_whether_it_was_given_up_or_not(open_pool):
    pool = await open_pool(max_size=1)
    told = record(pool, Waited)
    users, orders = managers(pool, "users", "orders")
    await users.fetchval("SELECT 1")
    async with users.acquire():
        late = asyncio.create_task(orders.fetchval("SELECT 1"))
        gone = asyncio.create_task(users.fetchval("SELECT 1"))
        await until(lambda: pool.statistics().waiting == 2)
        gone.cancel()
        await asyncio.wait([gone])
    await late

    assert [event.service for event in told] == ["users", "orders"]
    assert all(event.seconds > 0 for event in told)


async def test_a_connection_that_is_held_for_long_is_told_once_for_each_use(open_pool):
    pool = await open_pool(max_size=1, long_hold=0.02)
    told = record(pool, HeldTooLong)
    (db,) = managers(pool, "users")
    async with db.acquire() as connection:
        await connection.fetchval("SELECT 1")
        await until(lambda: told)
        await asyncio.sleep(0.06)
    assert len(told) == 1

    async with db.acquire():
        await until(lambda: len(told) == 2)

    assert [event.statement for event in told] == ["SELECT 1", None]
    assert {event.service for event in told} == {"users"}
    assert all(event.seconds >= 0.02 for event in told)


async def test_a_single_statement_that_takes_long_is_told_each_time(open_pool):
    pool = await open_pool(max_size=1, long_hold=0.02)
    (db,) = managers(pool, "users")
    await db.fetchval("SELECT 1")
    told = record(pool, HeldTooLong)

    for number in (1, 2):
        await db.execute("SELECT pg_sleep(0.08)")
        assert len(told) == number


async def test_a_connection_that_breaks_while_idle_is_told_with_whom_it_served_last(open_pool, observer):
    pool = await open_pool(min_size=0, max_size=1)
    told = record(pool, ConnectionBroken)
    (db,) = managers(pool, "users")
    await db.fetchval("SELECT 1")
    (pid,) = await observer.pids()

    await observer.end(pid)
    await until(lambda: told)

    assert told == [ConnectionBroken("users", "the server ended it while it was idle")]


async def test_a_connection_that_breaks_in_use_is_told_once(open_pool, observer):
    pool = await open_pool(min_size=0, max_size=1)
    told = record(pool, ConnectionBroken)
    (db,) = managers(pool, "users")
    with pytest.raises(Exception, match="users"):
        await db.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    await until(lambda: told)

    assert [event.service for event in told] == ["users"]


async def test_a_handler_that_raises_is_logged_and_keeps_nobody_from_anything(open_pool, caplog):
    pool = await open_pool(max_size=1, slow_statement=0.001)
    later = []

    def fail(event):
        raise ZeroDivisionError

    for kind in KINDS:
        pool.subscribe(kind, fail)
        pool.subscribe(kind, later.append)
    users, orders = managers(pool, "users", "orders")
    with caplog.at_level(logging.ERROR, logger="poolhouse.pool"):
        await users.execute("SELECT set_config('a.b', 'c', false), pg_sleep(0.002)")
        await orders.fetchval("SELECT 1")
    await until(lambda: not pool.statistics().in_use)

    assert {type(event) for event in later} >= {Acquired, SlowStatement, SessionReset, HandedOff}
    assert "A handler of HandedOff failed" in caplog.text
    assert pool.statistics().idle == 1


async def test_handlers_come_and_go_while_the_pool_is_used(open_pool):
    pool = await open_pool(max_size=1)
    (db,) = managers(pool, "users")
    told = []
    pool.subscribe(Acquired, told.append)
    await db.fetchval("SELECT 1")
    pool.unsubscribe(Acquired, told.append)
    await db.fetchval("SELECT 2")
    pool.subscribe(Acquired, told.append)
    await db.fetchval("SELECT 3")

    assert len(told) == 2


async def test_a_handler_may_unsubscribe_itself_and_others_are_still_told(open_pool):
    pool = await open_pool(max_size=1)
    (db,) = managers(pool, "users")
    once, always = [], []

    def tell_once(event):
        once.append(event)
        pool.unsubscribe(Acquired, tell_once)

    pool.subscribe(Acquired, tell_once)
    pool.subscribe(Acquired, always.append)
    for _ in range(3):
        await db.fetchval("SELECT 1")

    assert (len(once), len(always)) == (1, 3)


async def test_nobody_can_be_unsubscribed_who_never_subscribed(open_pool):
    pool = await open_pool()

    pool.unsubscribe(Acquired, print)

    await pool.check()


async def test_a_subscription_outlives_closing_and_opening(open_pool):
    pool = await open_pool(max_size=1)
    told = record(pool, Acquired)
    await pool.close()
    await pool.open()
    (db,) = managers(pool, "users")
    await db.fetchval("SELECT 1")

    assert len(told) == 1


async def test_a_handler_may_ask_for_the_statistics(open_pool):
    pool = await open_pool(max_size=1)
    seen = []
    for kind in KINDS:
        pool.subscribe(kind, lambda _: seen.append(pool.statistics().in_use))
    users, orders = managers(pool, "users", "orders")
    for db in (users, orders, users):
        await db.execute("SET work_mem = '12MB'")
    await until(lambda: not pool.statistics().in_use)

    assert set(seen) == {1}


async def test_a_slow_copy_is_told_by_its_table(open_pool):
    pool = await open_pool(slow_statement=0.000_001)
    told = []
    pool.subscribe(SlowStatement, told.append)
    db = SchemaManager(pool, schema="pg_catalog")

    await db.copy_from_table("pg_class", output=io.BytesIO())

    assert [event.statement for event in told] == ['COPY "pg_catalog"."pg_class" TO STDOUT']

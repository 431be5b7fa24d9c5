"""A service uses its connections again as they are; another one gets them cleared, in one message."""

from __future__ import annotations

import asyncio

import pytest

from poolhouse.schema import SchemaManager
from tests.integration.moments import until

MINE = "SELECT pg_backend_pid()"
# What a function does to a session cannot be read in the statement.
SET_BEHIND = "CREATE FUNCTION pg_temp.set_it() RETURNS void LANGUAGE sql AS $$ SELECT set_config('a.b', 'c', false) $$"


def managers(pool, *services):
    return [SchemaManager(pool, schema=service) for service in services]


async def test_the_same_service_again_is_one_round_trip_and_no_other_statement(open_pool, tap):
    pool = await open_pool(dsn=tap.dsn, max_size=1)
    (db,) = managers(pool, "users")
    await db.fetchval(MINE)
    tap.said.clear()

    for _ in range(3):
        await db.fetchval(MINE)

    assert tap.queries() == []
    assert tap.round_trips() == 3


async def test_a_service_keeps_its_backend_while_others_have_theirs(open_pool):
    pool = await open_pool(min_size=3)
    services = managers(pool, "users", "orders", "payments")
    first = [await db.fetchval(MINE) for db in services]

    later = [[await db.fetchval(MINE) for db in services] for _ in range(5)]

    assert len(set(first)) == 3
    assert later == [first] * 5
    assert all(service.hand_offs == 0 for service in pool.statistics().services.values())


async def test_of_several_a_service_prefers_the_backend_that_it_used_last(open_pool):
    pool = await open_pool(min_size=3)
    (db,) = managers(pool, "users")
    await asyncio.gather(*(db.execute("SELECT pg_sleep(0.001)") for _ in range(3)))

    assert len({await db.fetchval(MINE) for _ in range(5)}) == 1


async def test_a_hand_off_is_one_message_that_takes_on_role_and_name_too(open_pool, tap):
    pool = await open_pool(dsn=tap.dsn, max_size=1)
    pool.set_roles({"orders": "pg_monitor"})
    users, orders = managers(pool, "users", "orders")
    pid = await users.fetchval(MINE)
    await orders.fetchval(MINE)
    await users.fetchval(MINE)
    tap.said.clear()

    assert await orders.fetchval(MINE) == pid

    (message,) = tap.queries()
    assert "DISCARD TEMP" in message
    assert 'SET ROLE "pg_monitor"' in message
    assert f"SET application_name = '{pool.settings.application_name}/orders'" in message
    assert tap.round_trips() == 2


async def test_hand_offs_and_resets_are_counted_by_service(open_pool):
    pool = await open_pool(max_size=1)
    users, orders = managers(pool, "users", "orders")
    for db in (users, users, orders, orders, users):
        await db.fetchval(MINE)
    await orders.execute("SET work_mem = '12MB'")
    await until(lambda: not pool.statistics().in_use)
    services = pool.statistics().services

    assert (services["users"].hand_offs, services["users"].resets) == (1, 0)
    assert (services["orders"].hand_offs, services["orders"].resets) == (2, 1)


async def test_with_reset_always_each_use_is_followed_by_a_reset(open_pool, tap):
    pool = await open_pool(dsn=tap.dsn, max_size=1, reset="always", pooler="none")
    (db,) = managers(pool, "users")
    await db.fetchval("SELECT set_config('a.b', 'c', false)")
    await db.fetchval(MINE)
    await until(lambda: not pool.statistics().in_use)

    assert [query.count("RESET ALL") for query in tap.queries()] == [0, 1, 1]
    assert pool.statistics().services["users"].resets == 2
    assert pool.statistics().services["users"].hand_offs == 0


@pytest.mark.parametrize(("reset", "left"), [("affine", "c"), ("always", "")])
async def test_what_a_function_did_to_the_session_stays_with_the_service_unless_each_use_is_cleared(
    open_pool, reset, left
):
    pool = await open_pool(max_size=1, reset=reset)
    users, orders = managers(pool, "users", "orders")
    name = "poolhouse_sets_behind"
    async with pool.lease("users") as use:
        await use.connection.execute(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS text LANGUAGE sql VOLATILE AS "
            "$$ SELECT set_config('a.b', 'c', false) $$"
        )
    try:
        await users.fetchval(f"SELECT {name}()")
        seen = await users.fetchval("SELECT coalesce(current_setting('a.b', true), '')")
        elsewhere = await orders.fetchval("SELECT coalesce(current_setting('a.b', true), '')")
    finally:
        await users.execute(f"DROP FUNCTION {name}()")

    assert (seen, elsewhere) == (left, "")


async def test_the_raw_connection_is_replaced_and_others_are_not(open_pool):
    pool = await open_pool(max_size=1)
    (db,) = managers(pool, "users")
    pid = await db.fetchval(MINE)
    async with db.acquire() as connection:
        assert await connection.fetchval(MINE) == pid
    assert await db.fetchval(MINE) == pid

    async with db.acquire() as connection:
        await connection.raw.execute("SELECT 1")

    assert await db.fetchval(MINE) != pid
    assert (pool.statistics().closed, pool.statistics().broken) == (1, 0)

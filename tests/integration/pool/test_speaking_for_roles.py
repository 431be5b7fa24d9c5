"""Services speak for their roles: from the first use on, after a hand-off, and when the roles change."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import pytest

from poolhouse.errors import ConfigurationError, RoleError
from poolhouse.schema import SchemaManager
from tests.integration.moments import until

WHO = "SELECT current_user::text"
# Roles that every server has, for where any would do.
MONITOR, READER = "pg_monitor", "pg_read_all_data"


@pytest.fixture
async def admin(postgres):
    connection = await asyncpg.connect(postgres)
    yield connection
    await connection.close()


@pytest.fixture
async def role(admin):
    """The name of a role that does not exist yet, and not any more after the test."""
    name = f"poolhouse_{uuid.uuid4().hex[:12]}"
    yield name
    await admin.execute(f"DROP ROLE IF EXISTS {name}")


def managers(pool, *services):
    return [SchemaManager(pool, schema=service) for service in services]


async def test_without_roles_every_service_speaks_for_the_login_role(open_pool):
    pool = await open_pool(max_size=1)

    assert {await db.fetchval("SELECT current_user = session_user") for db in managers(pool, "users", "orders")} == {
        True
    }


async def test_each_service_speaks_for_its_role_on_the_same_connection(open_pool, admin, role):
    await admin.execute(f"CREATE ROLE {role}")
    pool = await open_pool(max_size=1)
    pool.set_roles({"users": role, "orders": MONITOR})
    users, orders, payments = managers(pool, "users", "orders", "payments")
    login = await payments.fetchval("SELECT session_user::text")

    spoken = [await db.fetchval(WHO) for db in (users, orders, payments, users, users, orders)]

    assert spoken == [role, MONITOR, login, role, role, MONITOR]
    assert pool.statistics().opened == 1


async def test_a_service_with_a_role_speaks_for_it_from_the_first_use_of_a_connection_on(open_pool):
    pool = await open_pool(min_size=0, max_size=3)
    pool.set_roles({"users": MONITOR})
    (db,) = managers(pool, "users")

    assert set(await asyncio.gather(*(db.fetchval(f"{WHO} FROM pg_sleep(0.01)") for _ in range(3)))) == {MONITOR}


async def test_poolhouse_itself_has_no_role(open_pool):
    pool = await open_pool()
    with pytest.raises(ConfigurationError, match="'poolhouse' cannot have a role"):
        pool.set_roles({"poolhouse": MONITOR})

    assert pool.roles == {}


async def test_roles_that_were_changed_count_for_idle_connections_at_once(open_pool):
    pool = await open_pool(min_size=2, max_size=2)
    pool.set_roles({"users": MONITOR})
    (db,) = managers(pool, "users")
    assert await db.fetchval(WHO) == MONITOR

    pool.set_roles({"users": READER})
    assert await db.fetchval(WHO) == READER

    pool.set_roles({})
    assert await db.fetchval("SELECT current_user = session_user")
    assert pool.roles == {}


async def test_roles_that_were_changed_count_for_connections_in_use_with_their_next_use(open_pool):
    pool = await open_pool(max_size=1)
    pool.set_roles({"users": MONITOR})
    (db,) = managers(pool, "users")
    async with db.transaction() as connection:
        pool.set_roles({"users": READER})
        assert await connection.fetchval(WHO) == MONITOR

    assert await db.fetchval(WHO) == READER
    assert pool.statistics().opened == 1


async def test_roles_that_were_changed_count_for_whoever_waits(open_pool):
    pool = await open_pool(max_size=1)
    pool.set_roles({"users": MONITOR})
    (db,) = managers(pool, "users")
    async with db.acquire():
        waiting = [asyncio.create_task(db.fetchval(WHO)) for _ in range(3)]
        await until(lambda: pool.statistics().waiting == 3)
        pool.set_roles({"users": READER})

    assert await asyncio.gather(*waiting) == [READER] * 3


@pytest.mark.parametrize("what", ["hand-off", "reset"])
async def test_roles_that_are_changed_while_the_server_takes_one_on_count_with_the_next_use(open_pool, gate, what):
    pool = await open_pool(dsn=gate.dsn, max_size=1)
    pool.set_roles({"users": MONITOR})
    (db,) = managers(pool, "users")
    if what == "reset":
        await db.execute("SET work_mem = '12MB'")
        await until(lambda: not pool.statistics().in_use)
        await db.fetchval("SELECT pg_advisory_lock_shared(1)")
        gate.hold()
    else:
        gate.hold()
        asking = asyncio.create_task(db.fetchval(WHO))
    await asyncio.wait_for(gate.arrived.wait(), 5)

    pool.set_roles({"users": READER})
    gate.let_pass()
    if what == "hand-off":
        await asking
    assert await db.fetchval(WHO) == READER


@pytest.mark.parametrize("what", ["hand-off", "first use"])
async def test_a_role_that_does_not_exist_is_an_error_that_names_service_and_role(open_pool, role, what):
    pool = await open_pool(max_size=1)
    pool.set_roles({"users": role})
    users, orders = managers(pool, "users", "orders")
    if what == "hand-off":
        await orders.fetchval("SELECT 1")

    with pytest.raises(
        RoleError, match=f"service 'users' cannot take on its role '{role}': .*does not exist"
    ) as caught:
        await users.fetchval("SELECT 1")

    assert (caught.value.service, caught.value.role) == ("users", role)
    assert not caught.value.retryable
    assert caught.value.__cause__ is None


async def test_after_a_role_error_others_go_on_and_the_service_does_once_its_role_exists(open_pool, admin, role):
    pool = await open_pool(max_size=1)
    pool.set_roles({"users": role})
    users, orders = managers(pool, "users", "orders")
    for _ in range(3):
        with pytest.raises(RoleError):
            await users.fetchval("SELECT 1")
        assert await orders.fetchval("SELECT 1") == 1
    assert pool.statistics().in_use == 0

    await admin.execute(f"CREATE ROLE {role}")

    assert await users.fetchval(WHO) == role


async def test_a_role_that_is_dropped_while_a_service_speaks_for_it_is_told_at_the_next_hand_off(
    open_pool, admin, role
):
    await admin.execute(f"CREATE ROLE {role}")
    pool = await open_pool(max_size=1)
    pool.set_roles({"users": role})
    users, orders = managers(pool, "users", "orders")
    assert await users.fetchval(WHO) == role
    await admin.execute(f"DROP ROLE {role}")
    await orders.fetchval("SELECT 1")

    with pytest.raises(RoleError):
        await users.fetchval("SELECT 1")


async def test_a_user_of_the_raw_connection_who_resets_the_role_changes_it_for_himself_alone(open_pool):
    pool = await open_pool(max_size=1)
    pool.set_roles({"users": MONITOR})
    (db,) = managers(pool, "users")
    async with db.acquire() as connection:
        await connection.raw.execute("RESET ROLE")
        assert await connection.fetchval("SELECT current_user = session_user")

    assert await db.fetchval(WHO) == MONITOR


@pytest.mark.parametrize("statement", ["RESET ROLE", "SET ROLE NONE", "RESET ALL", "SET SESSION AUTHORIZATION DEFAULT"])
async def test_a_statement_that_changes_the_role_is_undone_before_the_next_use(open_pool, statement):
    pool = await open_pool(max_size=1)
    pool.set_roles({"users": MONITOR})
    (db,) = managers(pool, "users")

    await db.execute(statement)

    assert await db.fetchval(WHO) == MONITOR

"""Schemas of one service: leases, limits, role, statistics and transactions are the service's."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from poolhouse.errors import PoolExhaustedError
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings
from tests.integration.moments import hold_elsewhere

MINE = "SELECT pg_backend_pid()"
PUT = "INSERT INTO {{tables.items}} VALUES ($1)"


@pytest.fixture
def service():
    return f"s{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def tenants(new_schema, service):
    return [await new_schema(service=service) for _ in range(3)]


async def test_all_its_schemas_use_the_same_connections_as_they_are(tenants, pool, service):
    before = pool.statistics().services[service].hand_offs

    pids = {await db.fetchval(MINE) for db in tenants * 3}

    assert len(pids) == 1
    assert pool.statistics().services[service].hand_offs == before
    assert not any(db.schema in pool.statistics().services for db in tenants)


async def test_each_schema_has_its_own_tables(tenants, ids):
    for number, db in enumerate(tenants):
        await db.execute(PUT, number)

    assert [await ids(db) for db in tenants] == [[0], [1], [2]]


async def test_a_transaction_is_one_for_all_schemas_of_its_service(tenants, ids):
    first, second, _ = tenants

    async def fail():
        async with first.transaction() as connection:
            await second.execute(PUT, 2)
            assert await second.fetchval(MINE) == await connection.fetchval(MINE)
            async with second.transaction():
                await second.execute(PUT, 3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await ids(second) == []

    async with first.transaction():
        await second.execute(PUT, 4)
        await first.execute(PUT, 5)

    assert (await ids(first), await ids(second)) == ([5], [4])


async def test_in_a_transaction_a_connection_and_a_cursor_mean_their_own_schema(tenants):
    first, second, _ = tenants
    await second.execute(PUT, 7)
    async with first.transaction():
        async with second.acquire() as connection:
            assert connection.schema == second.schema
            assert await connection.fetchval("SELECT id FROM {{tables.items}}") == 7
        assert [row["id"] async for row in second.cursor("SELECT id FROM {{tables.items}}")] == [7]


async def test_a_schema_of_another_service_does_not_join(tenants, pool, ids):
    first, second, _ = tenants
    other = SchemaManager(pool, schema=second.schema)

    async def fail():
        async with first.transaction():
            await other.execute(PUT, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await ids(second) == [1]


async def test_role_and_limit_are_the_services(shared_database, service):
    settings = DatabaseSettings.model_validate(
        {"dsn": shared_database, "min_size": 1, "max_size": 2, "max_connections": {service: 1}}
    )
    pool = SharedPool(settings)
    await pool.open()
    try:
        pool.set_roles({service: "pg_monitor"})
        one, two = (SchemaManager(pool, schema=name, service=service) for name in ("one", "two"))
        assert {await db.fetchval("SELECT current_user::text") for db in (one, two)} == {"pg_monitor"}
        async with one.acquire():
            with pytest.raises(PoolExhaustedError, match=f"service '{service}'"):
                await hold_elsewhere(two.fetchval(MINE, timeout=0.01))
    finally:
        await pool.close()


async def test_concurrent_tasks_of_two_schemas_never_meet_in_a_transaction(tenants, ids):
    first, second, _ = tenants

    async def put(db, numbers):
        for number in numbers:
            async with db.transaction():
                await db.execute(PUT, number)

    await asyncio.gather(put(first, range(10)), put(second, range(10)), put(first, range(10, 20)))

    assert (await ids(first), await ids(second)) == (list(range(20)), list(range(10)))

"""What one service leaves in a session, and the next one finds."""

from __future__ import annotations

import asyncpg
import pytest

from poolhouse import SchemaManager, SharedPool
from poolhouse.errors import DatabaseError


@pytest.fixture
async def reports(database, database_settings):
    # The fixture `database` drops roles that begin so.
    role = f"{database_settings.role_prefix}reports"
    connection = await asyncpg.connect(database)
    await connection.execute(f'CREATE ROLE "{role}"')
    await connection.close()
    return role


async def test_asyncpg_pool(pool, reports):
    # begin: asyncpg
    async with pool.acquire() as connection:  # the service "reports"
        await connection.execute(f'SET ROLE "{reports}"')
        await connection.execute("CREATE TEMPORARY TABLE draft AS SELECT 42 AS total")

    async with pool.acquire() as connection:  # the service "orders", afterwards
        assert await connection.fetchval("SELECT current_user") == reports
        assert await connection.fetchval("SELECT total FROM draft") == 42
    # end: asyncpg


async def test_poolhouse(database_settings, reports):
    shared = SharedPool(database_settings.model_copy(update={"min_size": 1, "max_size": 1}))
    await shared.open()
    # begin: poolhouse
    async with SchemaManager(shared, schema="reports").acquire() as connection:
        await connection.execute(f'SET ROLE "{reports}"')
        await connection.execute("CREATE TEMPORARY TABLE draft AS SELECT 42 AS total")

    orders = SchemaManager(shared, schema="orders")
    assert await orders.fetchval("SELECT current_user") != reports
    with pytest.raises(DatabaseError, match="draft"):
        await orders.fetchval("SELECT total FROM draft")
    # end: poolhouse
    await shared.close()

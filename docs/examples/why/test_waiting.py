"""A task holds the last connection and asks for another."""

from __future__ import annotations

import asyncio

import pytest

from poolhouse import SchemaManager, SharedPool
from poolhouse.errors import PoolExhaustedError, SelfDeadlockError


async def test_asyncpg_pool(pool):
    # begin: asyncpg
    async def both():
        async with pool.acquire():
            async with pool.acquire():  # waits for the connection that its own task holds
                raise AssertionError("never reached")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):  # without it: for ever, since acquire() has no limit by default
            await both()
    # end: asyncpg


async def test_poolhouse(database_settings):
    shared = SharedPool(database_settings.model_copy(update={"min_size": 1, "max_size": 1}))
    await shared.open()
    orders, reports = (SchemaManager(shared, schema=schema) for schema in ("orders", "reports"))
    # begin: poolhouse
    with pytest.raises(SelfDeadlockError):  # at once
        async with orders.transaction():
            await reports.fetchval("SELECT 1")
    # end: poolhouse
    await shared.close()


async def test_whoever_waits_is_told_who_holds(database_settings, shown):
    settings = {"min_size": 1, "max_size": 1, "acquire_timeout": 0.2}
    shared = SharedPool(database_settings.model_copy(update=settings))
    await shared.open()
    orders, reports = (SchemaManager(shared, schema=schema) for schema in ("orders", "reports"))
    slow = asyncio.create_task(reports.fetchval("SELECT pg_sleep(30)"))
    while not shared.statistics().in_use:
        await asyncio.sleep(0)
    with pytest.raises(PoolExhaustedError) as exhausted:
        await orders.fetchval("SELECT 1")
    shown("exhausted.txt", str(exhausted.value))
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
    await shared.close()

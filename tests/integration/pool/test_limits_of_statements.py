"""A statement's own time limit, on every way that it may take."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import pytest

from poolhouse.errors import PoolExhaustedError, QueryTimeoutError
from poolhouse.pool import Acquired
from poolhouse.schema import SchemaManager
from tests.integration.moments import NOISE, hold_elsewhere, until

LIMIT = 0.3


@dataclass
class Row:
    one: str


WORDS = {
    "execute": lambda db, sql: db.execute(sql, timeout=LIMIT),
    "fetch": lambda db, sql: db.fetch(sql, timeout=LIMIT),
    "fetch into": lambda db, sql: db.fetch(sql, into=Row, timeout=LIMIT),
    "fetchrow": lambda db, sql: db.fetchrow(sql, timeout=LIMIT),
    "fetchrow into": lambda db, sql: db.fetchrow(sql, into=Row, timeout=LIMIT),
    "fetchval": lambda db, sql: db.fetchval(sql, timeout=LIMIT),
    "executemany": lambda db, sql: db.executemany(sql, [()], timeout=LIMIT),
    "fetchmany": lambda db, sql: db.fetchmany(sql, [()], timeout=LIMIT),
}


async def ends_with(work, error):
    begun = time.monotonic()
    with pytest.raises(error):
        await work
    return time.monotonic() - begun


async def watched(pool):
    # Somebody who watches each use makes every statement take the longer way.
    pool.subscribe(Acquired, lambda _: None)


@pytest.mark.parametrize("is_watched", [False, True], ids=["by the shortest way", "watched"])
async def test_waiting_and_running_share_the_limit(open_pool, is_watched):
    pool = await open_pool(max_size=len(WORDS))
    if is_watched:
        await watched(pool)
    db = SchemaManager(pool, schema="users")
    held = [await hold_elsewhere(pool.acquire("orders")) for _ in WORDS]
    running = [
        asyncio.create_task(ends_with(word(db, "SELECT pg_sleep(60)"), QueryTimeoutError)) for word in WORDS.values()
    ]
    await until(lambda: pool.statistics().waiting == len(WORDS))
    await asyncio.sleep(LIMIT * 0.75)
    for use in held:
        await pool.release(use)

    took = await asyncio.gather(*running)

    # With the limit anew for running it would be 1.75 of it.
    assert all(LIMIT <= seconds < LIMIT * 1.6 for seconds in took), took


@pytest.mark.parametrize("is_watched", [False, True], ids=["by the shortest way", "watched"])
async def test_waiting_ends_at_the_limit(open_pool, is_watched):
    pool = await open_pool(max_size=1, acquire_timeout=60)
    if is_watched:
        await watched(pool)
    db = SchemaManager(pool, schema="users")
    held = await hold_elsewhere(pool.acquire("orders"))

    took = await asyncio.gather(*(ends_with(word(db, "SELECT 1"), PoolExhaustedError) for word in WORDS.values()))

    assert all(LIMIT <= seconds < LIMIT + NOISE for seconds in took), took
    await pool.release(held)


async def test_in_transactions_the_limit_is_each_statements(open_pool):
    pool = await open_pool(max_size=len(WORDS))
    db = SchemaManager(pool, schema="users")

    async def run(word):
        async with db.transaction():
            # Time that passes in the block is nobody's limit.
            await asyncio.sleep(LIMIT / 2)
            await word(db, "SELECT pg_sleep(60)")

    took = await asyncio.gather(*(ends_with(run(word), QueryTimeoutError) for word in WORDS.values()))

    assert all(LIMIT * 1.5 <= seconds < LIMIT * 1.5 + NOISE for seconds in took), took
    await until(lambda: not pool.statistics().in_use)
    assert await db.fetchval("SELECT 1") == 1

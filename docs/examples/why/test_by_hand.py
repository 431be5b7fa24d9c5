"""A lifespan that is written by hand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import asyncpg
import pytest

from poolhouse import MigrationSet, SchemaManager, SharedPool
from poolhouse.migrations import migrate


# begin: lifespan
class Client:
    """A cache, a broker, another service."""

    def __init__(self, *, fails_on=None):
        self.fails_on, self.is_open = fails_on, False

    async def open(self):
        if self.fails_on == "open":
            raise ConnectionError
        self.is_open = True

    async def close(self):
        if self.fails_on == "close":
            raise ConnectionError
        self.is_open = False


def lifespan(pool, broker, cache):
    @asynccontextmanager
    async def run(_app):
        await pool.open()
        await broker.open()
        await cache.open()
        yield
        await cache.close()
        await broker.close()
        await pool.close()

    return run


async def test_one_that_cannot_be_opened_leaves_the_others_open():
    pool, broker = Client(), Client()
    with pytest.raises(ConnectionError):
        async with lifespan(pool, broker, Client(fails_on="open"))("app"):
            pass
    assert pool.is_open
    assert broker.is_open


async def test_one_that_cannot_be_closed_leaves_the_others_open():
    pool, broker = Client(), Client()
    with pytest.raises(ConnectionError):
        async with lifespan(pool, broker, Client(fails_on="close"))("app"):
            pass
    assert pool.is_open
    assert broker.is_open


async def test_an_application_that_fails_closes_nothing():
    pool = Client()
    with pytest.raises(RuntimeError):
        async with lifespan(pool, Client(), Client())("app"):
            raise RuntimeError
    assert pool.is_open


# end: lifespan
async def test_if_not_exists_is_not_for_replicas_that_start_together(database):
    first, second = await asyncpg.connect(database), await asyncpg.connect(database)
    # begin: race
    transaction = first.transaction()
    await transaction.start()
    await first.execute("CREATE SCHEMA IF NOT EXISTS users")
    other = asyncio.create_task(second.execute("CREATE SCHEMA IF NOT EXISTS users"))
    await is_waiting(first, second)
    await transaction.commit()
    with pytest.raises(asyncpg.UniqueViolationError):  # pg_namespace has it already
        await other
    # end: race
    await first.close()
    await second.close()


async def is_waiting(first, second):
    query = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"
    while not await first.fetchval(query, second.get_server_pid()):
        await asyncio.sleep(0.01)


async def test_replicas_of_poolhouse_start_together(database_settings, tmp_path):
    (tmp_path / "0001_create_accounts.sql").write_text("CREATE TABLE {{tables.accounts}} (id bigint PRIMARY KEY);")
    # begin: together
    replicas = [SharedPool(database_settings) for _ in range(4)]
    await asyncio.gather(*(replica.open() for replica in replicas))
    sets = [MigrationSet(SchemaManager(pool, schema="users"), tmp_path, module="users") for pool in replicas]

    results = await asyncio.gather(*(migrate([each]) for each in sets))

    assert sum(len(report.applied) for result in results for report in result.reports) == 1
    # end: together
    await asyncio.gather(*(replica.close() for replica in replicas))

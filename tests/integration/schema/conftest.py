from __future__ import annotations

import uuid

import asyncpg
import pytest

from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings
from tests.integration.moments import until


@pytest.fixture(scope="module")
def shared_database(new_database):
    """One database for a module's tests, which have a schema each."""
    with new_database() as dsn:
        yield dsn


@pytest.fixture
async def observer(shared_database):
    """A connection beside the pool."""
    connection = await asyncpg.connect(shared_database)
    yield connection
    await connection.close()


@pytest.fixture
async def pool(shared_database):
    settings = DatabaseSettings.model_validate(
        {
            "dsn": shared_database,
            "min_size": 1,
            "max_size": 5,
            "drain_timeout": 2.0,
            "application_name": uuid.uuid4().hex,
        }
    )
    pool = SharedPool(settings)
    await pool.open()
    yield pool
    # Everything goes back, though not at once where a time limit had passed.
    await until(lambda: pool.statistics().in_use == 0)
    await pool.close()


@pytest.fixture
async def new_schema(pool, observer):
    """Make a schema with a table `items`, and return its manager."""

    async def make(name=None, **options) -> SchemaManager:
        db = SchemaManager(pool, schema=name or f"s{uuid.uuid4().hex[:12]}", **options)
        await db.execute("CREATE SCHEMA {{schema}}")
        await db.execute("CREATE TABLE {{tables.items}} (id int PRIMARY KEY, name text NOT NULL DEFAULT 'thing')")
        return db

    return make


@pytest.fixture
async def db(new_schema):
    return await new_schema()


@pytest.fixture
def ids(observer):
    """Return what others see in a manager's table."""

    async def read(db) -> list[int]:
        # The observer's own connection: what is not committed is not seen.
        rows = await observer.fetch(db.render("SELECT id FROM {{tables.items}} ORDER BY id"))
        return [row["id"] for row in rows]

    return read

from __future__ import annotations

from contextlib import suppress

import asyncpg
import pytest

from poolhouse.pool import SharedPool
from poolhouse.roles import establish_roles
from poolhouse.schema import SchemaManager
from poolhouse.testing.rollback.rolled_back import RolledBack

TABLES = """
CREATE SCHEMA users;
CREATE TABLE users.users (id int PRIMARY KEY, name text NOT NULL DEFAULT 'Ada' CHECK (name <> ''));
CREATE SCHEMA orders;
CREATE TABLE orders.orders (
    id int PRIMARY KEY,
    parent int CONSTRAINT has_parent REFERENCES orders.orders DEFERRABLE INITIALLY DEFERRED,
    amount int CONSTRAINT distinct_amount UNIQUE DEFERRABLE
);
"""


@pytest.fixture
async def observer(database):
    """A connection beside the pool."""
    connection = await asyncpg.connect(database)
    await connection.execute(TABLES)
    yield connection
    await connection.close()


@pytest.fixture
async def pool(database_settings, observer):
    pool = SharedPool(database_settings)
    await pool.open()
    await establish_roles([SchemaManager(pool, schema="users"), SchemaManager(pool, schema="orders")])
    yield pool
    await pool.close()


@pytest.fixture
def users(pool) -> SchemaManager:
    return SchemaManager(pool, schema="users")


@pytest.fixture
def orders(pool) -> SchemaManager:
    return SchemaManager(pool, schema="orders")


@pytest.fixture
async def stage(pool):
    """A test that is rolled back, as far as the pool is concerned."""
    async with RolledBack(pool) as stage:
        yield stage


@pytest.fixture
def insert():
    async def insert(db, *ids):
        table = "users" if db.schema == "users" else "orders"
        await db.executemany(f"INSERT INTO {{{{tables.{table}}}}} (id) VALUES ($1)", [(each,) for each in ids])

    return insert


@pytest.fixture
def ids():
    async def ids(db):
        table = "users" if db.schema == "users" else "orders"
        return [row["id"] for row in await db.fetch(f"SELECT id FROM {{{{tables.{table}}}}} ORDER BY id")]

    return ids


class RevolutionError(Exception):
    pass


@pytest.fixture
def fail():
    """Do some work in a transaction that raises then."""

    async def fail(db, *work):
        with suppress(RevolutionError):
            async with db.transaction():
                for each in work:
                    await each
                raise RevolutionError

    return fail

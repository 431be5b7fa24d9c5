"""Queries, and what comes back."""

from dataclasses import dataclass
from typing import Any, assert_type

from asyncpg import Record

from poolhouse import DatabaseSettings, MigrationSet, SchemaManager, SharedPool
from poolhouse.schema import Connection


@dataclass
class User:
    id: int


pool = SharedPool(DatabaseSettings())
db = SchemaManager(pool, schema="users", reads=["orders.orders"])
migrations = MigrationSet(db, "migrations/users")

assert_type(db.pool, SharedPool)
assert_type(db.schema, str)
assert_type(migrations.db, SchemaManager)
assert_type(migrations.module, str)


async def ask() -> None:
    assert_type(await db.execute("DELETE FROM {{tables.users}}"), str)
    assert_type(await db.fetch("SELECT 1"), list[Record])
    assert_type(await db.fetch("SELECT 1", into=User), list[User])
    assert_type(await db.fetchrow("SELECT 1"), Record | None)
    assert_type(await db.fetchrow("SELECT 1", into=User), User | None)
    assert_type(await db.fetchval("SELECT 1"), Any)
    async with db.transaction() as transaction:
        assert_type(transaction, Connection)
    async with db.acquire() as connection:
        assert_type(connection, Connection)
        assert_type(await connection.fetchrow("SELECT 1", into=User), User | None)

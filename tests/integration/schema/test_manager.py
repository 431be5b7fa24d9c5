"""The manager itself: what it is, what it is called, and what it may name."""

from __future__ import annotations

import uuid

import asyncpg
import pytest

from poolhouse.errors import (
    ConfigurationError,
    DatabaseError,
    IdentifierError,
    PoolStateError,
    TemplateError,
    UniqueViolationError,
)
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings


@pytest.fixture
def closed():
    """A pool that is not open, so that whatever needs it fails."""
    return SharedPool(DatabaseSettings(dsn="postgresql://nowhere.invalid/shop"))


@pytest.mark.parametrize("name", ["_pool", "_schema", "_reads", "pool", "schema", "reads", "anything"])
def test_nothing_of_a_manager_can_be_set(closed, name):
    db = SchemaManager(closed, schema="users")

    with pytest.raises(AttributeError, match="immutable"):
        setattr(db, name, "other")
    with pytest.raises(AttributeError, match="immutable"):
        delattr(db, name)
    assert db == SchemaManager(closed, schema="users")


def test_managers_are_equal_when_they_do_the_same(closed):
    db = SchemaManager(closed, schema="orders", reads=["users.accounts"])

    assert db == SchemaManager(closed, schema="orders", reads=("users.accounts",))
    assert hash(db) == hash(SchemaManager(closed, schema="orders", reads=["users.accounts"]))
    assert db != SchemaManager(closed, schema="orders")
    assert db != SchemaManager(SharedPool(closed.settings), schema="orders", reads=["users.accounts"])
    assert db != "orders"


def test_a_manager_shows_what_it_is_for(closed):
    assert repr(SchemaManager(closed, schema="orders", reads=["users.b", "users.a"])) == (
        "<SchemaManager of schema 'orders', reads users.a, users.b>"
    )


@pytest.mark.parametrize("name", ["", "a\n", " a", "a\0b", "x" * 64, "ü" * 32, "\ud800"])
def test_a_schema_that_postgresql_cannot_hold_is_refused(closed, name):
    with pytest.raises(IdentifierError):
        SchemaManager(closed, schema=name)


def test_a_declared_read_names_schema_and_table(closed):
    with pytest.raises(ConfigurationError, match=r"'accounts' names no schema\. Write it as \"schema.table\""):
        SchemaManager(closed, schema="orders", reads=["accounts"])


def test_declared_reads_are_a_list(closed):
    with pytest.raises(ConfigurationError, match=r"Write \['users.accounts'\]"):
        SchemaManager(closed, schema="orders", reads="users.accounts")


async def test_an_undeclared_read_is_refused_before_any_connection_is_asked_for(closed):
    db = SchemaManager(closed, schema="orders", reads=["users.accounts"])

    with pytest.raises(TemplateError):
        await db.fetch("SELECT * FROM {{tables.users.secrets}}")
    with pytest.raises(PoolStateError):
        await db.fetch("SELECT * FROM {{tables.users.accounts}}")


async def test_a_placeholder_that_is_not_right_is_refused_before_any_connection_is_asked_for(closed):
    db = SchemaManager(closed, schema="orders")

    with pytest.raises(TemplateError, match="template:1:8"):
        await db.execute("SELECT {{shcema}}")


async def test_a_declared_read_reads_the_other_schema(new_schema):
    users = await new_schema()
    orders = await new_schema(reads=[f"{users.schema}.items"])
    await users.execute("INSERT INTO {{tables.items}} VALUES (1)")

    assert await orders.fetchval(f"SELECT count(*) FROM {{{{tables.{users.schema}.items}}}}") == 1


@pytest.mark.parametrize("name", ["order", "MySchema", 'we"ird', "naïve", "a b", "1st", "user.name", "x" * 63])
async def test_every_legal_name_works_as_a_schema(shared_database, pool, observer, name):
    db = SchemaManager(pool, schema=name)
    await db.execute("CREATE SCHEMA {{schema}}")
    await db.execute('CREATE TABLE {{tables."Select"}} (id int PRIMARY KEY)')

    await db.execute('INSERT INTO {{tables."Select"}} VALUES ($1)', 1)
    await db.copy_records_to_table("Select", records=[(2,)])
    with pytest.raises(UniqueViolationError) as caught:
        await db.execute('INSERT INTO {{tables."Select"}} VALUES ($1)', 1)

    assert await db.fetchval('SELECT array_agg(id) FROM {{tables."Select"}}') == [1, 2]
    assert (caught.value.schema, caught.value.table) == (name, "Select")
    assert await observer.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = $1", name) == 1


async def test_managers_of_two_schemas_live_side_by_side(new_schema, ids):
    users, orders = await new_schema(), await new_schema()

    await users.execute("INSERT INTO {{tables.items}} VALUES (1)")
    await orders.execute("INSERT INTO {{tables.items}} VALUES (2)")

    assert (await ids(users), await ids(orders)) == ([1], [2])


async def test_managers_of_two_pools_live_side_by_side(shared_database, db):
    other = SharedPool(DatabaseSettings(dsn=shared_database))
    await other.open()
    try:
        async with db.transaction():
            await db.execute("INSERT INTO {{tables.items}} VALUES (1)")
            elsewhere = SchemaManager(other, schema=db.schema)
            assert await elsewhere.fetchval("SELECT count(*) FROM {{tables.items}}") == 0
    finally:
        await other.close()


async def test_a_table_that_is_missing_is_named(db):
    with pytest.raises(DatabaseError) as caught:
        await db.fetch("SELECT * FROM {{tables.missing}} WHERE id = $1", 1)

    assert str(caught.value) == (
        f"service '{db.schema}': relation \"{db.schema}.missing\" does not exist [SQLSTATE 42P01]. "
        "See that its migration was applied, and name it as {{tables.name}}"
    )


async def test_the_search_path_plays_no_part(db, observer):
    with pytest.raises(DatabaseError):
        await db.fetch("SELECT * FROM items")
    with pytest.raises(asyncpg.UndefinedTableError):
        await observer.fetch("SELECT * FROM items")


async def test_the_same_name_in_another_schema_is_not_touched(new_schema, ids):
    users, orders = await new_schema(), await new_schema(f"n{uuid.uuid4().hex}")

    async with users.transaction():
        await users.execute("INSERT INTO {{tables.items}} VALUES (1)")
        await orders.execute("INSERT INTO {{tables.items}} VALUES (1)")

    assert (await ids(users), await ids(orders)) == ([1], [1])

from __future__ import annotations

from textwrap import dedent

import pytest
from dependency_injector import providers

from poolhouse import Container, MigrationSet, Part, SchemaManager, SharedPool
from poolhouse.errors import InsufficientPrivilegeError


# begin: declared
class ReportsContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="reports", reads=["users.accounts"])


# end: declared
class Application(Container):
    settings = providers.Dependency()
    folder = providers.Dependency()
    pool = providers.Resource(SharedPool, settings)
    users = providers.Factory(SchemaManager, pool, schema="users")
    users_migrations = providers.Factory(MigrationSet, users, folder, module="users")
    orders = providers.Factory(SchemaManager, pool, schema="orders")
    reports = Part(ReportsContainer, pool=pool)


@pytest.fixture
async def application(database_settings, tmp_path):
    (tmp_path / "0001_create_accounts.sql").write_text(
        dedent("""
            CREATE TABLE {{tables.accounts}} (id bigint PRIMARY KEY, name text NOT NULL);
            INSERT INTO {{tables.accounts}} VALUES (1, 'Ada');
        """)
    )
    async with Application(settings=database_settings, folder=tmp_path) as started:
        yield started


async def test_a_declared_read_is_a_right(application):
    db = application.reports.db()
    assert await db.fetchval("SELECT name FROM {{tables.users.accounts}} WHERE id = $1", 1) == "Ada"


async def test_what_is_not_declared_is_refused_and_the_message_says_what_would_allow_it(application, shown):
    orders = application.orders()
    with pytest.raises(InsufficientPrivilegeError) as refused:
        await orders.fetchval("SELECT name FROM users.accounts WHERE id = $1", 1)
    shown("denied.txt", str(refused.value))

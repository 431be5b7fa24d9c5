from __future__ import annotations

import asyncio
import uuid
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings


@pytest.fixture
async def pool(database_settings):
    pool = SharedPool(database_settings)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
async def admin(database):
    """A connection of its own, beside the pool."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
def write(tmp_path):
    """Write the files of a module's folder anew: `write("users", {"1_a.sql": "SELECT 1"})`."""

    def write(module, files):
        folder = tmp_path / "migrations" / module
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, text in files.items():
            (folder / name).write_text(text)
        return folder

    return write


@pytest.fixture
def users(pool, write):
    """A set of migrations for schema `users`: `users({"1_a.sql": "SELECT 1"})`."""

    def users(files, *, schema="users", module=None):
        return MigrationSet(SchemaManager(pool, schema=schema), write("users", files), module=module)

    return users


@pytest.fixture
async def role(admin):
    """A role with no rights in the test's database but to connect to it."""
    name = f'poolhouse_test_"{uuid.uuid4().hex[:8]}'
    quoted = f'"{name.replace(chr(34), chr(34) * 2)}"'
    await admin.execute(f"CREATE ROLE {quoted} LOGIN PASSWORD 'a-secret'")
    yield quoted
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = " + f"'{name}'")
    await admin.execute(f"DROP OWNED BY {quoted} CASCADE; DROP ROLE {quoted}")


@pytest.fixture
async def pool_of_role(role, database):
    """A pool that logs in as `role`."""
    parts = urlsplit(database)
    name = role[1:-1].replace('""', "%22")
    dsn = urlunsplit(("", "", parts.path, parts.query, ""))
    hosts = parts.netloc.rpartition("@")[2]
    settings = DatabaseSettings.model_validate(
        {"dsn": f"postgresql://{name}:a-secret@{hosts}{dsn}", "min_size": 0, "max_size": 3, "migration_timeout": 2.0}
    )
    pool = SharedPool(settings)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def until_asleep(admin):
    """Wait until some session of the test's database is in pg_sleep()."""
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"

    async def until_asleep():
        while not await admin.fetchval(sleeping):  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)

    return until_asleep

from __future__ import annotations

import asyncpg
import pytest

from poolhouse import MigrationSet, SchemaManager, SharedPool
from poolhouse.errors import MigrationBaselineError
from poolhouse.migrations import migrate
from poolhouse.migrations.baseline import baseline

FILE = "CREATE TABLE {{tables.users}} (id bigint PRIMARY KEY, email text NOT NULL UNIQUE);\n"


@pytest.fixture
async def users(database_settings, tmp_path):
    """Give the migrations of a schema that somebody else has made already."""
    (tmp_path / "0001_create_users.sql").write_text(FILE)
    connection = await asyncpg.connect(database_settings.dsn.get_secret_value())
    await connection.execute(f"CREATE SCHEMA users; {FILE.replace('{{tables.users}}', 'users.users')}")
    await connection.execute("CREATE TABLE users.schema_migrations (filename text PRIMARY KEY)")
    await connection.close()
    pool = SharedPool(database_settings)
    await pool.open()
    yield MigrationSet(SchemaManager(pool, schema="users"), tmp_path, module="users")
    await pool.close()


async def test_a_schema_that_is_there_is_recorded_and_not_made_again(users, shown):
    with pytest.raises(MigrationBaselineError) as refused:
        await baseline(users)
    shown("differs.txt", str(refused.value))

    # begin: baseline
    await users.db.execute("DROP TABLE {{tables.schema_migrations}}")  # the other tool's own
    await baseline(users)
    result = await migrate([users])
    assert result.reports[0].version == 1
    assert result.reports[0].applied == ()
    # end: baseline

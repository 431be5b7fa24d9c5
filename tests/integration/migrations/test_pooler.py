"""Behind PgBouncer, which lends its connections by transactions; and a DSN that goes past it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from poolhouse.errors import ConnectError, MigrationPoolerError
from poolhouse.migrations import MigrationReport, MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 6543
auth_type = any
pool_mode = transaction
default_pool_size = 2
logfile = {folder}/log
pidfile = {folder}/pid
"""

TABLE = "CREATE TABLE {{tables.a}} (x int)"
INDEX = "-- poolhouse: no-transaction\nCREATE INDEX CONCURRENTLY i ON {{tables.a}} (x)"


def folder_of_server(database):
    return parse_qs(urlsplit(database).query).get("host", [""])[0]


@pytest.fixture
def pooled(database):
    """The DSN of the test's database, through PgBouncer."""
    if PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed: nothing here was tested behind a pooler")
    parts, socket = urlsplit(database), folder_of_server(database)
    port = parse_qs(parts.query).get("port", [parts.port or 5432])[0]
    # It refuses to run as root, and the server's folder is open to its owner only.
    owner = Path(socket).stat().st_uid if socket else 65534
    account = owner if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="poolhouse-pgbouncer-"))
    folder.chmod(0o777)
    host, user = socket or parts.hostname, parts.username or "postgres"
    (folder / "ini").write_text(CONFIGURATION.format(host=host, port=port, user=user, folder=folder))
    options = {"user": account, "group": account, "extra_groups": []} if account else {}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([PGBOUNCER, folder / "ini"], stdout=quiet, stderr=quiet, **options)
    try:
        while not (folder / ".s.PGSQL.6543").exists():
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.01)
        yield f"postgresql://{user}@/{parts.path.lstrip('/')}?host={folder}&port=6543"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


@pytest.fixture
async def users(write):
    """A set of a pool with the given settings: `await users(files, dsn=…)`."""
    pools = []

    async def users(files, **settings):
        pool = SharedPool(DatabaseSettings.model_validate({"min_size": 0, "max_size": 3, **settings}))
        pools.append(pool)
        await pool.open()
        return MigrationSet(SchemaManager(pool, schema="users"), write("users", files))

    yield users
    for pool in pools:
        await pool.close()


async def test_transactional_files_are_applied_through_a_pooler(users, pooled):
    migrations = await users({"1_a.sql": TABLE, "R_v.sql": "SELECT 1"}, dsn=pooled)
    assert (await migrations.apply()).applied == (1,)
    assert (await migrations.apply()).applied == ()


async def test_a_file_outside_of_transactions_is_refused_through_a_pooler(users, pooled, admin):
    migrations = await users({"1_a.sql": TABLE, "2_i.sql": INDEX}, dsn=pooled)
    with pytest.raises(MigrationPoolerError, match="the pool's DSN") as caught:
        await migrations.apply()
    assert "2_i.sql: it runs outside of transactions" in str(caught.value)
    assert "Set migration_dsn" in str(caught.value)
    assert await admin.fetchval("SELECT count(*) FROM poolhouse.ledger WHERE module = 'users'") == 1
    assert await admin.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1") == 0


async def test_a_dsn_past_the_pooler_applies_them(users, pooled, database, admin):
    migrations = await users({"1_a.sql": TABLE, "2_i.sql": INDEX}, dsn=pooled, migration_dsn=database)
    assert (await migrations.apply()).applied == (1, 2)
    assert await admin.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'users.i'::regclass")
    assert (await migrations.apply()).applied == ()


async def test_a_migration_dsn_that_leads_through_a_pooler_is_refused_by_its_name(users, pooled, database):
    migrations = await users({"1_i.sql": INDEX}, dsn=database, migration_dsn=pooled)
    with pytest.raises(MigrationPoolerError, match="migration_dsn"):
        await migrations.apply()


@pytest.fixture
def dsn_of(role, database):
    """The DSN of `role`, with a password that no message may show."""
    parts = urlsplit(database)
    name = role[1:-1].replace('""', "%22")
    hosts = parts.netloc.rpartition("@")[2]
    query = f"?{parts.query}" if parts.query else ""
    return f"postgresql://{name}:a-secret@{hosts}{parts.path}{query}"


async def test_the_application_needs_hardly_any_right_where_another_role_migrates(users, dsn_of, database, admin, role):
    files = {
        "1_a.sql": f"{TABLE}; GRANT USAGE ON SCHEMA {{{{schema}}}} TO {role}",
        "2_i.sql": INDEX,
        "R_v.sql": "SELECT 1",
    }
    migrations = await users(files, dsn=dsn_of, migration_dsn=database)
    assert (await migrations.apply()).applied == (1, 2)
    # With nothing pending the migrating role is not needed, and not even tried.
    again = await users(files, dsn=dsn_of, migration_dsn="postgresql://nobody:b-secret@127.0.0.1:1/nowhere")
    assert await again.apply() == MigrationReport("users", "users", 2)
    owners = await admin.fetch(
        "SELECT DISTINCT tableowner = current_user AS mine FROM pg_tables WHERE schemaname = 'users'"
    )
    assert [owner["mine"] for owner in owners] == [True]
    assert (
        await admin.fetchval(
            f"SELECT has_table_privilege('{role[1:-1].replace(chr(34) * 2, chr(34))}', 'users.a', 'SELECT')"
        )
        is False
    )


async def test_a_migration_dsn_that_leads_nowhere_is_named_without_its_password(users, database):
    migrations = await users(
        {"1_a.sql": TABLE}, dsn=database, migration_dsn="postgresql://x:b-secret@127.0.0.1:1/nowhere"
    )
    assert "b-secret" not in repr(migrations.db.pool.settings)
    with pytest.raises(ConnectError, match=r"x@127\.0\.0\.1:1/nowhere") as caught:
        await migrations.apply()
    assert "b-secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_asyncpg_cannot_tell_a_pooler_but_by_the_process(pooled):
    """The reason for how a pooler is detected: PgBouncer answers with a process of its own invention."""
    connection = await asyncpg.connect(pooled)
    assert connection.get_server_pid() != await connection.fetchval("SELECT pg_backend_pid()")
    await connection.close()

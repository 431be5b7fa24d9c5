"""A start on a real read-only replica."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from poolhouse.embedded import EmbeddedPostgres
from poolhouse.embedded.account import server_account
from poolhouse.embedded.locator import locate_binaries
from poolhouse.errors import MigrationReadOnlyError
from poolhouse.migrations import MigrationSet, migrate
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its servers talk through Unix sockets")

NAMES = [f"tenant_{number}" for number in range(20)]


def sets(pool, write, files):
    users = MigrationSet(SchemaManager(pool, schema="users"), write("users", files))
    return [users, MigrationSet(SchemaManager(pool, schema="control"), write("tenants", files), schemas=NAMES)]


async def opened(dsn):
    pool = SharedPool(DatabaseSettings.model_validate({"dsn": dsn, "min_size": 1, "max_size": 3}))
    await pool.open()
    return pool


@pytest.fixture
async def primary():
    server = EmbeddedPostgres(temporary=True, parameters={"wal_level": "replica", "max_wal_senders": "3"})
    await server.open()
    yield server.dsn
    await server.close()


@pytest.fixture
async def replica():
    """Make a replica of a server, and return its DSN: `await replica(dsn)`."""
    folder = Path(tempfile.mkdtemp(prefix="poolhouse-replica-"))
    account = server_account(None)
    who = {} if account is None else {"user": account.user, "group": account.group, "extra_groups": []}
    if account is not None:
        os.chown(folder, account.user, account.group)
    started = []

    async def run(program, *arguments):
        command = (str(locate_binaries() / program), *arguments)
        quiet = asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet, cwd=folder, **who)

    async def replica(dsn):
        host = parse_qs(urlsplit(dsn).query)["host"][0]
        options = ("-U", "postgres", "-R", "-c", "fast", "--no-sync", "-X", "stream")
        copying = await run("pg_basebackup", "-h", host, "-p", "5432", "-D", str(folder / "data"), *options)
        assert await copying.wait() == 0
        settings = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off")
        started.append(await run("postgres", "-D", str(folder / "data"), "-p", "5432", *settings))
        return f"postgresql://postgres@/postgres?host={folder}&port=5432"

    yield replica
    for process in started:
        # At once: a smart shutdown would wait for the stream.
        process.send_signal(3)
        await process.wait()
    shutil.rmtree(folder)


async def test_a_replica_is_enough_until_something_is_pending(primary, replica, write):
    files = {"1_a.sql": "CREATE TABLE a (id int)"}
    pool = await opened(primary)
    await migrate(sets(pool, write, files))
    await pool.close()
    # Opening waits until the replica answers.
    pool = await opened(await replica(primary))
    assert await SchemaManager(pool, schema="users").fetchval("SELECT pg_is_in_recovery()")
    result = await migrate(sets(pool, write, files))
    assert (len(result.reports), result.applied, {report.version for report in result.reports}) == (21, 0, {1})
    with pytest.raises(MigrationReadOnlyError, match=r"2_b\.sql"):
        await migrate(sets(pool, write, {**files, "2_b.sql": "SELECT 1"}))
    await pool.close()

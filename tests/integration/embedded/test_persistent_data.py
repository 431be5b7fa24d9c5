"""A data directory outlives its servers, and has one at a time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import asyncpg
import pytest

from poolhouse.embedded import EmbeddedPostgres
from poolhouse.embedded.account import server_account
from poolhouse.errors import DataDirectoryBusyError, DataDirectoryUnusableError
from poolhouse.settings import EmbeddedSettings


@pytest.fixture
async def server(data):
    server = EmbeddedPostgres(EmbeddedSettings(data_directory=data))
    yield server
    await server.close()


async def fetchval(server, query):
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_a_second_start_still_has_the_data(server):
    await server.open()
    await fetchval(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    await server.close()

    await server.open()

    assert await fetchval(server, "SELECT answer FROM kept") == 42


async def test_a_second_owner_is_refused_with_the_pid_of_the_first(server, begin, data):
    first = begin(data)

    with pytest.raises(DataDirectoryBusyError, match=f"process {first.pid} ") as refusal:
        await server.open()

    assert (refusal.value.pid, refusal.value.directory) == (first.pid, str(data))
    connection = await asyncpg.connect(first.dsn)
    await connection.close()


async def test_of_two_owners_that_start_at_once_on_nothing_one_wins_and_the_other_is_told(place):
    data = place / "data"
    owners = [EmbeddedPostgres(EmbeddedSettings(data_directory=data)) for _ in range(2)]
    try:
        outcomes = await asyncio.gather(*(owner.open() for owner in owners), return_exceptions=True)

        assert sorted(map(type, outcomes), key=str) == sorted([DataDirectoryBusyError, type(None)], key=str)
        assert [path.name for path in data.parent.iterdir() if path.name.startswith(".")] == []
    finally:
        for owner in owners:
            await owner.close()


@pytest.fixture
def stranger(data):
    """A process that has nothing to do with the server, of the account that the server will have."""
    account = server_account(data)
    who = {"user": account.user, "group": account.group, "extra_groups": []} if account else {}
    with subprocess.Popen(["sleep", "30"], **who) as process:
        yield process
        process.kill()


async def test_a_lock_file_whose_pid_now_belongs_to_another_process_does_not_block(server, data, stranger):
    lock_file = data / "postmaster.pid"
    lock_file.write_text(f"{stranger.pid}\n{data}\n1\n5432\n/tmp\n\n  1  1\nready   \n")
    os.chown(lock_file, data.stat().st_uid, data.stat().st_gid)

    await server.open()

    assert await fetchval(server, "SELECT 1") == 1


async def test_data_of_another_major_version_is_refused_with_both_versions(server, data):
    (data / "PG_VERSION").write_text("9.6\n")

    with pytest.raises(DataDirectoryUnusableError, match=r"data is of PostgreSQL 9\.6, .* of PostgreSQL \d+"):
        await server.open()


async def test_the_server_is_durable_and_deaf_to_the_network(server):
    await server.open()

    assert [await fetchval(server, f"SHOW {name}") for name in ("fsync", "synchronous_commit")] == ["on", "on"]
    assert await fetchval(server, "SHOW listen_addresses") == ""


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root runs the server under another account"
)
class TestAsRoot:
    async def test_data_in_a_folder_that_only_root_can_enter_stays_between_runs(self, place):
        data = place / "data"
        server = EmbeddedPostgres(EmbeddedSettings(data_directory=data))
        place.chmod(0o700)
        await server.open()
        await fetchval(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        await server.close()

        await server.open()

        assert await fetchval(server, "SELECT answer FROM kept") == 42
        assert data.stat().st_uid != 0
        assert (place.stat().st_mode & 0o777, place.stat().st_uid) == (0o700, 0)
        await server.close()

    async def test_a_directory_in_a_private_folder_has_one_server_at_a_time_too(self, data, server, begin):
        data.parent.chmod(0o700)
        first = begin(data)

        with pytest.raises(DataDirectoryBusyError, match=str(first.pid)):
            await server.open()

    async def test_a_backend_that_crashes_in_a_private_folder_is_recovered_from(self, data, server):
        data.parent.chmod(0o700)
        await server.open()
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(await connection.fetchval("SELECT pg_backend_pid()"), 9)

        async def recovered():
            try:
                return await fetchval(server, "SELECT answer FROM kept")
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return None

        while (answer := await recovered()) is None:
            pass

        assert answer == 42
        connection.terminate()

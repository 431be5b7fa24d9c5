"""The handle: opening, closing, and breaking off."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from poolhouse.embedded import EmbeddedPostgres, runtime_directory
from poolhouse.embedded.launcher import Launcher
from poolhouse.errors import BinariesNotFoundError, ServerStartError
from poolhouse.settings import EmbeddedSettings
from tests.integration.embedded.processes import marked, until


@pytest.fixture
def memory(place, monkeypatch):
    """A folder of the test's own in the place of the one in memory, so that what is left in it can be seen."""
    monkeypatch.setattr(runtime_directory, "MEMORY", place)
    monkeypatch.setattr(runtime_directory, "ENOUGH_MEMORY", 0)
    return place


@pytest.fixture
def begun(monkeypatch, memory):
    """Return the pids of all processes that were started in this test and still are."""
    monkeypatch.setenv("POOLHOUSE_MARK", str(memory))
    return lambda: marked(f"POOLHOUSE_MARK={memory}")


async def test_a_throw_away_server_answers_and_is_gone_when_closed(memory, begun):
    server = EmbeddedPostgres(temporary=True)
    await server.open()
    connection = await asyncpg.connect(server.dsn)
    assert await connection.fetchval("SHOW fsync") == "off"
    assert (await connection.fetchval("SHOW server_version")).startswith(server.version)
    await connection.close()

    await server.close()

    assert (server.dsn, server.version, begun(), list(memory.iterdir())) == (None, None, [], [])


async def test_opening_and_closing_twice_is_opening_and_closing_once(memory):
    server = EmbeddedPostgres(temporary=True)
    await server.close()
    await asyncio.gather(server.open(), server.open())
    dsn = server.dsn
    await server.open()
    assert server.dsn == dsn

    await asyncio.gather(server.close(), server.close())
    await server.close()

    assert list(memory.iterdir()) == []


async def test_closing_with_clients_at_work_takes_under_two_seconds(memory, begun):
    server = EmbeddedPostgres(temporary=True)
    await server.open()
    connection = await asyncpg.connect(server.dsn)
    query = asyncio.ensure_future(connection.execute("SELECT pg_sleep(60)"))
    await asyncio.sleep(0)

    async with asyncio.timeout(2):
        await server.close()

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await query
    assert begun() == []


def at_once(memory):
    return True


def when_there_is_a_directory(memory):
    return list(memory.iterdir())


def when_initdb_is_at_work(memory):
    return list(memory.glob("*/.data-*/base"))


def when_the_cluster_is_in_place(memory):
    return list(memory.glob("*/data/PG_VERSION"))


def when_the_server_is_starting(memory):
    return list(memory.glob("*/data/postmaster.pid"))


def when_the_socket_is_there(memory):
    return list(memory.glob("*/.s.PGSQL.5432"))


@pytest.mark.parametrize(
    "moment",
    [
        at_once,
        when_there_is_a_directory,
        when_initdb_is_at_work,
        when_the_cluster_is_in_place,
        when_the_server_is_starting,
        when_the_socket_is_there,
    ],
)
async def test_a_start_that_is_cancelled_leaves_neither_process_nor_directory(memory, begun, moment):
    server = EmbeddedPostgres(temporary=True)
    opening = asyncio.ensure_future(server.open())
    await asyncio.sleep(0)
    await asyncio.to_thread(until, lambda: moment(memory))

    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening

    assert (begun(), list(memory.iterdir()), server.dsn) == ([], [], None)


async def test_a_start_that_is_cancelled_in_the_moment_in_which_it_is_done_leaves_nothing_either(
    memory, begun, monkeypatch
):
    loop, start = asyncio.get_running_loop(), Launcher.start

    def start_and_be_cancelled(launcher):
        running = start(launcher)
        loop.call_soon_threadsafe(opening.cancel)
        return running

    monkeypatch.setattr(Launcher, "start", start_and_be_cancelled)
    opening = asyncio.ensure_future(EmbeddedPostgres(temporary=True).open())

    with pytest.raises(asyncio.CancelledError):
        await opening

    assert (begun(), list(memory.iterdir())) == ([], [])


async def test_a_start_that_was_cancelled_half_way_can_be_repeated(place):
    data = place / "data"
    server = EmbeddedPostgres(EmbeddedSettings(data_directory=data))
    opening = asyncio.ensure_future(server.open())
    await asyncio.to_thread(until, lambda: list(place.glob(".data-*/base")))
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert list(place.iterdir()) == []

    await server.open()

    assert sorted(path.name for path in place.iterdir()) == ["data"]
    await server.close()


async def test_a_close_that_is_cancelled_still_closes(memory, begun):
    server = EmbeddedPostgres(temporary=True)
    await server.open()
    closing = asyncio.ensure_future(server.close())
    await asyncio.sleep(0)

    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing

    assert (begun(), list(memory.iterdir())) == ([], [])


async def test_a_server_that_does_not_start_says_why_and_leaves_nothing(memory, begun):
    server = EmbeddedPostgres(temporary=True, parameters={"shared_buffers": "plenty"})

    with pytest.raises(ServerStartError, match='invalid value for parameter "shared_buffers": "plenty"'):
        await server.open()

    assert (begun(), list(memory.iterdir())) == ([], [])


ODD = "it's a \\back\\slash # and 'more' ünïcode"
STEERING = {"PGDATA": "/nowhere", "PGPORT": "1", "PGHOST": "nowhere", "LC_ALL": "xx_YY", "LANG": "xx"}


@pytest.fixture(scope="module")
def server():
    server = EmbeddedPostgres(temporary=True, parameters={"work_mem": "7MB", "application.odd": ODD})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in STEERING.items():
            patch.setenv(name, value)
        asyncio.run(server.open())
    yield server
    asyncio.run(server.close())


async def fetchval(server, query):
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.parametrize(("name", "value"), [("work_mem", "7MB"), ("application.odd", ODD)])
async def test_parameters_arrive_as_they_were_written(server, name, value):
    assert await fetchval(server, f"SHOW {name}") == value


async def test_variables_that_steer_other_servers_do_not_steer_this_one(server):
    assert await fetchval(server, "SHOW port") == "5432"


async def test_letters_beyond_ascii_have_upper_and_lower_case(server):
    assert await fetchval(server, "SELECT upper('é') || lower('Ж')") == "Éж"


async def test_it_is_deaf_to_the_network(server):
    assert await fetchval(server, "SHOW listen_addresses") == ""


def test_only_its_account_can_reach_the_socket(server):
    assert Path(parse_qs(urlsplit(server.dsn).query)["host"][0]).stat().st_mode & 0o777 == 0o700


async def test_the_repr_says_what_is_running(server):
    assert repr(server).startswith(f"<EmbeddedPostgres temporary: PostgreSQL {server.version}, pid ")
    assert repr(EmbeddedPostgres(temporary=True)) == "<EmbeddedPostgres temporary: closed>"


async def test_a_disabled_server_stays_closed(tmp_path):
    server = EmbeddedPostgres(EmbeddedSettings(enabled=False, data_directory=tmp_path / "data"))

    await server.open()

    assert (server.dsn, list(tmp_path.iterdir())) == (None, [])
    await server.close()


async def test_binaries_that_the_settings_name_are_the_only_ones(tmp_path):
    server = EmbeddedPostgres(EmbeddedSettings(binaries=tmp_path), temporary=True)

    with pytest.raises(BinariesNotFoundError) as refusal:
        await server.open()

    assert refusal.value.searched == (str(tmp_path),)

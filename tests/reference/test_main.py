from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from app.main import main

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def running(**settings):
    """The application as a process of its own, with these settings beside a free port."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
    environment |= {"APP_HTTP__PORT": "0"} | settings
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.main"),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture
def on_database(database_settings):
    """Settings that lead a process to the test's empty database, with roles that are nobody else's."""
    dsn = database_settings.dsn.get_secret_value()
    return {"APP_DATABASE__DSN": dsn, "APP_DATABASE__ROLE_PREFIX": database_settings.role_prefix}


async def address_of(process):
    """Read what the process says up to its address."""
    said = []
    while line := (await process.stdout.readline()).decode():
        said.append(line)
        if "http://" in line:
            return "http://" + line.partition("http://")[2].split()[0], said
    raise AssertionError("".join(said) + (await process.stderr.read()).decode())


def database_of(dsn):
    return urlsplit(dsn).path.removeprefix("/")


async def stops_cleanly(process):
    out, err = await process.communicate()
    assert (process.returncode, out) == (0, b"Stopped cleanly.\n")
    assert b"Traceback" not in err


async def test_it_tells_what_a_person_wants_to_know(database, on_database):
    async with running(**on_database, APP_DATABASE__MAX_SIZE="7") as process:
        address, said = await address_of(process)
        services = [line for line in said if line.startswith("service ")]
        # Those of a project that went on from here come behind.
        assert services[:3] == [
            "service users: schema users, applied migrations 0001\n",
            "service orders: schema orders, applied migrations 0001\n",
            "service payments: schema payments, applied migrations 0001\n",
        ]
        assert [re.sub(r"(at) [^\s,]+|(started) in .+", r"\1\2 …", line) for line in said[len(services) :]] == [
            "pool: at …, 2 to 7 connections\n",
            "started …\n",
            "development: serving at …\n",
        ]
        assert database_of(database) in said[len(services)]
        async with httpx.AsyncClient(base_url=address) as client:
            assert (await client.get("/health/ready")).status_code == 200
        process.terminate()
        await stops_cleanly(process)
    async with running(**on_database) as process:
        _, said = await address_of(process)
        assert said[0] == "service users: schema users, migrations up to date\n"


@asynccontextmanager
async def request_in_flight(address, database):
    """A request that is answered when the block ends, since until then a lock keeps it from its table."""
    connection = await asyncpg.connect(database)
    async with httpx.AsyncClient(base_url=address, timeout=20) as client, connection.transaction():
        await connection.execute("LOCK TABLE users.users")
        request = asyncio.create_task(client.post("/users", json={"email": "ada@example.com", "name": "Ada"}))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        await until(lambda: connection.fetchval(waiting))
        yield request
        await connection.execute("ROLLBACK; BEGIN")
        await request
    await connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_requests_in_flight_finish_and_takes_no_more(database, on_database, number):
    async with running(**on_database) as process:
        address, _ = await address_of(process)
        async with request_in_flight(address, database) as request:
            process.send_signal(number)
            await until(lambda: refuses(address))
            assert not request.done()
        assert request.result().status_code == 201
        await stops_cleanly(process)


async def test_a_request_that_takes_too_long_is_cut_and_counted(database, on_database):
    async with running(**on_database, APP_HTTP__SHUTDOWN_TIMEOUT="0") as process:
        address, _ = await address_of(process)
        async with request_in_flight(address, database):
            process.terminate()
            said = await process.stdout.readline()
        _, logged = await process.communicate()
        assert said == b"Stopped; requests that did not finish within 0 s: 1.\n"
        assert b"requests that did not finish in time were cut: POST /users" in logged
        assert process.returncode == 0


async def test_a_second_signal_waits_for_no_request(database, on_database):
    async with running(**on_database) as process:
        address, _ = await address_of(process)
        async with request_in_flight(address, database) as request:
            process.terminate()
            await until(lambda: refuses(address))
            process.terminate()
            await request
        await process.communicate()
        assert (request.result().status_code, process.returncode) == (500, 0)


async def until(condition):
    while not await condition():  # noqa: ASYNC110 - another process cannot set an event
        await asyncio.sleep(0.01)


async def refuses(address):
    try:
        _, writer = await asyncio.open_connection(*address.removeprefix("http://").split(":"))
    except (ConnectionRefusedError, ConnectionResetError):
        # Reset: the listener was closed while this connection waited to be accepted.
        return True
    writer.close()
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_during_the_start_stops_it_at_once(number):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute.settimeout(0)
        dsn = "postgresql://postgres@{}:{}/shop".format(*mute.getsockname())
        async with running(APP_DATABASE__DSN=dsn) as process:
            asked, _ = await asyncio.get_running_loop().sock_accept(mute)
            process.send_signal(number)
            with asked:
                await asyncio.wait_for(stops_cleanly(process), 10)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the application in this process, for what ends before it serves."""

    for name in [name for name in os.environ if name.startswith("APP_")]:
        monkeypatch.delenv(name)

    def run(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        code = main()
        out, err = capsys.readouterr()
        assert out == ""
        assert "Traceback" not in err
        assert "s3cret" not in err
        return code, err

    return run


def test_a_port_in_use_is_found_before_the_database_is_touched(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = run(APP_HTTP__PORT=port, APP_DATABASE__DSN="postgresql://me:s3cret@127.0.0.1:1/x")
    assert code == 1
    assert f"127.0.0.1:{port}: the port is in use by another process" in said
    assert "APP_HTTP__PORT" in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"APP_HTTP__PROT": "s3cret"}, "Did you mean APP_HTTP__PORT?"),
        ({"APP_DATABSE__DSN": "s3cret"}, "APP_DATABASE"),
        ({"APP_HTTP__PORT": "s3cret"}, "APP_HTTP__PORT: "),
        ({"APP_HTTP__HOST": "256.0.0.1"}, "APP_HTTP__HOST: cannot listen here"),
        ({"APP_DATABASE__MIN_SIZE": "9", "APP_DATABASE__MAX_SIZE": "3"}, "min_size (9) is greater than max_size (3)"),
        ({"APP_PROFILE": "production"}, "APP_DATABASE__DSN: it is not set"),
    ],
)
def test_a_wrong_setting_is_named(run, settings, said):
    code, err = run(**settings)
    assert code == 2
    assert said in err


def test_a_database_that_does_not_exist_is_named(run, database):
    name = database_of(database)
    code, said = run(APP_HTTP__PORT="0", APP_DATABASE__DSN=database.replace(name, "nowhere_to_be_found"))
    assert code == 1
    assert "nowhere_to_be_found" in said
    assert "while starting" in said


async def test_an_embedded_postgresql_ends_with_the_application_and_keeps_its_data(tmp_path):
    data = {"APP_EMBEDDED__DATA_DIRECTORY": str(tmp_path / "postgres")}
    async with running(**data) as process, httpx.AsyncClient() as client:
        address, _ = await address_of(process)
        user = (await client.post(f"{address}/users", json={"email": "ada@example.com", "name": "Ada"})).json()
        process.terminate()
        await stops_cleanly(process)
    async with running(**data) as process, httpx.AsyncClient() as client:
        address, _ = await address_of(process)
        assert (await client.get(f"{address}/users/{user['id']}")).json() == user
        process.terminate()
        await stops_cleanly(process)
    assert not list((tmp_path / "postgres").rglob("postmaster.pid"))

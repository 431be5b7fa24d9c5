"""The servers and databases that are measured on: throw-away, embedded, the same for all contenders."""

from __future__ import annotations

import sys
import uuid
from asyncio import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import asyncpg

from poolhouse.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def server(**parameters: str) -> AsyncIterator[str]:
    """A server of its own; yields its DSN."""
    postgres = EmbeddedPostgres(temporary=True, parameters=parameters)
    await postgres.open()
    try:
        assert postgres.dsn is not None
        yield postgres.dsn
    finally:
        await postgres.close()


@asynccontextmanager
async def fresh_database(dsn: str) -> AsyncIterator[str]:
    """An empty database beside that of `dsn`; yields its DSN."""
    name = f"bench_{uuid.uuid4().hex[:16]}"
    await execute(dsn, f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield dsn.replace(f"{urlsplit(dsn).path}?", f"/{name}?", 1)
    finally:
        await execute(dsn, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def delayed(dsn: str, *, round_trip: float) -> AsyncIterator[str]:
    """The same server behind a proxy with a longer round trip, in seconds; yields the DSN of the proxy."""
    socket, port = parse_qs(urlsplit(dsn).query)["host"][0], parse_qs(urlsplit(dsn).query)["port"][0]
    command = (sys.executable, "-m", "benchmarks.delaying_proxy", f"{socket}/.s.PGSQL.{port}", str(round_trip))
    proxy = await subprocess.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert proxy.stdout is not None
        listening = (await proxy.stdout.readline()).decode().strip()
        yield f"postgresql://{urlsplit(dsn).username}@127.0.0.1:{listening}{urlsplit(dsn).path}?sslmode=disable"
    finally:
        proxy.terminate()
        await proxy.wait()


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()

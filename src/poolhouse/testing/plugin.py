"""pytest fixtures: one server per session, one empty database per test.

The server is embedded and throw-away, unless POOLHOUSE_TEST_DSN names one on which the role may create
databases and roles. Only databases that a test made itself, named `poolhouse_test_…`, are ever dropped, and only
roles of services that work in them.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from poolhouse.settings import DatabaseSettings

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

_DROP_ROLES = """
DO $$ DECLARE names text := (
    SELECT string_agg(quote_ident(rolname), ', ') FROM pg_roles WHERE starts_with(rolname, '{}')
); BEGIN
    IF names IS NOT NULL THEN EXECUTE 'DROP ROLE ' || names; END IF;
END $$
"""


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Give the DSN of a running server, of its database `postgres`."""
    dsn = os.environ.get("POOLHOUSE_TEST_DSN")
    if dsn is not None:
        yield dsn
        return
    from poolhouse.embedded import EmbeddedPostgres  # noqa: PLC0415 - needs an extra that a DSN makes unnecessary

    server = EmbeddedPostgres(temporary=True, parameters={"max_connections": "200"})
    _run(server.open())
    try:
        assert server.dsn is not None  # noqa: S101 - open() returned
        yield server.dsn
    finally:
        _run(server.close())


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """Give the DSN of a fresh, empty database, dropped after the test whoever is still connected to it."""
    name = f"poolhouse_test_{uuid.uuid4().hex[:16]}"
    _run(_execute(postgres, f'CREATE DATABASE "{name}" TEMPLATE template0'))
    yield with_database(postgres, name)
    _run(_execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)', _DROP_ROLES.format(role_prefix(name))))


@pytest.fixture
def database_settings(database: str) -> DatabaseSettings:
    """Give settings of a pool on the test's own database, with short waits and with roles of its own."""
    waits = {"startup_timeout": 5.0, "drain_timeout": 2.0, "acquire_timeout": 5.0}
    return DatabaseSettings.model_validate(
        {"dsn": database, "max_size": 5, **waits, "role_prefix": role_prefix(urlsplit(database).path)}
    )


def role_prefix(database: str) -> str:
    """Return with what the roles of services begin that work in a test's own database: roles are of all databases."""
    return f"{database.rpartition('_')[2]}_"


def with_database(dsn: str, name: str) -> str:
    """Return `dsn` with another database."""
    parts = urlsplit(dsn)
    # urlunsplit() would drop the empty host of a DSN that names a socket directory.
    rest = urlunsplit(("", "", f"/{name}", parts.query, ""))
    return f"{parts.scheme}://{parts.netloc}{rest}"


def _run(work: Coroutine[Any, Any, None]) -> None:
    # A thread of its own: pytest-asyncio may have a loop running in this one, and a sync fixture cannot await.
    import threading  # noqa: PLC0415 - beside its only use

    failure: list[BaseException] = []

    def main() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


async def _execute(dsn: str, *statements: str) -> None:
    import asyncpg  # noqa: PLC0415 - importing the plugin must stay cheap, pytest loads it always

    connection = await asyncpg.connect(dsn)
    try:
        for sql in statements:
            await connection.execute(sql)
    finally:
        await connection.close()

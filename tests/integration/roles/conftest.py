"""Services on a database of their own, on each version of the server, by logins with more and with fewer rights."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from poolhouse.embedded.launcher import Launcher, Order
from poolhouse.embedded.locator import locate_binaries
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings
from poolhouse.testing.databases import with_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")


class Bench:
    """One database with a prefix of its own; pools, managers and sets on it, and a look at what is there."""

    def __init__(self, dsn: str, name: str, admin: asyncpg.Connection[Any], folder: Path) -> None:
        self.dsn = dsn
        self.admin = admin
        self.prefix = f"{name}_"
        self.version = admin.get_server_version().major
        self._folder = folder
        self._pools: list[SharedPool] = []

    def dsn_of(self, login: str | None) -> str:
        if login is None:
            return self.dsn
        parts = urlsplit(self.dsn)
        netloc = f"{self.prefix}{login}@{parts.netloc.rpartition('@')[2]}"
        rest = urlunsplit(("", "", parts.path, parts.query, ""))
        return f"{parts.scheme}://{netloc}{rest}"

    async def login(self, name: str, options: str = "") -> str:
        """Make a role that logs in, and return its name as it is in the database."""
        role = f"{self.prefix}{name}"
        await self.admin.execute(f'CREATE ROLE "{role}" LOGIN {options}')
        return role

    def settings(self, login: str | None = None, **changes: Any) -> DatabaseSettings:
        given = {"dsn": self.dsn_of(login), "min_size": 0, "max_size": 3, "role_prefix": self.prefix}
        return DatabaseSettings.model_validate({**given, "migration_timeout": 5.0, "drain_timeout": 1.0, **changes})

    async def pool(self, login: str | None = None, **changes: Any) -> SharedPool:
        pool = SharedPool(self.settings(login, **changes))
        await pool.open()
        self._pools.append(pool)
        return pool

    def write(self, module: str, **files: str) -> Path:
        folder = self._folder / module
        folder.mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(files.values(), 1):
            (folder / f"{number}_{[*files][number - 1]}.sql").write_text(text)
        return folder

    def users(self, pool: SharedPool, **files: str) -> MigrationSet:
        text = "CREATE TABLE {{tables.accounts}} (id bigint GENERATED ALWAYS AS IDENTITY, name text);"
        return MigrationSet(SchemaManager(pool, schema="users"), self.write("users", accounts=text, **files))

    def orders(self, pool: SharedPool, *, reads: tuple[str, ...] = ()) -> MigrationSet:
        text = "CREATE TABLE {{tables.orders}} (id serial, note text);"
        return MigrationSet(SchemaManager(pool, schema="orders", reads=reads), self.write("orders", orders=text))

    async def run_as(self, service: str, sql: str) -> list[Any]:
        """Run statements as a service's role, in a transaction that is rolled back, as its connection would."""
        transaction = self.admin.transaction()
        await transaction.start()
        try:
            await self.admin.execute(f'SET LOCAL ROLE "{self.prefix}{service}"')
            return await self.admin.fetch(sql)
        finally:
            await transaction.rollback()

    async def is_denied(self, service: str, sql: str) -> bool:
        try:
            await self.run_as(service, sql)
        except asyncpg.InsufficientPrivilegeError:
            return True
        return False

    async def roles(self) -> list[str]:
        sql = "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1) AND NOT rolcanlogin ORDER BY rolname"
        return [row[0].removeprefix(self.prefix) for row in await self.admin.fetch(sql, self.prefix)]

    async def close(self) -> None:
        for pool in self._pools:
            await pool.close()


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(None, id="embedded"),
        pytest.param(
            POSTGRES_15,
            id="15",
            marks=pytest.mark.skipif(not POSTGRES_15.exists(), reason="PostgreSQL 15 of the system is not installed"),
        ),
    ],
)
def server(request) -> Iterator[str]:
    """The DSN of a server of each version in which rights to roles are told apart differently: up to 15, and since."""
    if request.param is None:
        yield request.getfixturevalue("postgres")
        return
    launcher = Launcher(Order(binaries=locate_binaries(request.param)))
    yield launcher.start().dsn
    launcher.stop()


@pytest.fixture
async def bench(server, tmp_path) -> AsyncIterator[Bench]:
    name = f"t{uuid.uuid4().hex[:8]}"
    outside = await asyncpg.connect(server)
    await outside.execute(f"CREATE DATABASE {name}")
    admin = await asyncpg.connect(with_database(server, name))
    bench = Bench(with_database(server, name), name, admin, tmp_path)
    yield bench
    await bench.close()
    await admin.close()
    await outside.execute(f"DROP DATABASE {name} WITH (FORCE)")
    # All at once: who has granted a role to another cannot be dropped before that.
    roles = "SELECT string_agg(quote_ident(rolname), ', ') FROM pg_roles WHERE starts_with(rolname, $1)"
    if (names := await outside.fetchval(roles, bench.prefix)) is not None:
        await outside.execute(f"DROP ROLE {names}")
    await outside.close()

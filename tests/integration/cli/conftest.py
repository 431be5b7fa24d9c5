"""A project with an application in it, as a user of the command line has one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
import typer.testing
from typer.testing import CliRunner

from poolhouse.cli.root import root

if TYPE_CHECKING:
    from pathlib import Path

# It would make all commands anew for each call, which takes longer than most of them do.
typer.testing._get_command = cache(typer.testing._get_command)

APPLICATION = """
from dependency_injector import providers
from pydantic_settings import SettingsConfigDict

from poolhouse.container import Container
from poolhouse.embedded import EmbeddedPostgres
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import ApplicationSettings


class Settings(ApplicationSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_")


def refused():
    raise RuntimeError("a resource of a service was opened")


class ApplicationContainer(Container):
    settings = providers.Dependency(instance_of=ApplicationSettings)
    server = providers.Resource(EmbeddedPostgres, settings.provided.embedded)
    pool = providers.Resource(SharedPool, settings.provided.database, server=server)
    users = providers.Factory(SchemaManager, pool, schema="users")
    users_migrations = providers.Factory(MigrationSet, users, "migrations/users")
    orders = providers.Factory(SchemaManager, pool, schema="orders")
    orders_migrations = providers.Factory(MigrationSet, orders, "migrations/orders")
    cache = providers.Resource(refused)
"""

FILES = {
    "migrations/users/0001_create_users.sql": "CREATE TABLE {{tables.users}} (id bigint PRIMARY KEY);\n",
    "migrations/users/0002_add_name.sql": "ALTER TABLE {{tables.users}} ADD COLUMN name text;\n",
    "migrations/orders/0001_create_orders.sql": "CREATE TABLE {{tables.orders}} (id bigint PRIMARY KEY);\n",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Project:
    """A folder with an application, and the command line run in it."""

    def __init__(self, root: Path, module: str, dsn: str) -> None:
        self.root = root
        self.module = module
        self.dsn = dsn

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def declare(self, **keys: str) -> None:
        lines = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
        self.write("pyproject.toml", f"[tool.poolhouse]\n{lines}")

    def run(self, *arguments: str, typed: str | None = None) -> Outcome:
        result = CliRunner().invoke(root, ["migrations", *arguments], input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        assert "Traceback" not in result.output
        return Outcome(result.exit_code, result.stdout, result.stderr)

    def process(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "poolhouse.cli", "migrations", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.root, text=True, **{**pipes, **options})

    def fetch(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        async def fetch() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.dsn)
            try:
                return [tuple(row) for row in await connection.fetch(query, *arguments)]
            finally:
                await connection.close()

        return asyncio.run(fetch())

    def execute(self, sql: str) -> None:
        async def execute() -> None:
            connection = await asyncpg.connect(self.dsn)
            try:
                await connection.execute(sql)
            finally:
                await connection.close()

        asyncio.run(execute())

    def tables(self) -> list[str]:
        query = (
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('users', 'orders') ORDER BY 1"
        )
        return [row[0] for row in self.fetch(query)]


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Give a project whose database must not be asked."""
    # Modules are imported once in a process, and each test has its own.
    project = Project(tmp_path, f"shop_{uuid.uuid4().hex}", "postgresql://nobody@127.0.0.1:1/nothing")
    for path, text in {**FILES, f"{project.module}.py": APPLICATION}.items():
        project.write(path, text)
    project.declare(container=f"{project.module}:ApplicationContainer", settings=f"{project.module}:Settings")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("SHOP_DATABASE__DSN", project.dsn)
    monkeypatch.setenv("SHOP_DATABASE__STARTUP_TIMEOUT", "0.1")
    monkeypatch.setenv("SHOP_DATABASE__MIGRATION_TIMEOUT", "0.2")
    # Roles are of all databases, and most of these tests are about something else.
    monkeypatch.setenv("SHOP_DATABASE__SERVICE_ROLES", "off")
    for name in os.environ:
        if name in {"COLUMNS", "FORCE_COLOR", "POOLHOUSE_TRACEBACK"}:
            monkeypatch.delenv(name)
    return project


@pytest.fixture
def project(offline: Project, database: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Give a project with an empty database."""
    offline.dsn = database
    monkeypatch.setenv("SHOP_DATABASE__DSN", database)
    monkeypatch.setenv("SHOP_DATABASE__STARTUP_TIMEOUT", "5")
    return offline

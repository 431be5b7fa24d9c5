"""Two services with a table each, whose transactions are begun around them, and somebody who looks from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from dependency_injector import providers

from poolhouse.container import Container, Scoped
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Book:
    """Keeps texts; knows nothing of who begins a transaction around it."""

    def __init__(self, db: SchemaManager) -> None:
        self.db = db

    async def add(self, text: str) -> None:
        await self.db.execute("INSERT INTO {{tables.notes}} (text) VALUES ($1)", text)

    async def add_twice(self, text: str) -> None:
        """Fail at the commit, since the constraint is deferred."""
        await self.db.execute("INSERT INTO {{tables.notes}} (text, once) VALUES ($1, 1), ($1, 1)", text)

    async def texts(self) -> list[str]:
        return [row["text"] for row in await self.db.fetch("SELECT text FROM {{tables.notes}} ORDER BY id")]

    async def is_in_transaction(self) -> bool:
        first = await self.db.fetchval("SELECT pg_current_xact_id()::text")
        second = await self.db.fetchval("SELECT pg_current_xact_id()::text")
        return bool(first == second)


class Notes(Book):
    """A service."""


class Ledger(Book):
    """Another service."""


class NotesContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    folder: providers.Dependency[Any] = providers.Dependency()
    db = providers.Factory(SchemaManager, pool, schema="notes")
    migrations = providers.Factory(MigrationSet, db, folder, module="notes")
    service = providers.Factory(Notes, db)
    transaction = Scoped(SchemaManager.transaction, db)
    explicit = providers.Factory(dict, connection=transaction)


class LedgerContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    folder: providers.Dependency[Any] = providers.Dependency()
    notes = providers.Dependency(instance_of=Notes)
    db = providers.Factory(SchemaManager, pool, schema="ledger")
    migrations = providers.Factory(MigrationSet, db, folder, module="ledger")
    repository = providers.Factory(dict, db=db, notes=notes)
    service = providers.Factory(Ledger, repository.provided["db"])


class Application(Container):
    settings = providers.Dependency(instance_of=DatabaseSettings)
    folder: providers.Dependency[Any] = providers.Dependency()
    pool = providers.Resource(SharedPool, settings)
    notes = providers.Container(NotesContainer, pool=pool, folder=folder)
    ledger = providers.Container(LedgerContainer, pool=pool, folder=folder, notes=notes.service)


class Outside:
    """Sees what is committed."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def texts(self, schema: str = "notes") -> list[str]:
        return [row["text"] for row in await self._connection.fetch(f"SELECT text FROM {schema}.notes ORDER BY id")]

    async def add(self, text: str) -> None:
        await self._connection.execute("INSERT INTO notes.notes (text) VALUES ($1)", text)

    async def transactions(self) -> int:
        """How many connections of the database are in the middle of a transaction."""
        found = await self._connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        )
        assert isinstance(found, int)
        return found


@pytest.fixture
def folder(tmp_path):
    sql = (
        "CREATE TABLE {{tables.notes}} (id int GENERATED ALWAYS AS IDENTITY, text text, once int,"
        " UNIQUE (once) DEFERRABLE INITIALLY DEFERRED);"
    )
    (tmp_path / "0001_notes.sql").write_text(sql)
    return tmp_path


@pytest.fixture
async def application(database_settings, folder) -> AsyncIterator[Any]:
    async with Application(settings=database_settings, folder=folder) as application:
        yield application


@pytest.fixture
async def outside(database, application) -> AsyncIterator[Outside]:
    connection = await asyncpg.connect(database)
    yield Outside(connection)
    await connection.close()

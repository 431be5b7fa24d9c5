"""The same work as a user of poolhouse does it, and as a user of pgdbm does it by its README."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pgdbm

from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

    import asyncpg

CONNECTIONS = 10  # open from the start, for both

# It warns of nothing that matters here, once per schema.
logging.getLogger("pgdbm").setLevel(logging.ERROR)


@asynccontextmanager
async def poolhouse_pool(dsn: str) -> AsyncIterator[SharedPool]:
    settings = {"dsn": dsn, "min_size": CONNECTIONS, "max_size": CONNECTIONS}
    pool = SharedPool(DatabaseSettings.model_validate(settings))
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def pgdbm_pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    config = pgdbm.DatabaseConfig(connection_string=dsn, min_connections=CONNECTIONS, max_connections=CONNECTIONS)
    pool = await pgdbm.AsyncDatabaseManager.create_shared_pool(config)
    try:
        yield pool
    finally:
        await pool.close()


def one_folder(pool: SharedPool, folder: Path, schemas: Iterable[str]) -> list[MigrationSet]:
    """The migrations of one folder for many schemas."""
    return [MigrationSet(SchemaManager(pool, schema="public"), folder, schemas=list(schemas))]


def each_schema(pool: SharedPool, folder: Path, schemas: Iterable[str]) -> list[MigrationSet]:
    """The migrations of one folder, with a set for each schema."""
    return [MigrationSet(SchemaManager(pool, schema=schema), folder) for schema in schemas]


def many_folders(pool: SharedPool, folders: Iterable[Path]) -> list[MigrationSet]:
    """The migrations of many modules, each with a schema of its own, named as its folder."""
    return [MigrationSet(SchemaManager(pool, schema=folder.name), folder) for folder in folders]


async def create_schemas(pool: asyncpg.Pool, schemas: Iterable[str]) -> None:
    """What a user of pgdbm has to do before migrating into the schemas of a shared pool."""
    for schema in schemas:
        db = pgdbm.AsyncDatabaseManager(pool=pool, schema=schema)
        await pgdbm.SchemaManager(db).ensure_schema_exists()


async def migrate_with_pgdbm(pool: asyncpg.Pool, work: Sequence[tuple[Path, str]]) -> int:
    """Apply what is pending in each of the folders to its schema; returns how many files were applied."""
    applied = 0
    for folder, schema in work:
        db = pgdbm.AsyncDatabaseManager(pool=pool, schema=schema)
        manager = pgdbm.AsyncMigrationManager(db, str(folder), module_name=folder.name)
        applied += len((await manager.apply_pending_migrations())["applied"])
    return applied

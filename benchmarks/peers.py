"""Other pools, each opened and asked as its own documentation says; all with as many connections, open from the start.

Each yields what reads one row by its key in the schema `bench`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pgdbm
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.contenders import CONNECTIONS, pgdbm_pool, poolhouse_pool
from benchmarks.workload import READ, written_out
from poolhouse.schema import SchemaManager

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.workload import Operation

SCHEMA = "bench"


@asynccontextmanager
async def poolhouse(dsn: str) -> AsyncIterator[Operation]:
    async with poolhouse_pool(dsn) as pool:
        db = SchemaManager(pool, schema=SCHEMA)
        yield lambda key: db.fetchrow(READ, key)


@asynccontextmanager
async def asyncpg_pool(dsn: str) -> AsyncIterator[Operation]:
    async with asyncpg.create_pool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        query = written_out(READ, SCHEMA)
        yield lambda key: pool.fetchrow(query, key)


@asynccontextmanager
async def pgdbm_manager(dsn: str) -> AsyncIterator[Operation]:
    async with pgdbm_pool(dsn) as pool:
        db = pgdbm.AsyncDatabaseManager(pool=pool, schema=SCHEMA)
        yield lambda key: db.fetch_one(READ, key)


@asynccontextmanager
async def psycopg_pool(dsn: str) -> AsyncIterator[Operation]:
    query = written_out(READ, SCHEMA).replace("$1", "%s")
    options = {"autocommit": True}
    async with AsyncConnectionPool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS, open=False, kwargs=options) as pool:
        await pool.wait()

        async def read(key: int) -> object:
            async with pool.connection() as connection:
                cursor = await connection.execute(query, (key,))
                return await cursor.fetchone()

        yield read


@asynccontextmanager
async def sqlalchemy_engine(dsn: str) -> AsyncIterator[Operation]:
    engine = create_async_engine(
        dsn.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=CONNECTIONS,
        max_overflow=0,
        isolation_level="AUTOCOMMIT",
    )
    query = text(written_out(READ, SCHEMA).replace("$1", ":key"))

    async def read(key: int) -> object:
        async with engine.connect() as connection:
            return (await connection.execute(query, {"key": key})).first()

    try:
        yield read
    finally:
        await engine.dispose()

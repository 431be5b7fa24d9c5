"""The shared pool against asyncpg's own."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import asyncpg

from benchmarks.benchmark import Benchmark, ratio
from benchmarks.contenders import CONNECTIONS, poolhouse_pool
from benchmarks.servers import server
from poolhouse.schema import SchemaManager

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Read = Callable[[int], Awaitable[object]]

READS = 2_000
TASKS = 20


async def point_read() -> float:
    """How many rows are read by primary key in a second, by twenty tasks at once."""
    async with (
        server() as dsn,
        poolhouse_pool(dsn) as pool,
        asyncpg.create_pool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS) as peer,
    ):
        db = SchemaManager(pool, schema="bench")
        await db.execute("CREATE SCHEMA {{schema}}; CREATE TABLE {{tables.rows}} (id int PRIMARY KEY, value int)")
        await db.copy_records_to_table("rows", records=[(number, number) for number in range(1_000)])
        await db.execute("ANALYZE {{tables.rows}}")
        contenders = {
            "poolhouse": lambda key: db.fetchrow("SELECT id, value FROM {{tables.rows}} WHERE id = $1", key),
            "asyncpg.Pool": lambda key: peer.fetchrow('SELECT id, value FROM "bench"."rows" WHERE id = $1', key),
        }
        measured = {name: (lambda read=read: reads_per_second(read)) for name, read in contenders.items()}
        return await ratio(measured, rounds=9, unit="reads/s")


async def reads_per_second(read: Read) -> float:
    async def work(task: int) -> None:
        for number in range(READS // TASKS):
            await read((task * 31 + number) % 1_000)

    begun = time.perf_counter()
    await asyncio.gather(*map(work, range(TASKS)))
    return READS / (time.perf_counter() - begun)


BENCHMARKS = {"pool.point_read.vs_asyncpg_pool": Benchmark(point_read)}

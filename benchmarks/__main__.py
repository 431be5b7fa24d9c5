"""Runs the benchmarks and writes their ratios: `make bench`.

Peers take turns in short rounds, so that a noisy machine is noisy for all of them, and medians are compared.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

from poolhouse.embedded import EmbeddedPostgres
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings

RESULTS = Path(__file__).parent / "results" / "latest.json"
ROUNDS = 9
READS = 2_000
TASKS = 20
CONNECTIONS = 10

Read = Callable[[int], Awaitable[object]]


async def reads_per_second(read: Read) -> float:
    """Let TASKS tasks read READS rows by primary key in all."""

    async def work(task: int) -> None:
        for number in range(READS // TASKS):
            await read((task * 31 + number) % 1_000)

    begun = time.perf_counter()
    await asyncio.gather(*map(work, range(TASKS)))
    return READS / (time.perf_counter() - begun)


async def interleaved(readers: dict[str, Read]) -> dict[str, float]:
    """Return each reader's median over ROUNDS rounds."""
    seen: dict[str, list[float]] = {name: [] for name in readers}
    for read in readers.values():
        await reads_per_second(read)
    for _ in range(ROUNDS):
        for name, read in readers.items():
            seen[name].append(await reads_per_second(read))
    return {name: statistics.median(figures) for name, figures in seen.items()}


async def point_reads(dsn: str) -> dict[str, float]:
    """A schema manager against asyncpg.Pool, on a table with a primary key."""
    settings = DatabaseSettings.model_validate({"dsn": dsn, "min_size": CONNECTIONS, "max_size": CONNECTIONS})
    pool = SharedPool(settings)
    await pool.open()
    db = SchemaManager(pool, schema="bench")
    await db.execute("CREATE SCHEMA {{schema}}; CREATE TABLE {{tables.rows}} (id int PRIMARY KEY, value int)")
    await db.copy_records_to_table("rows", records=[(number, number) for number in range(1_000)])
    await db.execute("ANALYZE {{tables.rows}}")
    async with asyncpg.create_pool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS) as peer:
        medians = await interleaved(
            {
                "poolhouse": lambda key: db.fetchrow("SELECT id, value FROM {{tables.rows}} WHERE id = $1", key),
                "asyncpg.Pool": lambda key: peer.fetchrow('SELECT id, value FROM "bench"."rows" WHERE id = $1', key),
            }
        )
    await pool.close()
    for name, median in medians.items():
        print(f"  {name:14} {median:9,.0f} point reads/s")
    return {"pool.point_read.vs_asyncpg_pool": round(medians["poolhouse"] / medians["asyncpg.Pool"], 3)}


async def main() -> None:
    server = EmbeddedPostgres(temporary=True)
    await server.open()
    try:
        assert server.dsn is not None
        results = await point_reads(server.dsn)
    finally:
        await server.close()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    for key, ratio in sorted(results.items()):
        print(f"{key} = {ratio}")


asyncio.run(main())

"""The shared pool against the pools of others, always through a schema manager, with ten connections."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
import tracemalloc
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import asyncpg

from benchmarks import peers
from benchmarks.benchmark import Benchmark, on_one_core, ratio
from benchmarks.contenders import CONNECTIONS, poolhouse_pool
from benchmarks.pgbench import find_pgbench, pgbench_per_second
from benchmarks.servers import server
from benchmarks.workload import INSERT, READ, READ_100, ROWS, UPDATE, create_tables, per_second, written_out
from poolhouse.pool import SharedPool
from poolhouse.roles import establish_roles
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from benchmarks.workload import Operation

    Query = Callable[[str], Awaitable[object]]
    Peer = Callable[[str], AbstractAsyncContextManager[Operation]]

SCHEMA = peers.SCHEMA
SERVICES = ("users", "orders", "payments")
ROUNDS = 31
COUNT = 2_000  # operations in a round
LIMIT = 25.0  # seconds, where the machine is busy
QUERY = 0.05  # seconds that a query of the busy service takes


async def point_read(name: str, peer: Peer) -> float:
    """How many rows are read by primary key in a second, by twenty tasks at once."""
    async with server() as dsn:
        await create_tables(dsn, [SCHEMA])
        async with peers.poolhouse(dsn) as ours, peer(dsn) as theirs:
            assert values(await ours(7)) == values(await theirs(7)) == (7, 7)
            return await compare(ours, name, theirs)


async def point_read_of_pgbench() -> float:
    """The same against `pgbench -M prepared`, in turns, so that neither takes the server's time from the other."""
    find_pgbench()
    async with server() as dsn:
        await create_tables(dsn, [SCHEMA])
        query = written_out(READ, SCHEMA).replace("$1", ":key")
        async with peers.poolhouse(dsn) as ours:
            contenders = {
                "poolhouse": partial(per_second, ours, count=5_000),
                "pgbench": partial(pgbench_per_second, dsn, query, keys=ROWS, connections=CONNECTIONS, count=10_000),
            }
            with on_one_core():
                return await ratio(contenders, rounds=15, unit="1/s", limit=LIMIT)


async def mixed_roles() -> float:
    """Point reads of three services at random: ours each in a role of its own, asyncpg's all in the same."""
    async with server() as dsn, poolhouse_pool(dsn) as pool, asyncpg_pool(dsn) as peer:
        await create_tables(dsn, SERVICES)
        managers = [SchemaManager(pool, schema=service) for service in SERVICES]
        await establish_roles(managers)
        for db in managers:
            assert await db.fetchval("SELECT current_user") == f"svc_{db.schema}"
        ours = [lambda key, db=db: db.fetchrow(READ, key) for db in managers]
        queries = [written_out(READ, service) for service in SERVICES]
        theirs = [lambda key, query=query: peer.fetchrow(query, key) for query in queries]
        result = await compare(one_of(ours), "asyncpg.Pool", one_of(theirs))
        print(f"    {hand_offs_per_use(pool):.3f} hand-offs a query")
        return result


async def tenants_1000() -> float:
    """Point reads in a thousand schemas of one service at random."""
    async with server() as dsn, poolhouse_pool(dsn) as pool, asyncpg_pool(dsn) as peer:
        schemas = [f"tenant_{number}" for number in range(1_000)]
        await create_tables(dsn, schemas)
        managers = [SchemaManager(pool, schema=schema, service="tenants") for schema in schemas]
        ours = [lambda key, db=db: db.fetchrow(READ, key) for db in managers]
        queries = [written_out(READ, schema) for schema in schemas]
        theirs = [lambda key, query=query: peer.fetchrow(query, key) for query in queries]
        return await compare(one_of(ours), "asyncpg.Pool", one_of(theirs))


async def rows_100() -> float:
    """A hundred rows at once, by a range of the primary key."""
    async with one_service() as (db, peer):
        query = written_out(READ_100, SCHEMA)
        return await compare(lambda key: db.fetch(READ_100, key), "asyncpg.Pool", lambda key: peer.fetch(query, key))


async def insert() -> float:
    """One row into a table with a generated key, in a transaction of its own."""
    async with one_service() as (db, peer):
        query = written_out(INSERT, SCHEMA)
        return await compare(lambda key: db.execute(INSERT, key), "asyncpg.Pool", lambda key: peer.execute(query, key))


async def transaction() -> float:
    """A row is read and then changed, between BEGIN and COMMIT."""
    async with one_service() as (db, peer):
        reading, changing = written_out(READ, SCHEMA), written_out(UPDATE, SCHEMA)

        async def ours(key: int) -> None:
            async with db.transaction() as connection:
                await connection.fetchrow(READ, key)
                await connection.execute(UPDATE, key)

        async def theirs(key: int) -> None:
            async with peer.acquire() as connection, connection.transaction():
                await connection.fetchrow(reading, key)
                await connection.execute(changing, key)

        return await compare(ours, "asyncpg.Pool", theirs)


async def latency_p50() -> float:
    """How long a point read takes that is alone."""
    async with one_service() as (db, peer):
        query = written_out(READ, SCHEMA)
        contenders = {
            "poolhouse": partial(median_latency, lambda key: db.fetchrow(READ, key)),
            "asyncpg.Pool": partial(median_latency, lambda key: peer.fetchrow(query, key)),
        }
        with on_one_core():
            return await ratio(contenders, rounds=ROUNDS, unit="µs", limit=LIMIT)


async def manager_bytes() -> float:
    """What a schema manager takes in memory, its schema's name included."""
    pool = SharedPool(DatabaseSettings())
    managers: list[SchemaManager | None] = [None] * 10_000
    SchemaManager(pool, schema="warm_up", service="tenants")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(len(managers)):
            managers[number] = SchemaManager(pool, schema=f"tenant_{number}", service="tenants")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / len(managers)


async def fairness_p99() -> float:
    """How long a service waits while another one has two hundred queries under way all the time, in queries of it.

    At the 99th percentile of three hundred waits, on a pool of three connections.
    """
    settings = {"min_size": 3, "max_size": 3, "acquire_timeout": 60}
    async with server() as dsn, asyncpg.create_pool(dsn, min_size=3, max_size=3) as peer:
        pool = SharedPool(DatabaseSettings.model_validate({"dsn": dsn, **settings}))
        await pool.open()
        try:
            busy, other = SchemaManager(pool, schema="busy"), SchemaManager(pool, schema="other")
            ours = await waits(busy.fetchval, other.fetchval, count=300)
        finally:
            await pool.close()
        theirs = await waits(peer.fetchval, peer.fetchval, count=2)
    p99 = statistics.quantiles(ours, n=100, method="inclusive")[98]
    shown = f"median {statistics.median(ours) / QUERY:.2f}, p99 {p99 / QUERY:.2f}, longest {max(ours) / QUERY:.2f}"
    print(f"    poolhouse: {shown}; asyncpg.Pool: {statistics.median(theirs) / QUERY:.0f} queries")
    return p99 / QUERY


_COMPARISONS = {
    "pool.point_read.vs_asyncpg_pool": Benchmark(partial(point_read, "asyncpg.Pool", peers.asyncpg_pool), at_least=2.1),
    "pool.point_read.vs_pgdbm": Benchmark(partial(point_read, "pgdbm", peers.pgdbm_manager), at_least=2.5),
    "pool.point_read.vs_psycopg_pool": Benchmark(partial(point_read, "psycopg_pool", peers.psycopg_pool), at_least=2.2),
    "pool.point_read.vs_sqlalchemy": Benchmark(partial(point_read, "SQLAlchemy", peers.sqlalchemy_engine), at_least=4),
    "pool.point_read.of_pgbench": Benchmark(point_read_of_pgbench, at_least=0.5),
    "pool.mixed_roles.vs_asyncpg_pool": Benchmark(mixed_roles, at_least=1.7),
    "pool.rows100.vs_asyncpg_pool": Benchmark(rows_100, at_least=1.1),
    "pool.insert.vs_asyncpg_pool": Benchmark(insert, at_least=1.5),
    "pool.transaction.vs_asyncpg_pool": Benchmark(transaction, at_least=1.2),
    "pool.latency_p50.vs_asyncpg_pool": Benchmark(latency_p50, at_most=0.55),
    "pool.tenants1000.vs_asyncpg_pool": Benchmark(tenants_1000, at_least=1.0),
}
# The floors are for uvloop, as it is what is run where speed matters; the standard library's loop is shown besides.
BENCHMARKS = {
    **{key: replace(each, uvloop=True, processes=3) for key, each in _COMPARISONS.items()},
    **{f"{key}.asyncio": Benchmark(each.measure) for key, each in _COMPARISONS.items()},
    "pool.fairness.p99_wait_in_queries": Benchmark(fairness_p99, at_most=2, uvloop=True),
    "pool.manager_bytes": Benchmark(manager_bytes, at_most=300),
}


async def compare(ours: Operation, name: str, theirs: Operation) -> float:
    """How many times as many operations we do in a second."""
    contenders = {"poolhouse": partial(per_second, ours, count=COUNT), name: partial(per_second, theirs, count=COUNT)}
    with on_one_core():
        return await ratio(contenders, rounds=ROUNDS, unit="1/s", limit=LIMIT)


def asyncpg_pool(dsn: str) -> AbstractAsyncContextManager[asyncpg.Pool]:
    return asyncpg.create_pool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS)


@asynccontextmanager
async def one_service() -> AsyncIterator[tuple[SchemaManager, asyncpg.Pool]]:
    """A service's tables, for us and for asyncpg's pool."""
    async with server() as dsn, poolhouse_pool(dsn) as pool, asyncpg_pool(dsn) as peer:
        await create_tables(dsn, [SCHEMA])
        yield SchemaManager(pool, schema=SCHEMA), peer


def one_of(operations: Sequence[Operation]) -> Operation:
    """Choose one of several operations anew each time, in the same order for everybody who is compared."""
    choices = random.Random(4)

    def operate(key: int) -> Awaitable[object]:
        return choices.choice(operations)(key)

    return operate


async def median_latency(operation: Operation) -> float:
    took = []
    for number in range(COUNT // 5):
        begun = time.perf_counter()
        await operation(number + 1)
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


async def waits(busy: Query, other: Query, *, count: int) -> list[float]:
    """Return how long each of several queries took, one after the other, while two hundred busy ones are under way."""

    async def keep_busy() -> None:
        while True:
            await busy(f"SELECT pg_sleep({QUERY})")

    crowd = [asyncio.create_task(keep_busy()) for _ in range(200)]
    await asyncio.sleep(4 * QUERY)
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        await other("SELECT 1")
        took.append(time.perf_counter() - begun)
    for each in crowd:
        each.cancel()
    outcomes = await asyncio.gather(*crowd, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes), outcomes
    return took


def hand_offs_per_use(pool: SharedPool) -> float:
    services = pool.statistics().services.values()
    return sum(service.hand_offs for service in services) / sum(service.acquired for service in services)


def values(row: object) -> tuple[object, ...]:
    return tuple(row.values() if isinstance(row, dict) else row)

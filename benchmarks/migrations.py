"""Migrations against pgdbm, and against ourselves."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from benchmarks.benchmark import Benchmark, ratio, seconds
from benchmarks.contenders import (
    create_schemas,
    each_schema,
    many_folders,
    migrate_with_pgdbm,
    one_folder,
    pgdbm_pool,
    poolhouse_pool,
)
from benchmarks.migration_files import add_file, folder_of_folders, service, small_tables
from benchmarks.servers import delayed, execute, fresh_database, server
from poolhouse._core import template
from poolhouse.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from poolhouse.migrations import MigrationSet
    from poolhouse.pool import SharedPool


async def noop_100_schemas() -> float:
    """A start with nothing pending for a hundred schemas of one folder."""
    with folder_of_folders() as parent:
        folder, schemas = service(parent, "shop"), tenants(100)
        async with both_migrated([(folder, schema) for schema in schemas]) as (pool, peer):
            return await ratio(
                {
                    "poolhouse": lambda: nothing_pending(one_folder(pool, folder, schemas)),
                    "pgdbm": lambda: nothing_pending_with_pgdbm(peer, [(folder, schema) for schema in schemas]),
                },
                rounds=9,
            )


async def noop_start_20_modules() -> float:
    """The migrations' part of a process's start, with nothing pending in twenty modules of ten files.

    The pools are open, and nothing that an earlier start of the same process remembered may help.
    """
    with folder_of_folders() as parent:
        folders = [service(parent, f"module_{number}", files=10) for number in range(20)]
        work = [(folder, folder.name) for folder in folders]

        async def cold() -> float:
            template._compile.cache_clear()  # noqa: SLF001 - a process that starts has none
            return await nothing_pending(many_folders(pool, folders))

        async with both_migrated(work) as (pool, peer):
            return await ratio({"poolhouse": cold, "pgdbm": lambda: nothing_pending_with_pgdbm(peer, work)}, rounds=9)


async def noop_10000_schemas_statements() -> float:
    """How many statements the server sees for a start with nothing pending in ten thousand schemas."""
    with folder_of_folders() as parent:
        folder, schemas = service(parent, "shop", files=1), tenants(10_000)
        async with server(shared_preload_libraries="pg_stat_statements", max_connections="20") as dsn:
            async with poolhouse_pool(dsn) as pool:
                await migrate(one_folder(pool, folder, schemas[:1]))
            await pretend_migrated(dsn, schemas)
            async with poolhouse_pool(dsn) as pool, observer(dsn) as admin:
                # What a lease costs by itself is the pool's business.
                async with pool.lease("bench"):
                    pass
                leasing = await executed(admin)
                took = await nothing_pending(one_folder(pool, folder, schemas))
                statements = {query: calls for query, calls in (await executed(admin)).items() if query not in leasing}
            print(f"    {took * 1_000:,.0f} ms, reading the files included")
            return sum(statements.values())


async def apply_100x5() -> float:
    """Five files to each of a hundred schemas, which are created for it, in an empty database."""
    with folder_of_folders() as parent:
        async with server() as dsn:
            return await ratio_of_applying(dsn, service(parent, "shop"), tenants(100), rounds=5)


async def apply_100x5_5ms() -> float:
    """The same with a round trip of 5 ms, to fewer schemas."""
    with folder_of_folders() as parent:
        async with server() as dsn:
            return await ratio_of_applying(dsn, service(parent, "shop"), tenants(20), rounds=3, round_trip=0.005)


async def alter_2000_schemas() -> float:
    """One more column in each of two thousand schemas: all in one call, against a call for each schema."""
    with folder_of_folders() as parent:
        folder, schemas = service(parent, "shop", files=1), tenants(2_000)

        async def together() -> float:
            add_file(folder)
            return await seconds(migrate(one_folder(pool, folder, schemas)))

        async def one_by_one() -> float:
            add_file(folder)
            return await seconds(migrate_each(each_schema(pool, folder, schemas)))

        async with server() as dsn, poolhouse_pool(dsn) as pool:
            await migrate(one_folder(pool, folder, schemas))
            return await ratio({"together": together, "one by one": one_by_one}, rounds=3, warm_up=False)


async def per_file_400_vs_50() -> float:
    """What a file costs among four hundred of one schema, against one among fifty."""
    with folder_of_folders() as parent:
        first = service(parent, "first", files=1)

        async def per_file(files: int) -> float:
            folder = small_tables(parent, f"of_{files}", files=files)
            async with fresh_database(dsn) as database, poolhouse_pool(database) as pool:
                await migrate(many_folders(pool, [first]))
                return await seconds(migrate(many_folders(pool, [folder]))) / files

        async with server() as dsn:
            return await ratio({"400 files": lambda: per_file(400), "50 files": lambda: per_file(50)}, rounds=7)


BENCHMARKS = {
    "migrations.noop_100_schemas.vs_pgdbm": Benchmark(noop_100_schemas, at_most=0.05),
    "migrations.noop_10000_schemas.statements": Benchmark(noop_10000_schemas_statements, at_most=1),
    "migrations.apply_100x5.vs_pgdbm": Benchmark(apply_100x5, at_most=0.5),
    "migrations.apply_100x5_5ms.vs_pgdbm": Benchmark(apply_100x5_5ms, at_most=0.12),
    "migrations.alter_2000_schemas.vs_one_by_one": Benchmark(alter_2000_schemas, at_most=0.25),
    "migrations.per_file_400_vs_50": Benchmark(per_file_400_vs_50, at_most=1.3),
    "migrations.noop_start_20_modules.vs_pgdbm": Benchmark(noop_start_20_modules, at_most=0.2),
}


def tenants(count: int) -> list[str]:
    return [f"tenant_{number}" for number in range(count)]


@asynccontextmanager
async def both_migrated(work: Sequence[tuple[Path, str]]) -> AsyncIterator[tuple[SharedPool, asyncpg.Pool]]:
    """A server with a database for each contender, in which the folders are applied to their schemas."""
    async with (
        server() as dsn,
        fresh_database(dsn) as ours,
        fresh_database(dsn) as theirs,
        poolhouse_pool(ours) as pool,
        pgdbm_pool(theirs) as peer,
    ):
        await migrate([each for folder, schema in work for each in each_schema(pool, folder, [schema])])
        await create_schemas(peer, [schema for _, schema in work])
        await migrate_with_pgdbm(peer, work)
        yield pool, peer


async def ratio_of_applying(
    dsn: str, folder: Path, schemas: Sequence[str], *, rounds: int, round_trip: float = 0
) -> float:
    @asynccontextmanager
    async def empty_database() -> AsyncIterator[str]:
        async with fresh_database(dsn) as database:
            if not round_trip:
                yield database
                return
            async with delayed(database, round_trip=round_trip) as far_away:
                yield far_away

    async def ours() -> float:
        async with empty_database() as database, poolhouse_pool(database) as pool:
            return await seconds(migrate(one_folder(pool, folder, schemas)))

    async def theirs() -> float:
        async def create_and_migrate() -> None:
            await create_schemas(peer, schemas)
            applied = await migrate_with_pgdbm(peer, [(folder, schema) for schema in schemas])
            assert applied == len(schemas) * 5

        async with empty_database() as database, pgdbm_pool(database) as peer:
            return await seconds(create_and_migrate())

    return await ratio({"poolhouse": ours, "pgdbm": theirs}, rounds=rounds)


async def nothing_pending(sets: Sequence[MigrationSet]) -> float:
    async def start() -> None:
        assert (await migrate(sets)).applied == 0

    return await seconds(start())


async def nothing_pending_with_pgdbm(peer: asyncpg.Pool, work: Sequence[tuple[Path, str]]) -> float:
    async def start() -> None:
        assert await migrate_with_pgdbm(peer, work) == 0

    return await seconds(start())


async def migrate_each(sets: Sequence[MigrationSet]) -> None:
    for each in sets:
        await migrate([each])


async def pretend_migrated(dsn: str, schemas: Sequence[str]) -> None:
    """Copy the head of the first of `schemas` to the others, which is quicker than migrating ten thousand."""
    first, *others = schemas
    renamed = "(jsonb_populate_record(head, jsonb_build_object('schema_name', other))).*"
    heads = f"poolhouse.head, unnest(ARRAY{others}) AS other WHERE head.schema_name = '{first}'"
    await execute(dsn, f"INSERT INTO poolhouse.head SELECT {renamed} FROM {heads}")
    for start in range(0, len(others), 1_000):
        await execute(dsn, "; ".join(f"CREATE SCHEMA {name}" for name in others[start : start + 1_000]))


@asynccontextmanager
async def observer(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    admin = await asyncpg.connect(dsn)
    await admin.execute("CREATE EXTENSION pg_stat_statements")
    await executed(admin)
    yield admin
    await admin.close()


async def executed(admin: asyncpg.Connection) -> dict[str, int]:
    """Return the statements that others executed since the last call, with how often."""
    rows = await admin.fetch(
        "SELECT query, sum(calls)::int AS calls FROM pg_stat_statements "
        "WHERE query NOT LIKE '%pg_stat_statements%' GROUP BY query"
    )
    await admin.execute("SELECT pg_stat_statements_reset()")
    return {row["query"]: row["calls"] for row in rows}

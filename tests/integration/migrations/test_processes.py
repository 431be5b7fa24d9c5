"""Real processes that start at the same moment, and one that is killed."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from poolhouse.migrations import MigrationSet
from poolhouse.schema import SchemaManager
from poolhouse.testing.plugin import with_database

PROCESSES = 8
ROUNDS = 4


class Starting:
    """A process of the application, ready to start."""

    def __init__(self, process):
        self.process = process

    def start(self, dsn, sets):
        order = {"dsn": dsn, "sets": [[schema, str(folder)] for schema, folder in sets]}
        self.process.stdin.write(f"{json.dumps(order)}\n".encode())

    async def outcome(self):
        return json.loads(await self.process.stdout.readline())


@pytest.fixture
async def processes():
    """Return the given number of processes, once all of them are ready."""
    started = []

    async def processes(count):
        command = (sys.executable, str(Path(__file__).with_name("starting_process.py")))
        pipe = asyncio.subprocess.PIPE
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
            started.append(process)
        for process in started:
            assert await process.stdout.readline() == b"ready\n"
        return [Starting(process) for process in started]

    yield processes
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def empty_database(postgres):
    admin = await asyncpg.connect(postgres)
    name = f"poolhouse_test_{uuid.uuid4().hex[:16]}"
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        yield with_database(postgres, name)
    finally:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()


async def start_together(processes, dsn, orders):
    for process, sets in zip(processes, orders, strict=True):
        process.start(dsn, sets)
    outcomes = [await process.outcome() for process in processes]
    assert [outcome.get("error") for outcome in outcomes] == [None] * len(processes)
    return sorted(each for outcome in outcomes for each in outcome["applied"])


async def recorded(dsn):
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT module, version FROM poolhouse.event WHERE module <> 'poolhouse'")
    await connection.close()
    return sorted(f"{row['module']}/{row['version']}" for row in rows)


async def test_processes_that_start_together_apply_each_migration_once(postgres, processes, write):
    def table(number):
        return f"CREATE TABLE {{{{tables.t{number}}}}} (id int); SELECT pg_sleep(0.02)"

    def users(numbers):
        return ("users", write("users", {f"{number}_t.sql": table(number) for number in numbers}))

    others = [
        (schema, write(module, {"1_t.sql": f"CREATE TABLE {module} (id int)"}))
        for schema, module in (("orders", "orders"), ("orders", "more_orders"))
    ]
    started = await processes(PROCESSES)
    for _ in range(ROUNDS):
        async with empty_database(postgres) as dsn:
            sets = [users(range(1, 4)), *others]
            # Half of them in another order, so that two modules want to create one schema at one moment.
            orders = [sets if index % 2 else sets[::-1] for index in range(PROCESSES)]
            first = ["more_orders/1", "orders/1", "users/1", "users/2", "users/3"]
            assert await start_together(started, dsn, orders) == first
            assert await recorded(dsn) == first
            # Now the schemas are there, and creating them does not make anybody wait any more.
            users(range(1, 6))
            assert await start_together(started, dsn, orders) == ["users/4", "users/5"]
            assert await recorded(dsn) == [*first, "users/4", "users/5"]


async def test_a_process_killed_in_the_middle_of_a_migration_does_not_hold_up_the_next(
    database, admin, processes, pool, write, until_asleep
):
    folder = write("users", {"1_a.sql": "CREATE TABLE a (id int)", "2_slow.sql": "SELECT pg_sleep(60)"})
    (process,) = await processes(1)
    process.start(database, [("users", folder)])
    await until_asleep()
    process.process.kill()
    begun = time.monotonic()
    folder = write("users", {"1_a.sql": "CREATE TABLE a (id int)", "2_quick.sql": "SELECT 1"})
    report = await MigrationSet(SchemaManager(pool, schema="users"), folder).apply()
    assert report.applied == (1, 2)
    assert time.monotonic() - begun < 3
    assert await admin.fetchval("SELECT count(*) FROM poolhouse.ledger WHERE module = 'users'") == 2

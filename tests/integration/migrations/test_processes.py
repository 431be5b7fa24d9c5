"""Real processes that start at the same moment, and some that are killed."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from poolhouse.errors import MigrationDirtyError
from poolhouse.migrations import MigrationReport, MigrationSet, repair
from poolhouse.migrations.bundle import lock_key
from poolhouse.schema import SchemaManager
from poolhouse.testing.databases import with_database

PROCESSES = 8
ROUNDS = 4
KILLS = 8

OUTSIDE = "-- poolhouse: no-transaction\n"
ROWS = "CREATE TABLE {{tables.a}} (id int, x int); INSERT INTO a SELECT g, g % 7 FROM generate_series(1, 30000) g"
# Every kind of statement that goes on by itself; each must have happened exactly once.
STEPS = f"""{OUTSIDE}SET maintenance_work_mem = '1MB';
CREATE TABLE {{{{tables.log}}}} (step text);
CREATE INDEX CONCURRENTLY i ON {{{{tables.a}}}} (x);
INSERT INTO log VALUES ('between');
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS u ON {{{{tables.a}}}} (id);
UPDATE a SET x = x + 1;
REINDEX TABLE CONCURRENTLY a;
VACUUM a;
CREATE INDEX gone ON a (x, id);
DROP INDEX CONCURRENTLY gone;
INSERT INTO log VALUES ('last')"""
FILES = {"1_rows.sql": ROWS, "2_steps.sql": STEPS, "3_more.sql": "CREATE TABLE {{tables.b}} (id int)"}


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


@pytest.mark.processes
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


async def look(dsn):
    """What the files of this module have made, and what must never be left."""
    connection = await asyncpg.connect(dsn)
    try:
        return {
            "log": await connection.fetchval("SELECT array_agg(step ORDER BY step) FROM users.log"),
            "sum": await connection.fetchval("SELECT sum(x - id % 7) FROM users.a"),
            "indexes": await connection.fetchval(
                "SELECT array_agg(relname::text || ' ' || indisvalid ORDER BY relname) FROM pg_index "
                "JOIN pg_class ON oid = indexrelid WHERE indrelid = 'users.a'::regclass"
            ),
            "ledger": await connection.fetchval(
                "SELECT array_agg(version || ' ' || state ORDER BY version) FROM poolhouse.ledger "
                "WHERE module = 'users'"
            ),
            "dirty": await connection.fetchval("SELECT bool_or(dirty) FROM poolhouse.head"),
            "locks": await connection.fetchval(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1",
                lock_key("users", "users") % 2**32,
            ),
        }
    finally:
        await connection.close()


RIGHT = {
    "log": ["between", "last"],
    "sum": 30000,
    "indexes": ["i true", "u true"],
    "ledger": ["1 applied", "2 applied", "3 applied"],
    "dirty": False,
    "locks": 0,
}


@pytest.mark.processes
async def test_processes_that_start_together_build_indexes_concurrently_without_a_deadlock(postgres, processes, write):
    orders = [[("users", write("users", FILES))]] * PROCESSES
    started = await processes(PROCESSES)
    async with empty_database(postgres) as dsn:
        assert await start_together(started, dsn, orders) == ["users/1", "users/2", "users/3"]
        assert await look(dsn) == RIGHT


@pytest.mark.processes
async def test_wherever_a_process_is_killed_the_next_start_ends_in_the_right_state(postgres, processes, write):
    sets = [("users", write("users", FILES))]
    *victims, survivor = await processes(KILLS + 1)
    chance = random.Random(uuid.uuid4().int)
    async with empty_database(postgres) as dsn:
        begun = time.monotonic()
        assert await start_together([survivor], dsn, [sets]) == ["users/1", "users/2", "users/3"]
        duration = time.monotonic() - begun
    for victim in victims:
        async with empty_database(postgres) as dsn:
            victim.start(dsn, sets)
            await asyncio.sleep(moment := chance.uniform(0.0, duration))
            victim.process.kill()
            await victim.process.wait()
            await start_together([survivor], dsn, [sets])
            assert await look(dsn) == RIGHT, moment


@pytest.mark.processes
async def test_a_process_killed_where_nobody_knows_leaves_the_decision_to_a_person(
    database, processes, pool, write, until_asleep
):
    text = "CREATE TABLE {{tables.b}} (id int);\nDO $$ BEGIN INSERT INTO users.b VALUES (1); COMMIT; %s END $$"
    folder = write("users", {"1_a.sql": f"{OUTSIDE}{text % 'PERFORM pg_sleep(60);'}"})
    (process,) = await processes(1)
    process.start(database, [("users", folder)])
    await until_asleep()
    process.process.kill()
    migrations = MigrationSet(SchemaManager(pool, schema="users"), folder)
    with pytest.raises(MigrationDirtyError, match="died in its middle") as caught:
        await migrations.apply()
    assert (caught.value.step, caught.value.steps, caught.value.line) == (2, 2, 3)
    assert "poolhouse migrations repair users/1 --schema users --resume" in str(caught.value)
    write("users", {"1_a.sql": f"{OUTSIDE}{text % ''}"})
    await repair.resume(migrations, 1)
    assert await migrations.apply() == MigrationReport("users", "users", 1)

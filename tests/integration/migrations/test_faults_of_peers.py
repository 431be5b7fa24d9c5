"""What goes wrong with the migrations of the nearest peer, each fault by its number in the list of its faults.

 1  replicas that start together crash on IF NOT EXISTS: test_processes, processes that start together …
 2  the waiting for the migrations' own lock is cut by lock_timeout: below
 3  a waiting replica and CREATE INDEX CONCURRENTLY deadlock: below; test_processes, … build indexes concurrently …
 4  two modules in one schema deadlock on the tracking table: below; for their first start test_processes
 5  schemas queue behind one lock: test_waiting, a process that migrates another schema is not waited for
 6  after SIGKILL the backend keeps the lock, and repair is by hand: test_processes, a process killed in the middle …,
    wherever a process is killed …
 7  an invalid unique index is recorded as applied: test_no_transaction, an index that cannot be unique …, an invalid
    index is not accepted …
 8  a COMMIT or ROLLBACK inside a file is recorded as applied: below; test_refusals, a commit that slips past …
 9  duplicates, stray names, a wrong order, wrong paths pass in silence: unit test_files; test_drift; test_apply
10  an edited comment blocks everything, comments alone or a byte order mark crash: test_apply, reformatting …,
    comments alone …; its repair: test_no_transaction, a changed file can be accepted …
11  the splitter breaks on literals, quotes, comments, BEGIN ATOMIC: unit test_statement_kinds; test_apply, a file may …
12  a dry run writes, and does not check the SQL: cli test_up, a dry run …
13  a role without the right to create cannot start with nothing pending: test_nothing_pending
14  command_timeout ends long migrations, with an empty message: test_apply, a long migration outlives …
15  "inside a transaction", a migration runs on another connection: below
16  raw errors of the driver escape: below; test_refusals
17  the cost of a file grows with the number of files: below
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import suppress

import asyncpg
import pytest

from poolhouse.errors import MigrationApplyError, MigrationError, PoolhouseError
from poolhouse.migrations import MigrationSet
from poolhouse.migrations.bundle import lock_key
from poolhouse.schema import SchemaManager

A = "CREATE TABLE {{tables.a}} (id int)"
TWO = {"1_a.sql": A, "2_b.sql": "ALTER TABLE a ADD x int"}


@pytest.fixture
async def other(database):
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
def until_it_waits(caplog):
    """Wait until a migration has found the lock taken, and is about to try again."""
    caplog.set_level(logging.INFO, logger="poolhouse.migrations")

    async def until_it_waits():
        while "trying again" not in caplog.text:  # noqa: ASYNC110 - a log has no event for it
            await asyncio.sleep(0.01)

    return until_it_waits


# 2
async def test_replicas_wait_for_a_migration_that_takes_longer_than_lock_timeout(users, pool, admin):
    database = await admin.fetchval("SELECT quote_ident(current_database())")
    await admin.execute(f"ALTER DATABASE {database} SET lock_timeout = '100ms'")
    await pool.close()
    await pool.open()
    # Longer than the limit that the runner itself sets for the locks that its statements need, too.
    migrations = users({"1_slow.sql": f"{A}; SELECT pg_sleep(3.2)"})
    reports = await asyncio.gather(migrations.apply(), migrations.apply(), migrations.apply())
    assert sorted(report.applied for report in reports) == [(), (), (1,)]


# 3
async def test_a_waiting_replica_does_not_hold_up_an_index_that_is_built_concurrently(
    users, other, admin, until_it_waits
):
    await users({"1_a.sql": A}).apply()
    await other.execute(f"SELECT pg_advisory_lock({lock_key('users', 'users')})")
    waiting = asyncio.create_task(users(TWO).apply())
    await until_it_waits()
    # A backend that waited for the lock would have a snapshot, which the building of the index waits for in its turn.
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    assert [await admin.fetchval(waits) for _ in range(200)] == [0] * 200
    await other.execute("CREATE INDEX CONCURRENTLY i ON users.a (id)", timeout=10)
    await other.execute(f"SELECT pg_advisory_unlock({lock_key('users', 'users')})")
    assert (await waiting).applied == (2,)
    assert await other.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'users.i'::regclass")


# 4
async def test_two_modules_in_one_schema_are_migrated_at_the_same_time(pool, write, admin, users, caplog):
    await users({"1_a.sql": A}, schema="shared").apply()
    caplog.set_level(logging.INFO, logger="poolhouse.migrations")
    meet = "SELECT pg_advisory_xact_lock_shared(42); CREATE TABLE {table} (id int)"
    sets = [
        MigrationSet(SchemaManager(pool, schema="shared"), write(name, {"1_meet.sql": meet.format(table=name)}))
        for name in ("orders", "payments")
    ]
    await admin.execute("SELECT pg_advisory_lock(42)")
    both = asyncio.gather(*(each.apply() for each in sets))
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted"
    try:
        async with asyncio.timeout(5):
            while await admin.fetchval(waiting) < 2:
                pass
    finally:
        await admin.execute("SELECT pg_advisory_unlock(42)")
    assert [report.applied for report in await both] == [(1,), (1,)]
    assert "trying again" not in caplog.text


# 8
@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
async def test_a_routine_that_ends_the_transaction_is_refused_and_nothing_is_recorded(users, admin, ending):
    procedure = f"CREATE PROCEDURE ends() LANGUAGE plpgsql AS $$ BEGIN {ending}; END $$"
    await users({"1_procedure.sql": procedure}).apply()
    files = {"1_procedure.sql": procedure, "2_call.sql": f"{A};\nCALL ends()", "3_more.sql": "CREATE TABLE b (id int)"}
    with pytest.raises(MigrationApplyError, match=r"2_call\.sql:2:1: invalid transaction termination"):
        await users(files).apply()
    assert await admin.fetchval("SELECT to_regclass('users.a') IS NULL AND to_regclass('users.b') IS NULL")
    assert await admin.fetchval("SELECT count(*) FROM poolhouse.ledger WHERE module = 'users'") == 1


# 15
async def test_applied_inside_a_transaction_it_is_refused_or_rolled_back_with_it(users, admin):
    await users({"1_a.sql": "SELECT 1"}, schema="bystander").apply()
    migrations = users({"1_a.sql": A})
    with suppress(PoolhouseError, asyncio.InvalidStateError):
        async with migrations.db.transaction():
            await migrations.apply()
            raise asyncio.InvalidStateError
    assert await admin.fetchval("SELECT to_regclass('users.a') IS NULL")


# 16
@pytest.mark.parametrize(
    "text",
    [
        "SELECT $1",
        "SELECT " + "(" * 20_000 + "1" + ")" * 20_000,
        "DO $$ DECLARE x text; BEGIN x := chr(0); END $$",
        "DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = '', ERRCODE = 'ZZZZZ'; END $$",
        "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)",
        "SET LOCAL statement_timeout = 20; SELECT pg_sleep(60)",
        "DROP SCHEMA poolhouse CASCADE",
        "CREATE TABLE p (q int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO p VALUES (1), (1)",
    ],
    ids=lambda text: text[:30],
)
async def test_whatever_a_file_does_the_error_is_one_of_migrations(users, text):
    with pytest.raises(MigrationError) as caught:
        await users({"1_a.sql": text}).apply()
    assert caught.value.__cause__ is None
    assert "SQLSTATE" in str(caught.value) or "ended its transaction" in str(caught.value)


# 17
async def test_a_file_among_many_costs_no_more_than_one_among_few(users, tmp_path, pool):
    await users({"1_a.sql": A}).apply()

    async def per_file(number, files):
        name = f"of_{files}_{number}"
        folder = tmp_path / name
        folder.mkdir()
        for file in range(files):
            (folder / f"{file}_t.sql").write_text(f"CREATE TABLE t{file} (id int)")
        begun = asyncio.get_running_loop().time()
        await MigrationSet(SchemaManager(pool, schema=name), folder).apply()
        shutil.rmtree(folder)
        return (asyncio.get_running_loop().time() - begun) / files

    few, many = zip(*[(await per_file(number, 25), await per_file(number, 250)) for number in range(3)], strict=True)
    assert min(many) < 2 * min(few)

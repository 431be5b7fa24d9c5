"""Others in the way: waited for without a blocking statement, and named when they stay."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from poolhouse._core.stages import first_stage
from poolhouse.errors import MigrationLockError
from poolhouse.migrations import MigrationSet
from poolhouse.migrations.attempt import prepare, send
from poolhouse.migrations.bundle import STALE, lock_key
from poolhouse.migrations.ledger import read_standings
from poolhouse.migrations.planning import plan_all
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager

A = "CREATE TABLE {{tables.a}} (id int)"
TWO = {"1_a.sql": A, "2_b.sql": "ALTER TABLE a ADD x int"}


@pytest.fixture
async def other(database):
    """Another session, that of somebody called `a backup`."""
    connection = await asyncpg.connect(database, server_settings={"application_name": "a backup"})
    yield connection
    await connection.close()


async def blocked(migrations, *, timeout):
    with pytest.raises(MigrationLockError) as caught:
        await migrations.apply(timeout=timeout)
    return caught.value


async def test_a_process_that_migrates_the_same_schema_is_named_after_the_limit(users, other):
    await users({"1_a.sql": A}).apply()
    async with other.transaction():
        await other.execute(f"SELECT pg_advisory_xact_lock({lock_key('users', 'users')})")
        error = await blocked(users(TWO), timeout=0.2)
    assert (error.module, error.schema, error.sqlstate) == ("users", "users", "PH001")
    assert error.waited >= 0.2
    (blocker,) = error.blockers
    assert blocker.startswith(f"process {other.get_server_pid()} (application 'a backup', idle in transaction since 20")
    assert "another process is still migrating this schema" in str(error)


async def test_a_process_that_migrates_another_schema_is_not_waited_for(users, other):
    await users({"1_a.sql": A}).apply()
    async with other.transaction():
        await other.execute(f"SELECT pg_advisory_xact_lock({lock_key('users', 'others')})")
        assert (await users(TWO).apply(timeout=0)).applied == (2,)


async def test_who_holds_a_lock_on_a_table_is_named_after_the_limit(users, other):
    await users({"1_a.sql": A}).apply()
    async with other.transaction():
        await other.execute("LOCK TABLE users.a IN ACCESS SHARE MODE")
        error = await blocked(users(TWO), timeout=0.4)
    assert error.sqlstate == "55P03"
    (blocker,) = error.blockers
    assert f"process {other.get_server_pid()} (application 'a backup'" in blocker


async def test_without_a_second_connection_the_blocker_is_unknown_and_the_error_the_same(
    database_settings, write, users, other
):
    await users({"1_a.sql": A}).apply()
    pool = SharedPool(database_settings.model_copy(update={"min_size": 1, "max_size": 1}))
    await pool.open()
    migrations = MigrationSet(SchemaManager(pool, schema="users"), write("users", TWO))
    async with other.transaction():
        await other.execute("LOCK TABLE users.a IN ACCESS SHARE MODE")
        error = await blocked(migrations, timeout=0.4)
    await pool.close()
    assert "who blocked it could not be seen" in str(error)


async def test_a_lock_that_is_let_go_in_time_was_only_a_delay(users, other, admin):
    await users({"1_a.sql": A}).apply()
    for lock in ("LOCK TABLE users.a", f"SELECT pg_advisory_xact_lock({lock_key('users', 'users')})"):
        number = await admin.fetchval("SELECT 1 + count(*) FROM poolhouse.ledger WHERE module = 'users'")
        files = {"1_a.sql": A, **{f"{n}_b.sql": f"ALTER TABLE a ADD x{n} int" for n in range(2, number + 1)}}
        transaction = other.transaction()
        await transaction.start()
        await other.execute(lock)
        migrating = asyncio.create_task(users(files).apply())
        done, _ = await asyncio.wait([migrating], timeout=0.2)
        assert not done
        await transaction.rollback()
        assert (await migrating).applied == (number,)


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03"])
async def test_a_conflict_is_tried_again_until_it_passes(users, admin, sqlstate):
    await admin.execute("CREATE SEQUENCE public.tries")
    conflict = f"""DO $$ BEGIN IF nextval('public.tries') < 3 THEN
        RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END IF; END $$"""
    assert (await users({"1_a.sql": A, "2_b.sql": conflict}).apply()).applied == (1, 2)
    assert await admin.fetchval("SELECT nextval('public.tries')") == 4


async def test_a_plan_made_before_another_process_migrated_is_stale(users, pool):
    await users({"1_a.sql": A}).apply()
    migrations = users(TWO)
    loaded = migrations.load()
    async with pool.lease("test") as lease:
        plan = (await plan_all(lease.connection, [loaded]))[loaded]
    await migrations.apply()
    async with pool.lease("test") as lease:
        refusal = await send(prepare(loaded, plan, first_stage(plan.pending), lock_timeout=1), lease.connection, pool)
        (standing,) = await read_standings(lease.connection, [loaded])
    assert (refusal.sqlstate, refusal.step) == (STALE, None)
    assert standing.head.version == 2


async def test_a_schema_dropped_after_the_plan_was_made_is_not_migrated_into_public(users, pool, admin):
    await users({"1_a.sql": A}).apply()
    loaded = users({"1_a.sql": A, "2_b.sql": "CREATE TABLE b (id int)"}).load()
    async with pool.lease("test") as lease:
        plan = (await plan_all(lease.connection, [loaded]))[loaded]
        await admin.execute("DROP SCHEMA users CASCADE")
        refusal = await send(prepare(loaded, plan, first_stage(plan.pending), lock_timeout=1), lease.connection, pool)
    assert refusal.sqlstate == STALE
    assert await admin.fetchval("SELECT to_regclass('public.b') IS NULL")


async def test_many_tasks_of_one_process_apply_each_migration_once(users):
    migrations = users({"1_a.sql": A, "2_b.sql": "SELECT pg_sleep(0.1)"})
    reports = await asyncio.gather(*(migrations.apply() for _ in range(5)))
    assert sorted(report.applied for report in reports) == [(), (), (), (), (1, 2)]


async def test_a_schema_that_another_session_creates_meanwhile_is_taken_as_it_is(users, other, admin):
    async with other.transaction():
        await other.execute("CREATE SCHEMA users")
        migrating = asyncio.create_task(users(TWO).apply())
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
        while not await admin.fetchval(waiting):  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
    assert (await migrating).applied == (1, 2)

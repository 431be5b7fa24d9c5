"""Files outside of transactions: recorded step by step, resumed, or refused with the command that mends them."""

from __future__ import annotations

import asyncio
import pickle

import asyncpg
import pytest

from poolhouse.errors import (
    ConnectionLostError,
    MigrationApplyError,
    MigrationDirtyError,
    MigrationDriftError,
    MigrationLockError,
    MigrationPrivilegeError,
    MigrationReadOnlyError,
    MigrationRepairError,
)
from poolhouse.migrations import MigrationReport, MigrationSet, repair
from poolhouse.migrations.bundle import lock_key
from poolhouse.schema import SchemaManager

OUTSIDE = "-- poolhouse: no-transaction\n"
TABLE = "CREATE TABLE {{tables.a}} (id int, x int); INSERT INTO {{tables.a}} VALUES (1, 1), (2, 1)"
INDEX = OUTSIDE + "CREATE INDEX CONCURRENTLY i ON {{tables.a}} (x)"
UNIQUE = OUTSIDE + "CREATE UNIQUE INDEX CONCURRENTLY u ON {{tables.a}} (x)"


async def row(admin, version):
    found = await admin.fetchrow(
        "SELECT state, steps_done, steps_total, finished_at IS NOT NULL AS ended, error FROM poolhouse.ledger "
        "WHERE module = 'users' AND version = $1",
        version,
    )
    return None if found is None else tuple(found)


async def head(admin):
    return tuple(await admin.fetchrow("SELECT version, dirty FROM poolhouse.head WHERE module = 'users'"))


async def events(admin):
    query = "SELECT kind, version, detail FROM poolhouse.event WHERE module = 'users' ORDER BY id"
    return [tuple(event) for event in await admin.fetch(query)]


async def indexes(admin):
    query = """SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid
        WHERE relnamespace = 'users'::regnamespace ORDER BY relname"""
    return {each["relname"]: each["indisvalid"] for each in await admin.fetch(query)}


async def refused(migrations, kind, **options):
    with pytest.raises(kind) as caught:
        await migrations.apply(**options)
    return caught.value


async def no_session_holds_the_lock(admin):
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1"
    return await admin.fetchval(held, lock_key("users", "users") % 2**32) == 0


LOCK = "LOCK TABLE users.a IN ROW EXCLUSIVE MODE"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'users.a'::regclass"
END = "SELECT pg_terminate_backend(pid) FROM {} WHERE datname = current_database()"
END_BUILDING = END.format("pg_stat_progress_create_index")
END_SLEEPING = END.format("pg_stat_activity") + " AND wait_event = 'PgSleep'"


@pytest.fixture
async def writer(users, database):
    """A session that can lock `users.a`, so that nobody gets further with an index on it than to an invalid one."""
    await users({"1_a.sql": TABLE}).apply()
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
def until_stuck(admin):
    """Wait until some session has made the index `i`, and waits for others before it fills it."""

    async def until_stuck():
        while await indexes(admin) != {"i": False}:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)

    return until_stuck


async def test_an_index_is_created_concurrently_between_transactional_files(users, admin):
    report = await users({"1_a.sql": TABLE, "2_i.sql": INDEX, "3_b.sql": "CREATE TABLE b (id int)"}).apply()
    assert report == MigrationReport("users", "users", 3, applied=(1, 2, 3))
    assert await indexes(admin) == {"i": True}
    assert await row(admin, 2) == ("applied", 1, 1, True, None)
    assert await head(admin) == (3, False)
    assert await no_session_holds_the_lock(admin)


async def test_the_first_file_of_a_schema_may_be_one_outside_of_transactions(users, admin):
    text = OUTSIDE + TABLE + "; VACUUM {{tables.a}}; CREATE INDEX CONCURRENTLY i ON a (x)"
    assert (await users({"1_a.sql": text}).apply()).applied == (1,)
    assert await row(admin, 1) == ("applied", 4, 4, True, None)


async def test_a_file_of_comments_only_may_stand_outside_of_transactions(users):
    assert (await users({"1_a.sql": OUTSIDE}).apply()).applied == (1,)


async def test_each_step_is_recorded_when_it_has_run(users, admin, until_asleep):
    text = f"{OUTSIDE}CREATE TABLE a (id int); CREATE TABLE b (id int); DO $$ BEGIN PERFORM pg_sleep(60); END $$"
    migrating = asyncio.create_task(users({"1_a.sql": text}).apply())
    await until_asleep()
    assert await row(admin, 1) == ("running", 2, 3, False, None)
    assert await head(admin) == (0, True)
    migrating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await migrating


SLOW_LEDGER = """
CREATE FUNCTION users.take_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(60); RETURN new; END $$;
CREATE TRIGGER take_time BEFORE UPDATE OF steps_done ON poolhouse.ledger
    FOR EACH ROW WHEN (new.steps_done = 1) EXECUTE FUNCTION users.take_time();
"""


async def test_a_statement_goes_with_its_record_when_the_session_ends_between_them(users, admin, until_asleep):
    await users({"1_a.sql": TABLE}).apply()
    await admin.execute(SLOW_LEDGER)
    files = {"1_a.sql": TABLE, "2_b.sql": f"{OUTSIDE}INSERT INTO {{{{tables.a}}}} VALUES (3, 1); VACUUM a"}
    migrating = asyncio.create_task(users(files).apply())
    await until_asleep()
    await admin.execute(END_SLEEPING)
    with pytest.raises(ConnectionLostError):
        await migrating
    await admin.execute("DROP FUNCTION users.take_time CASCADE")
    assert (await users(files).apply()).applied == (2,)
    assert await admin.fetchval("SELECT count(*) FROM users.a") == 3


async def test_the_session_is_not_left_to_others_as_the_file_has_made_it(users, pool):
    await users({"1_a.sql": f"{OUTSIDE}SET work_mem = '77MB'; CREATE TABLE a (id int)"}).apply()
    async with pool.lease("test") as one, pool.lease("test") as two:
        for lease in (one, two):
            assert await lease.connection.fetchval("SHOW work_mem") != "77MB"


async def test_a_lock_is_waited_for_without_limit_unless_the_file_says_so(users, admin, database):
    await users({"1_a.sql": TABLE}).apply()
    other = await asyncpg.connect(database, server_settings={"application_name": "a backup"})
    text = "-- poolhouse: lock-timeout: 100ms\n" + INDEX
    async with other.transaction():
        await other.execute("LOCK TABLE users.a IN SHARE MODE")
        error = await refused(users({"1_a.sql": TABLE, "2_i.sql": text}), MigrationLockError, timeout=0.5)
        assert error.sqlstate == "55P03"
        assert "application 'a backup'" in str(error)
        assert await head(admin) == (1, False)
        migrating = asyncio.create_task(users({"1_a.sql": TABLE, "2_i.sql": INDEX}).apply(timeout=0.1))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'users.a'::regclass"
        while not await admin.fetchval(waiting):  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
    await other.close()
    assert (await migrating).applied == (2,)


async def test_an_index_that_cannot_be_unique_is_taken_away_and_never_recorded(users, admin):
    await users({"1_a.sql": TABLE}).apply()
    error = await refused(users({"1_a.sql": TABLE, "2_u.sql": UNIQUE}), MigrationApplyError)
    assert (error.sqlstate, error.line, error.column) == ("23505", 2, 1)
    assert error.statement == 'CREATE UNIQUE INDEX CONCURRENTLY u ON "users"."a" (x)'
    assert error.rolled_back == ("2_u.sql",)
    assert await indexes(admin) == {}
    assert await head(admin) == (1, False)
    state, done, _, ended, message = await row(admin, 2)
    assert (state, done, ended) == ("failed", 0, True)
    assert "could not create unique index" in message
    await admin.execute("UPDATE users.a SET x = id")
    assert (await users({"1_a.sql": TABLE, "2_u.sql": UNIQUE}).apply()).applied == (2,)
    assert await indexes(admin) == {"u": True}
    assert [kind for kind, version, _ in await events(admin) if version == 2] == ["fail", "apply"]


async def test_an_invalid_index_is_not_accepted_because_it_exists(users, admin):
    await users({"1_a.sql": TABLE}).apply()
    with pytest.raises(asyncpg.UniqueViolationError):
        await admin.execute("CREATE UNIQUE INDEX CONCURRENTLY u ON users.a (x)")
    assert await indexes(admin) == {"u": False}
    text = UNIQUE.replace("CONCURRENTLY", "CONCURRENTLY IF NOT EXISTS")
    await refused(users({"1_a.sql": TABLE, "2_u.sql": text}), MigrationApplyError)
    await admin.execute("UPDATE users.a SET x = id")
    assert (await users({"1_a.sql": TABLE, "2_u.sql": text}).apply()).applied == (2,)
    assert await indexes(admin) == {"u": True}


async def test_an_index_whose_building_was_ended_is_built_anew(users, admin, writer, until_stuck):
    files = {"1_a.sql": TABLE, "2_i.sql": INDEX}
    async with writer.transaction():
        await writer.execute(LOCK)
        migrating = asyncio.create_task(users(files).apply())
        await until_stuck()
        await admin.execute(END_BUILDING)
        with pytest.raises(ConnectionLostError):
            await migrating
    assert await row(admin, 2) == ("running", 0, 1, False, None)
    assert await indexes(admin) == {"i": False}
    assert (await users(files).apply()).applied == (2,)
    assert await indexes(admin) == {"i": True}


async def test_an_index_that_another_session_gave_up_is_not_recorded(users, admin, writer, until_stuck, database):
    files = {"1_a.sql": TABLE, "2_i.sql": INDEX.replace("CONCURRENTLY", "CONCURRENTLY IF NOT EXISTS")}
    other = await asyncpg.connect(database)
    async with writer.transaction():
        await writer.execute(LOCK)
        building = asyncio.create_task(other.execute("CREATE INDEX CONCURRENTLY i ON users.a (x)"))
        await until_stuck()
        migrating = asyncio.create_task(users(files).apply())
        while not await admin.fetchval(WAITING):  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
        await admin.execute(END_BUILDING)
        with pytest.raises(asyncpg.PostgresError):
            await building
    with pytest.raises(MigrationApplyError, match="not on its table, or not valid"):
        await migrating
    assert await head(admin) == (1, False)
    assert (await users(files).apply()).applied == (2,)
    assert await indexes(admin) == {"i": True}


async def test_an_index_of_that_name_on_another_table_is_not_taken_for_it(users, admin):
    await users({"1_a.sql": TABLE + "; CREATE TABLE b (x int); CREATE INDEX i ON b (x)"}).apply()
    text = INDEX.replace("CONCURRENTLY", "CONCURRENTLY IF NOT EXISTS")
    files = {"1_a.sql": TABLE + "; CREATE TABLE b (x int); CREATE INDEX i ON b (x)", "2_i.sql": text}
    error = await refused(users(files), MigrationApplyError)
    assert "not on its table, or not valid" in str(error)
    assert await head(admin) == (1, False)


async def test_an_index_that_is_there_already_is_left_alone(users, admin):
    await users({"1_a.sql": TABLE + "; CREATE INDEX i ON {{tables.a}} (x)"}).apply()
    error = await refused(
        users({"1_a.sql": TABLE + "; CREATE INDEX i ON {{tables.a}} (x)", "2_i.sql": INDEX}), MigrationApplyError
    )
    assert error.sqlstate == "42P07"
    assert await indexes(admin) == {"i": True}


async def test_names_that_need_quotes_are_found_again(users, admin):
    await users({"1_a.sql": 'CREATE TABLE "My Table" (x int)'}, schema="My Schema").apply()
    text = (
        OUTSIDE
        + 'CREATE INDEX CONCURRENTLY "My ""Index" ON ONLY {{tables."My Table"}} (x);'
        + ("CREATE INDEX CONCURRENTLY MIXED_case ON " + '"My Table" (x)')
    )
    files = {"1_a.sql": 'CREATE TABLE "My Table" (x int)', "2_i.sql": text}
    assert (await users(files, schema="My Schema").apply()).applied == (2,)


async def test_reindexing_concurrently_leaves_no_copy_when_it_fails(users, admin):
    await users({"1_a.sql": TABLE.replace("1), (2, 1", "1), (2, 2") + "; CREATE UNIQUE INDEX u ON a (x)"}).apply()
    files = {"1_a.sql": TABLE.replace("1), (2, 1", "1), (2, 2") + "; CREATE UNIQUE INDEX u ON a (x)"}
    for number, text in enumerate(("INDEX CONCURRENTLY u", "TABLE CONCURRENTLY a", "(CONCURRENTLY) INDEX u"), start=2):
        files[f"{number}_r.sql"] = f"{OUTSIDE}REINDEX {text}"
    assert (await users(files).apply()).applied == (2, 3, 4)
    assert await indexes(admin) == {"u": True}


HALF = OUTSIDE + "CREATE TABLE b (id int);\nCREATE UNIQUE INDEX CONCURRENTLY u ON {{tables.a}} (x);\nVACUUM b"


async def test_a_file_that_fails_in_its_middle_goes_on_there_at_the_next_start(users, admin):
    await users({"1_a.sql": TABLE}).apply()
    files = {"1_a.sql": TABLE, "2_h.sql": HALF, "3_c.sql": "CREATE TABLE c (id int)"}
    error = await refused(users(files), MigrationDirtyError)
    assert (error.step, error.steps, error.line, error.sqlstate, error.goes_on) == (2, 3, 3, "23505", True)
    assert "start again, which goes on with it" in str(error)
    assert await row(admin, 2) == ("failed", 1, 3, False, error.fact.partition(", in: ")[0])
    assert await head(admin) == (1, True)
    assert await indexes(admin) == {}
    await admin.execute("UPDATE users.a SET x = id")
    assert (await users(files).apply()).applied == (2, 3)
    assert await row(admin, 2) == ("applied", 3, 3, True, None)


async def test_a_half_done_file_that_was_edited_needs_a_decision(users, admin):
    await users({"1_a.sql": TABLE}).apply()
    await refused(users({"1_a.sql": TABLE, "2_h.sql": HALF}), MigrationDirtyError)
    edited = users({"1_a.sql": TABLE, "2_h.sql": HALF.replace("UNIQUE ", "")})
    error = await refused(edited, MigrationDirtyError)
    assert "its file was changed after it had been begun" in str(error)
    assert "poolhouse migrations repair users/2 --schema users --resume" in error.commands
    assert (await repair.resume(edited, 2)).applied == (2,)
    assert await edited.apply() == MigrationReport("users", "users", 2)
    assert (await events(admin))[-1] == ("repair", 2, "resume")


UNCLEAR = OUTSIDE + "CREATE TABLE b (id int);\nDO $$ BEGIN INSERT INTO users.b VALUES (1); COMMIT; {} END $$;\nVACUUM b"
FAILING = UNCLEAR.format("PERFORM 1 / (SELECT count(*) FROM users.mended);")


@pytest.fixture
async def half_done(users, admin):
    """A set whose second file failed in a statement that had committed a part of its work."""
    first = TABLE + "; CREATE TABLE mended (id int)"
    migrations = users({"1_a.sql": first, "2_h.sql": FAILING, "3_c.sql": "CREATE TABLE c (id int)"})
    error = await refused(migrations, MigrationDirtyError)
    assert (error.step, error.steps, error.goes_on, error.sqlstate) == (2, 3, False, "22012")
    return migrations


async def test_what_may_be_half_done_is_not_run_again_by_itself(half_done, admin):
    error = await refused(half_done, MigrationDirtyError)
    assert error.commands == tuple(
        f"poolhouse migrations repair users/2 --schema users --{each}"
        for each in ("resume", "mark-applied", "mark-rolled-back")
    )
    assert "2_h.sql:3:1: it failed, and may have done a part of its work" in str(error)
    assert await admin.fetchval("SELECT count(*) FROM users.b") == 1


async def test_a_procedure_whose_session_was_ended_is_not_run_again_by_itself(users, admin, until_asleep):
    text = (
        "CREATE TABLE {{tables.a}} (id int); CREATE PROCEDURE {{schema}}.p() LANGUAGE plpgsql AS $$"
        "BEGIN INSERT INTO users.a VALUES (1); COMMIT; PERFORM pg_sleep(60); END $$"
    )
    migrations = users({"1_a.sql": text, "2_p.sql": f"{OUTSIDE}CALL {{{{schema}}}}.p()"})
    migrating = asyncio.create_task(migrations.apply())
    await until_asleep()
    await admin.execute(END_SLEEPING)
    with pytest.raises(ConnectionLostError):
        await migrating
    error = await refused(migrations, MigrationDirtyError)
    assert "the process that ran it died in its middle" in str(error)
    assert error.commands[0] == "poolhouse migrations repair users/2 --schema users --resume"
    assert await admin.fetchval("SELECT count(*) FROM users.a") == 1


async def test_resume_runs_the_statement_again_and_the_rest_of_its_file(half_done, admin):
    await refused(half_done, MigrationDirtyError)
    with pytest.raises(MigrationDirtyError):
        await repair.resume(half_done, 2)
    await admin.execute("INSERT INTO users.mended VALUES (1)")
    assert await repair.resume(half_done, 2) == MigrationReport("users", "users", 2, applied=(2,))
    assert await admin.fetchval("SELECT count(*) FROM users.b") == 3
    assert (await half_done.apply()).applied == (3,)


async def test_mark_applied_believes_that_the_rest_was_done_by_hand(half_done, admin):
    await repair.mark_applied(half_done, 2)
    assert await row(admin, 2) == ("applied", 3, 3, True, None)
    assert (await events(admin))[-1] == ("repair", 2, "mark-applied")
    assert (await half_done.apply()).applied == (3,)


async def test_mark_rolled_back_believes_that_it_was_undone_by_hand(half_done, admin):
    await admin.execute("DROP TABLE users.b; INSERT INTO users.mended VALUES (1)")
    await repair.mark_rolled_back(half_done, 2)
    assert await head(admin) == (1, False)
    assert (await half_done.apply()).applied == (2, 3)
    assert await admin.fetchval("SELECT count(*) FROM users.b") == 1


async def test_mark_rolled_back_needs_no_file(half_done, users, admin):
    await repair.mark_rolled_back(users({"1_a.sql": TABLE + "; CREATE TABLE mended (id int)"}), 2)
    assert await head(admin) == (1, False)


@pytest.mark.parametrize("verb", [repair.resume, repair.mark_applied, repair.mark_rolled_back])
async def test_what_is_not_half_done_is_not_repaired(half_done, users, verb):
    with pytest.raises(MigrationRepairError, match="Half done is version 2"):
        await verb(half_done, 1)
    await repair.mark_applied(half_done, 2)
    with pytest.raises(MigrationRepairError, match="Nothing is half done here"):
        await verb(half_done, 2)


async def test_nothing_is_repaired_while_somebody_migrates(half_done, admin):
    async with admin.transaction():
        await admin.execute(f"SELECT pg_advisory_xact_lock({lock_key('users', 'users')})")
        for verb in (repair.resume, repair.mark_applied, repair.mark_rolled_back):
            with pytest.raises(MigrationLockError):
                await verb(half_done, 2, timeout=0.1)
    assert (await head(admin))[1]


async def test_a_file_with_fewer_statements_than_are_done_cannot_be_resumed(half_done, users):
    shorter = users({"1_a.sql": TABLE + "; CREATE TABLE mended (id int)", "2_h.sql": OUTSIDE})
    with pytest.raises(MigrationRepairError, match="1 of its statements are done, and its file has 0 now"):
        await repair.resume(shorter, 2)


async def test_a_changed_file_can_be_accepted_as_what_was_applied(users, admin):
    await users({"1_a.sql": TABLE, "2_b.sql": "CREATE TABLE b (id int)"}).apply()
    changed = users({"1_a.sql": TABLE + ";SELECT 1", "2_b.sql": "CREATE TABLE b (id int)", "3_c.sql": "SELECT 1"})
    await repair.accept_checksum(changed, 1)
    assert (await changed.apply()).applied == (3,)
    assert ("repair", 1, "accept-checksum") in await events(admin)
    with pytest.raises(MigrationRepairError, match="its file is as it was applied"):
        await repair.accept_checksum(changed, 1)
    with pytest.raises(MigrationRepairError, match="has no file of this version"):
        await repair.accept_checksum(changed, 9)


async def test_before_anything_was_applied_there_is_nothing_to_repair(users):
    with pytest.raises(MigrationRepairError, match="it is not applied"):
        await repair.accept_checksum(users({"1_a.sql": TABLE}), 1)


async def test_a_process_that_runs_the_file_is_waited_for_and_not_disturbed(users, admin, until_asleep):
    text = f"{OUTSIDE}DO $$ BEGIN PERFORM pg_sleep(0.5); END $$; CREATE TABLE a (id int)"
    migrations = users({"1_a.sql": text})
    first = asyncio.create_task(migrations.apply())
    await until_asleep()
    assert await migrations.apply() == MigrationReport("users", "users", 1)
    assert (await first).applied == (1,)


async def test_who_runs_a_file_is_named_after_the_limit(users, until_asleep):
    migrations = users({"1_a.sql": f"{OUTSIDE}DO $$ BEGIN PERFORM pg_sleep(60); END $$"})
    first = asyncio.create_task(migrations.apply())
    await until_asleep()
    error = await refused(migrations, MigrationLockError, timeout=0.2)
    assert "another process is still migrating this schema" in str(error)
    assert len(error.blockers) == 1
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_an_older_release_starts_beside_a_newer_one_that_is_at_it(users, admin, until_asleep, pool, write):
    await users({"1_a.sql": TABLE}).apply()
    newer = {"1_a.sql": TABLE, "2_b.sql": f"{OUTSIDE}DO $$ BEGIN PERFORM pg_sleep(60); END $$"}
    first = asyncio.create_task(users(newer).apply())
    await until_asleep()
    older = MigrationSet(SchemaManager(pool, schema="users"), write("users", {"1_a.sql": TABLE}))
    assert await older.apply(timeout=0) == MigrationReport("users", "users", 1, ahead=(2,))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_settings_of_the_session_are_made_again_when_a_file_goes_on(users, admin):
    text = (
        OUTSIDE
        + "SET poolhouse.test = 'yes'; CREATE TABLE b (id int); DO $$ BEGIN ASSERT {}; END $$; "
        + ("CREATE TABLE c AS SELECT current_setting('poolhouse.test') AS x")
    )
    await refused(users({"1_a.sql": text.format("false")}), MigrationDirtyError)
    migrations = users({"1_a.sql": text.format("current_setting('poolhouse.test') = 'yes'")})
    await repair.resume(migrations, 1)
    assert await admin.fetchval("SELECT x FROM users.c") == "yes"


async def test_a_role_that_may_not_write_the_ledger_is_told_the_grant(users, pool_of_role, role, admin, write):
    await users({"1_a.sql": TABLE}).apply()
    await admin.execute(
        f"GRANT USAGE ON SCHEMA poolhouse TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA poolhouse TO {role}"
    )
    await admin.execute(f"GRANT USAGE, CREATE ON SCHEMA users TO {role}")
    folder = write("users", {"1_a.sql": TABLE, "2_b.sql": f"{OUTSIDE}CREATE TABLE b (id int)"})
    migrations = MigrationSet(SchemaManager(pool_of_role, schema="users"), folder)
    error = await refused(migrations, MigrationPrivilegeError)
    await admin.execute(error.grant)
    assert (await migrations.apply()).applied == (2,)


async def test_a_statement_that_the_role_may_not_run_is_told_with_its_place(users, pool_of_role, role, admin, write):
    await users({"1_a.sql": TABLE}).apply()
    await admin.execute(f"GRANT USAGE ON SCHEMA poolhouse TO {role}")
    await admin.execute(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA poolhouse TO {role}")
    await admin.execute(f"GRANT USAGE, CREATE ON SCHEMA users TO {role}")
    migrations = MigrationSet(
        SchemaManager(pool_of_role, schema="users"), write("users", {"1_a.sql": TABLE, "2_i.sql": INDEX})
    )
    error = await refused(migrations, MigrationPrivilegeError)
    assert "2_i.sql:2:1" in str(error)
    assert await head(admin) == (1, False)


async def test_a_read_only_server_is_refused_as_such(users, pool_of_role, role, admin, write):
    await users({"1_a.sql": TABLE}).apply()
    await admin.execute(f"GRANT USAGE ON SCHEMA poolhouse TO {role}; GRANT SELECT ON poolhouse.head TO {role}")
    await admin.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    await pool_of_role.close()
    await pool_of_role.open()
    folder = write("users", {"1_a.sql": TABLE, "2_i.sql": INDEX})
    error = await refused(MigrationSet(SchemaManager(pool_of_role, schema="users"), folder), MigrationReadOnlyError)
    assert error.pending == ("2_i.sql",)


async def test_a_schema_dropped_while_a_file_was_half_done_is_noticed_and_can_be_made_anew(half_done, admin):
    await admin.execute("DROP SCHEMA users CASCADE")
    with pytest.raises(MigrationDriftError) as caught:
        await half_done.apply()
    (dropped,) = caught.value.violations
    await admin.execute(dropped.forget)
    await refused(half_done, MigrationDirtyError)
    assert await row(admin, 1) == ("applied", 1, 1, True, None)


async def test_errors_survive_pickling_with_their_attributes(half_done):
    for kind, work in ((MigrationDirtyError, half_done.apply()), (MigrationRepairError, repair.resume(half_done, 1))):
        with pytest.raises(kind) as caught:
            await work
        again = pickle.loads(pickle.dumps(caught.value))
        assert (str(again), vars(again)) == (str(caught.value), vars(caught.value))

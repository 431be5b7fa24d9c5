"""Applying what is pending, and recording it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from poolhouse.errors import IdentifierError, MigrationApplyError, MigrationFilesError, UsageError, WiringError
from poolhouse.migrations import MigrationReport, MigrationSet, migrate
from poolhouse.migrations.bundle import lock_key
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager

TWO = {
    "1_accounts.sql": "CREATE TABLE {{tables.accounts}} (id int)",
    "2_names.sql": "ALTER TABLE accounts ADD name text",
}


async def ledger(admin):
    rows = await admin.fetch(
        "SELECT schema_name, module, version, name, state FROM poolhouse.ledger "
        "WHERE module <> 'poolhouse' ORDER BY schema_name, module, version"
    )
    return [tuple(row) for row in rows]


async def test_pending_files_are_applied_to_a_schema_that_is_created_for_them(users, admin):
    report = await users(TWO).apply()
    assert report == MigrationReport("users", "users", 2, applied=(1, 2))
    assert await admin.fetch("SELECT id, name FROM users.accounts") == []


async def test_each_file_is_recorded_once_with_who_applied_it_and_when(users, admin):
    await users(TWO).apply()
    assert await ledger(admin) == [
        ("users", "users", 1, "accounts", "applied"),
        ("users", "users", 2, "names", "applied"),
    ]
    row = await admin.fetchrow(
        "SELECT applied_by = current_user AS mine, kind, steps_done, steps_total, length(checksum) AS checksum, "
        "length(raw_checksum) AS raw, started_at <= finished_at AS ordered, finished_at > now() - interval '1 minute' "
        "AS recent FROM poolhouse.ledger WHERE module = 'users' AND version = 2"
    )
    assert tuple(row) == (True, "versioned", 1, 1, 32, 32, True, True)
    events = await admin.fetch("SELECT kind, module, version, name FROM poolhouse.event ORDER BY id")
    assert [tuple(event) for event in events] == [
        ("apply", "poolhouse", 1, "create_ledger"),
        ("apply", "poolhouse", 2, "record_repeatable_migrations"),
        ("apply", "users", 1, "accounts"),
        ("apply", "users", 2, "names"),
    ]


async def test_a_second_start_applies_nothing(users):
    migrations = users(TWO)
    await migrations.apply()
    assert await migrations.apply() == MigrationReport("users", "users", 2)


async def test_a_new_file_is_applied_on_top(users, admin):
    await users(TWO).apply()
    report = await users({**TWO, "10_mail.sql": "ALTER TABLE accounts ADD mail text"}).apply()
    assert report.applied == (10,)
    assert [row[2] for row in await ledger(admin)] == [1, 2, 10]


async def test_files_run_in_the_order_of_integers(users, admin):
    await users({"10_b.sql": "ALTER TABLE a ADD x int", "9_a.sql": "CREATE TABLE a (id int)"}).apply()
    assert await admin.fetch("SELECT id, x FROM users.a") == []


async def test_sets_are_migrated_in_the_given_order(pool, write, admin):
    orders = MigrationSet(
        SchemaManager(pool, schema="orders", reads=["users.accounts"]),
        write("orders", {"1_a.sql": "CREATE VIEW {{tables.mine}} AS SELECT * FROM {{tables.users.accounts}}"}),
    )
    users = MigrationSet(SchemaManager(pool, schema="users"), write("users", TWO))
    result = await migrate([users, orders])
    assert [(report.module, report.applied) for report in result.reports] == [("users", (1, 2)), ("orders", (1,))]
    assert (result.applied, result.seconds > 0) == (3, True)
    assert str(result).splitlines()[0] == "users: 2 applied, schema 'users' at version 2"


async def test_inside_a_transaction_nothing_is_migrated(users, admin):
    migrations = users(TWO)
    async with migrations.db.transaction():
        with pytest.raises(UsageError, match="module 'users' cannot be migrated inside a transaction"):
            await migrations.apply()
    assert (await migrations.apply()).applied == (1, 2)


async def test_no_sets_are_no_work(pool):
    assert (await migrate([])).reports == ()


NASTY = """
-- a comment; with a semicolon
CREATE TYPE mood AS ENUM ('sad;', 'it''s ok');
CREATE TABLE {{tables.a}} (id int, "we;ird" text DEFAULT E'\\';');
CREATE FUNCTION plain() RETURNS int LANGUAGE plpgsql AS $body$ BEGIN RETURN 1; END; $body$;
CREATE FUNCTION atomic() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END;
DO $$ BEGIN INSERT INTO a VALUES (1); END $$;
CREATE RULE r AS ON UPDATE TO a DO ALSO (SELECT 1; SELECT 2);
/* nested /* ; */ comment */
SET LOCAL search_path = '';
INSERT INTO {{tables.a}} VALUES (2) -- the last one needs no semicolon"""


async def test_a_file_may_hold_any_number_of_statements_of_any_kind(users, admin):
    await users({"1_nasty.sql": NASTY, "2_path.sql": "ALTER TABLE a ADD x int"}).apply()
    assert await admin.fetchval("SELECT count(x) + count(*) FROM users.a") == 2
    assert await admin.fetchval("SELECT users.plain() + users.atomic()") == 3


async def test_comments_alone_and_a_byte_order_mark_are_fine(users, admin):
    await users({"1_nothing.sql": "-- nothing", "2_mark.sql": "\ufeffCREATE TABLE a (id int)"}).apply()
    assert len(await ledger(admin)) == 2


async def test_reformatting_a_file_or_renaming_it_changes_nothing(users):
    await users({"1_a.sql": "CREATE TABLE a (id int);\n"}).apply()
    report = await users({"001_better_name.sql": "-- licence\r\nCREATE TABLE a\r\n  (id int);"}).apply()
    assert report == MigrationReport("users", "users", 1)


@pytest.mark.parametrize("name", ['it\'s "quoted"', "back\\slash", "MySchema", "order", "$poolhouse$", "schöma 100%"])
async def test_any_schema_and_module_name_is_recorded_as_it_is(users, admin, name):
    migrations = users(TWO, schema=name, module=f"{name} too")
    assert (await migrations.apply()).applied == (1, 2)
    assert (await migrations.apply()).applied == ()
    assert [row[:2] for row in await ledger(admin)] == [(name, f"{name} too")] * 2
    assert await admin.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = $1", name) == 1


async def test_two_modules_may_share_a_schema(pool, write, admin):
    db = SchemaManager(pool, schema="shared")
    one = MigrationSet(db, write("one", {"1_a.sql": "CREATE TABLE a (id int)"}))
    two = MigrationSet(db, write("two", {"1_b.sql": "CREATE TABLE b (id int)"}))
    await migrate([one, two])
    assert [row[:3] for row in await ledger(admin)] == [("shared", "one", 1), ("shared", "two", 1)]


async def test_one_module_may_be_applied_to_two_schemas(pool, write, admin):
    folder = write("tenant", {"1_a.sql": "CREATE TABLE {{tables.a}} (id int)"})
    await migrate([MigrationSet(SchemaManager(pool, schema=schema), folder) for schema in ("t1", "t2")])
    assert [row[0] for row in await ledger(admin)] == ["t1", "t2"]


async def test_sets_of_two_pools_are_migrated_together(pool, database_settings, write):
    other = SharedPool(database_settings)
    await other.open()
    folder = write("tenant", {"1_a.sql": "CREATE TABLE {{tables.a}} (id int)"})
    result = await migrate(
        [MigrationSet(SchemaManager(each, schema=name), folder) for each, name in ((pool, "a"), (other, "b"))]
    )
    await other.close()
    assert [(report.schema, report.applied) for report in result.reports] == [("a", (1,)), ("b", (1,))]


async def test_the_same_module_and_schema_twice_is_refused(users):
    migrations = users(TWO)
    with pytest.raises(WiringError, match="two migration sets have module 'users' and schema 'users'"):
        await migrate([migrations, migrations])


async def test_faulty_files_of_all_sets_are_reported_before_anything_is_applied(pool, write, admin):
    sets = [
        MigrationSet(SchemaManager(pool, schema=name), write(name, {"1_a.sql": text}))
        for name, text in (("good", "SELECT 1"), ("bad", "COMMIT"), ("worse", "SELECT 'oops"))
    ]
    with pytest.raises(MigrationFilesError) as caught:
        await migrate(sets)
    assert len(caught.value.violations) == 2
    assert await admin.fetchval("SELECT to_regnamespace('poolhouse') IS NULL")


@pytest.mark.parametrize("names", [{"schema": "poolhouse"}, {"module": "poolhouse"}])
def test_the_ledgers_own_names_are_refused(tmp_path, names):
    db = SchemaManager(SharedPool.__new__(SharedPool), schema=names.get("schema", "users"))
    with pytest.raises(IdentifierError, match="it is the ledger's own"):
        MigrationSet(db, tmp_path, module=names.get("module"))


def test_a_set_is_immutable_and_shows_what_it_is(tmp_path):
    migrations = MigrationSet(SchemaManager(SharedPool.__new__(SharedPool), schema="users"), tmp_path / "missing")
    with pytest.raises(AttributeError, match="immutable"):
        migrations.module = "other"
    with pytest.raises(AttributeError, match="immutable"):
        del migrations._db
    assert "module 'missing', schema 'users'" in repr(migrations)
    assert migrations.directory == tmp_path / "missing"


@pytest.fixture
async def migrate_with(database_settings, write, admin):
    """Migrate users on a database with the given settings, by a pool with a short command_timeout."""

    async def migrate_with(files, **settings):
        name = await admin.fetchval("SELECT quote_ident(current_database())")
        for setting, value in settings.items():
            await admin.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'")
        pool = SharedPool(database_settings.model_copy(update={"command_timeout": 0.3}))
        await pool.open()
        try:
            return await MigrationSet(SchemaManager(pool, schema="users"), write("users", files)).apply()
        finally:
            await pool.close()

    return migrate_with


async def test_a_long_migration_outlives_the_pools_and_the_servers_time_limits(migrate_with, admin):
    limits = {"statement_timeout": "300ms"}
    if admin.get_server_version() >= (17,):
        limits["transaction_timeout"] = "300ms"
    assert (await migrate_with({"1_slow.sql": "SELECT pg_sleep(0.6)"}, **limits)).applied == (1,)


async def test_the_databases_defaults_for_isolation_and_notices_do_not_matter(migrate_with):
    isolation = """DO $$ BEGIN ASSERT current_setting('transaction_isolation') = 'read committed'; END $$"""
    defaults = {"default_transaction_isolation": "serializable", "client_min_messages": "error"}
    assert (await migrate_with({"1_a.sql": isolation}, **defaults)).applied == (1,)
    with pytest.raises(MigrationApplyError, match=r"2_b\.sql:1:1"):
        await migrate_with({"1_a.sql": isolation, "2_b.sql": "SELECT 1 / (SELECT 0)"})


async def test_a_cancelled_migration_leaves_nothing_behind(users, pool, admin, until_asleep):
    task = asyncio.create_task(users({"1_slow.sql": "CREATE TABLE a (id int); SELECT pg_sleep(60)"}).apply())
    await until_asleep()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert pool.statistics().in_use == 0
    assert await admin.fetchval("SELECT to_regclass('users.a') IS NULL")
    ours = "datname = current_database() AND pid <> pg_backend_pid()"
    busy = f"SELECT count(*) FROM pg_stat_activity WHERE {ours} AND backend_type = 'client backend' AND state <> 'idle'"
    assert await admin.fetchval(busy) == 0
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1"
    assert await admin.fetchval(held, lock_key("users", "users") % 2**32) == 0
    assert (await users({"1_quick.sql": "SELECT 1"}).apply()).applied == (1,)


async def test_what_was_applied_is_logged(users, caplog):
    with caplog.at_level(logging.INFO, logger="poolhouse.migrations"):
        await users(TWO).apply()
    assert "users: applied 1_accounts.sql, 2_names.sql to schema 'users'" in caplog.messages

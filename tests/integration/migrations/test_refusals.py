"""What a migration that fails says, and what it leaves."""

from __future__ import annotations

import pickle

import asyncpg
import pytest

from poolhouse._core.migration_file import parse_migration
from poolhouse.errors import (
    ConnectionLostError,
    MigrationApplyError,
    MigrationError,
    MigrationPrivilegeError,
    MigrationReadOnlyError,
    TransactionControlError,
)
from poolhouse.migrations import MigrationSet, bringing_up, migrate
from poolhouse.migrations.files import WrittenMigrations, ledger_migrations
from poolhouse.schema import SchemaManager


async def refusal(migrations, kind=MigrationApplyError):
    with pytest.raises(kind) as caught:
        await migrations.apply()
    assert isinstance(caught.value, MigrationError)
    assert caught.value.__cause__ is None
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "sqlstate", "place"),
    [
        ("SELECT 1;\nSELECT\n  é, nosuch FROM (SELECT 1 AS é) x", "42703", (3, 6)),
        ("CREATE TABLE {{tables.a}} (\n\tid nosuch)", "42704", (2, 5)),
        ("CREATE VIEW {{schema}}.v AS SELECT * FROM {{tables.gone}}", "42P01", (1, 43)),
        ("SELECT 1;\n\nSELECT (1", "42601", (3, 10)),
        ("SELECT 1;\nSELEC 2", "42601", (2, 1)),
        ("\ufeffSELEC 2", "42601", (1, 1)),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\nSELECT nosuch\n$$", "42703", (2, 8)),
        # The server gives no position for these; the statement is known from its announcement.
        ("SELECT 1;\r\n  SELECT 1 / (SELECT 0)", "22012", (2, 3)),
        ("SELECT 1;\n-- why\nDO $$ BEGIN RAISE EXCEPTION 'no'; END $$", "P0001", (3, 1)),
        ("CREATE TABLE a (id int);\nCREATE TABLE a (id int)", "42P07", (2, 1)),
        ("SELECT 1;\nALTER TYPE {{tables.t}} RENAME TO u", "42704", (2, 1)),
        ("DO $$ BEGIN COMMIT; END $$", "2D000", (1, 1)),
    ],
)
async def test_a_failing_statement_is_named_with_file_line_and_column(users, text, sqlstate, place):
    error = await refusal(users({"1_a.sql": text}))
    assert (error.sqlstate, error.line, error.column) == (sqlstate, *place)
    assert error.file.endswith("users/1_a.sql")
    assert str(error).startswith(f"{error.file}:{place[0]}:{place[1]}: ")
    assert f"[SQLSTATE {sqlstate}]" in str(error)


async def test_nothing_of_the_pending_files_is_applied_and_the_message_says_so(users, admin):
    await users({"1_a.sql": "CREATE TABLE a (id int)"}).apply()
    error = await refusal(
        users({"1_a.sql": "CREATE TABLE a (id int)", "2_b.sql": "CREATE TABLE b (id int)", "3_c.sql": "SELECT nosuch"})
    )
    assert (error.version, error.rolled_back) == (1, ("2_b.sql", "3_c.sql"))
    assert "Schema 'users' stays at version 1 (2_b.sql, 3_c.sql rolled back)" in str(error)
    assert await admin.fetchval("SELECT to_regclass('users.b') IS NULL")
    assert await admin.fetchval("SELECT count(*) FROM poolhouse.ledger WHERE module = 'users'") == 1


async def test_schemas_before_the_failing_one_stay_migrated_and_are_named(pool, write, admin):
    sets = [
        MigrationSet(SchemaManager(pool, schema=name), write(name, {"1_a.sql": text}))
        for name, text in (("good", "CREATE TABLE a (id int)"), ("bad", "SELECT nosuch"))
    ]
    with pytest.raises(MigrationApplyError, match=r"Applied, and kept: good/1_a\.sql") as caught:
        await migrate(sets)
    assert caught.value.applied == ("good/1_a.sql",)
    assert await admin.fetchval("SELECT to_regclass('good.a') IS NOT NULL")


async def test_a_mended_file_goes_through_and_its_failure_stays_in_the_events(users, admin):
    await refusal(users({"1_a.sql": "SELECT nosuch"}))
    assert (await users({"1_a.sql": "SELECT 1"}).apply()).applied == (1,)
    events = await admin.fetch("SELECT kind, version, detail FROM poolhouse.event WHERE module = 'users' ORDER BY id")
    assert [event["kind"] for event in events] == ["fail", "apply"]
    assert 'column "nosuch" does not exist [SQLSTATE 42703]' in events[0]["detail"]


async def test_a_unique_violation_in_a_file_is_its_own_fault_and_not_tried_again(users, monkeypatch):
    async def no_sleep(_):
        pytest.fail("it was tried again")

    monkeypatch.setattr(bringing_up.asyncio, "sleep", no_sleep)
    error = await refusal(users({"1_a.sql": "CREATE TABLE a (id int UNIQUE); INSERT INTO a VALUES (1), (1)"}))
    assert (error.sqlstate, error.line, error.column) == ("23505", 1, 33)


async def test_neither_literals_nor_the_rows_of_a_table_are_repeated(users):
    text = (
        "CREATE TABLE a (id text UNIQUE);\nINSERT INTO a VALUES ('from-a-row');\n"
        "CREATE ROLE x PASSWORD 'from-a-literal' IN ROLE nosuch;"
    )
    error = await refusal(users({"1_a.sql": text}))
    assert "from-a-literal" not in str(error)
    assert error.statement == "CREATE ROLE x PASSWORD '…' IN ROLE nosuch"
    error = await refusal(users({"1_a.sql": text[: text.index("CREATE ROLE")] + "INSERT INTO a SELECT id FROM a"}))
    assert "from-a-row" not in str(error)


async def test_a_long_statement_is_shortened_and_its_hint_is_the_remedy(users):
    error = await refusal(
        users({"1_a.sql": f"SELECT nme FROM (SELECT 1 AS name) x WHERE {' AND '.join(['true'] * 99)}"})
    )
    assert len(error.statement) == 201
    assert 'Perhaps you meant to reference the column "x.name"' in str(error)


async def test_a_commit_that_slips_past_the_lexer_is_caught_by_the_marker(users, admin, monkeypatch):
    loose = parse_migration("m/1_a.sql", b"CREATE TABLE a (id int)", schema="users")
    object.__setattr__(loose, "text", "CREATE TABLE a (id int); COMMIT; CREATE TABLE b (id int)")
    migrations = users({"1_a.sql": "SELECT 1"})
    loaded = migrations.load()
    object.__setattr__(loaded, "files", (loose,))
    load = WrittenMigrations.load
    monkeypatch.setattr(WrittenMigrations, "load", lambda self: loaded if self.module == "users" else load(self))
    error = await refusal(migrations, TransactionControlError)
    assert "m/1_a.sql: it ended its transaction" in str(error)
    assert await admin.fetchval("SELECT to_regclass('users.b') IS NULL")
    assert await admin.fetchval("SELECT count(*) FROM poolhouse.ledger WHERE module = 'users'") == 0


async def test_pending_migrations_on_a_read_only_server_are_named(users, pool, write, pool_of_role, role, admin):
    await users({"1_a.sql": "SELECT 1"}).apply()
    await admin.execute(f"GRANT USAGE ON SCHEMA poolhouse TO {role}; GRANT SELECT ON poolhouse.head TO {role}")
    await admin.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    await pool_of_role.close()
    await pool_of_role.open()
    folder = write("users", {"1_a.sql": "SELECT 1", "2_b.sql": "SELECT 2"})
    error = await refusal(MigrationSet(SchemaManager(pool_of_role, schema="users"), folder), MigrationReadOnlyError)
    assert "2_b.sql is pending" in str(error)
    assert error.pending == ("2_b.sql",)


async def test_an_empty_read_only_server_is_refused_as_such(pool_of_role, role, admin, write):
    await admin.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    await pool_of_role.close()
    await pool_of_role.open()
    migrations = MigrationSet(SchemaManager(pool_of_role, schema="users"), write("users", {"1_a.sql": "SELECT 1"}))
    assert "0001_create_ledger.sql, 0002_record_repeatable_migrations.sql are pending" in str(
        await refusal(migrations, MigrationReadOnlyError)
    )


async def test_the_grant_that_each_step_lacks_is_named_until_all_is_granted(pool_of_role, role, admin, users, write):
    files = {"1_a.sql": "SELECT 1;\nCREATE TABLE a (id int)"}
    migrations = MigrationSet(SchemaManager(pool_of_role, schema="users"), write("users", files))
    database = await admin.fetchval("SELECT quote_ident(current_database())")

    error = await refusal(migrations, MigrationPrivilegeError)
    assert error.grant == f'GRANT CREATE ON DATABASE "{database}" TO {role};'

    await migrate([MigrationSet(SchemaManager(users(files).db.pool, schema="other"), write("other", files))])
    error = await refusal(migrations, MigrationPrivilegeError)
    await admin.execute(error.grant)

    error = await refusal(migrations, MigrationPrivilegeError)
    assert error.grant == f'GRANT CREATE ON DATABASE "{database}" TO {role};'
    await admin.execute("CREATE SCHEMA users")

    error = await refusal(migrations, MigrationPrivilegeError)
    assert "1_a.sql:2:1" in str(error)
    assert f'GRANT USAGE, CREATE ON SCHEMA "users" TO {role};' in str(error)
    await admin.execute(error.grant)

    error = await refusal(migrations, MigrationPrivilegeError)
    assert str(error.place) == "module 'users', schema 'users'"
    await admin.execute(error.grant)

    assert (await migrations.apply()).applied == (1,)


async def test_a_connection_that_breaks_is_reported_as_that(users, admin):
    migrations = users({"1_a.sql": "CREATE TABLE a (id int); SELECT pg_terminate_backend(pg_backend_pid())"})
    with pytest.raises(ConnectionLostError):
        await migrations.apply()
    assert await admin.fetchval("SELECT to_regclass('users.a') IS NULL")


async def test_a_ledger_that_others_half_made_is_refused_after_the_limit(users, admin):
    await admin.execute("CREATE SCHEMA poolhouse; CREATE TABLE poolhouse.ledger (id int)")
    with pytest.raises(MigrationApplyError, match='relation "ledger" already exists') as caught:
        await users({"1_a.sql": "SELECT 1"}).apply(timeout=0.1)
    assert caught.value.file == ledger_migrations().files[0].file


async def test_the_driver_without_our_translation_would_show_the_row(admin):
    """The reason why causes are cut off: the driver's own text holds values."""
    await admin.execute("CREATE TABLE a (id text UNIQUE); INSERT INTO a VALUES ('from-a-row')")
    with pytest.raises(asyncpg.UniqueViolationError, match="from-a-row"):
        await admin.execute("INSERT INTO a VALUES ('from-a-row')")

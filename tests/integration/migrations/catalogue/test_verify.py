"""A schema against the migrations that were applied to it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from poolhouse.errors import (
    MigrationDriftError,
    MigrationLockError,
    MigrationPrivilegeError,
    MigrationReplayError,
    SchemaDroppedError,
    WiringError,
)
from poolhouse.migrations import MigrationSet, migrate
from poolhouse.migrations.bundle import lock_key
from poolhouse.migrations.catalogue import verify
from poolhouse.schema import SchemaManager

ACCOUNTS = "CREATE TABLE {{tables.accounts}} (id int PRIMARY KEY, total numeric(12, 2))"


async def schemas(connection):
    query = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1"
    return [row["nspname"] for row in await connection.fetch(query)]


async def test_what_was_just_migrated_is_clean(users):
    own = users({"1_a.sql": ACCOUNTS, "2_b.sql": "CREATE INDEX by_total ON {{tables.accounts}} (total)"})
    await own.apply()
    result = await verify(own)
    assert result.is_clean
    assert result.versions == (("users", 2),)
    assert str(result) == "schema 'users' (users 2): as its migrations make it"


async def test_drift_is_found_and_told_in_lines(users, admin):
    own = users({"1_a.sql": ACCOUNTS})
    await own.apply()
    await admin.execute("ALTER TABLE users.accounts ALTER total TYPE numeric; CREATE TABLE users.extra (id int)")
    result = await verify(own)
    assert not result.is_clean
    assert str(result).splitlines() == [
        "schema 'users' (users 1): 2 differences:",
        "  - table accounts: column total: type numeric, expected numeric(12,2)",
        "  - table extra: unexpected",
    ]
    difference = result.differences[0]
    assert (difference.kind, difference.name, difference.aspect) == ("column", "accounts.total", "type")
    assert (difference.expected, difference.actual) == ("numeric(12,2)", "numeric")


async def test_it_leaves_no_schema_no_row_and_no_setting_behind(users, admin):
    own = users({"1_a.sql": f"{ACCOUNTS}; SET search_path = nowhere; SET application_name = 'x'"})
    await own.apply()
    await admin.execute("INSERT INTO users.accounts VALUES (1, 2)")
    await verify(own)
    assert await schemas(admin) == ["poolhouse", "public", "users"]
    assert await admin.fetchval("SELECT count(*) FROM users.accounts") == 1
    assert await own.db.fetchval("SHOW application_name") == "poolhouse/users"


async def test_pending_files_are_left_out(users):
    await users({"1_a.sql": ACCOUNTS}).apply()
    own = users({"1_a.sql": ACCOUNTS, "2_b.sql": "CREATE TABLE {{tables.b}} (id int)"})
    assert (await verify(own)).is_clean


async def test_nothing_applied_is_nothing_to_compare(users, admin):
    await admin.execute("CREATE SCHEMA users; CREATE TABLE users.t (id int)")
    result = await verify(users({"1_a.sql": ACCOUNTS}))
    assert result.is_clean
    assert result.versions == (("users", 0),)


async def test_files_that_disagree_with_the_ledger_are_refused_first(users):
    await users({"1_a.sql": ACCOUNTS}).apply()
    with pytest.raises(MigrationDriftError, match="was changed after it had been applied"):
        await verify(users({"1_a.sql": "CREATE TABLE {{tables.accounts}} (id int)"}))


async def test_a_dropped_schema_is_said_to_be_dropped(users, admin):
    own = users({"1_a.sql": ACCOUNTS})
    await own.apply()
    await admin.execute("DROP SCHEMA users CASCADE")
    with pytest.raises(MigrationDriftError) as caught:
        await verify(own)
    assert isinstance(caught.value.violations[0], SchemaDroppedError)


async def test_files_older_than_the_database_are_refused(users):
    await users({"1_a.sql": ACCOUNTS, "2_b.sql": "SELECT 1"}).apply()
    with pytest.raises(MigrationReplayError, match="version 2 was applied, which is not here"):
        await verify(users({"1_a.sql": ACCOUNTS}))


@pytest.mark.parametrize("schema", ['My "odd" Schëma', "select", "public"])
async def test_schemas_of_any_name_are_verified(users, admin, schema):
    own = users(
        {"1_a.sql": f"-- poolhouse: template-bodies\n{ACCOUNTS}; CREATE FUNCTION {{{{tables.f}}}}() RETURNS bigint "
         "LANGUAGE sql AS $$ SELECT count(*) FROM {{tables.accounts}} $$"},
        schema=schema,
    )  # fmt: skip
    await own.apply()
    assert (await verify(own)).is_clean
    await admin.execute(f"""ALTER TABLE "{schema.replace('"', '""')}".accounts DROP COLUMN total""")
    assert [str(each) for each in (await verify(own)).differences] == ["table accounts: column total: missing"]


async def test_tables_of_other_schemas_are_the_real_ones(pool, write, users, admin):
    accounts = users({"1_a.sql": ACCOUNTS})
    reads = ["users.accounts"]
    sql = (
        "CREATE TABLE {{tables.bills}} (account int REFERENCES {{tables.users.accounts}});"
        "CREATE VIEW {{tables.due}} AS SELECT b.*, a.total FROM {{tables.bills}} b "
        "JOIN {{tables.users.accounts}} a ON a.id = b.account"
    )
    bills = MigrationSet(SchemaManager(pool, schema="bills", reads=reads), write("bills", {"1_a.sql": sql}))
    await migrate([accounts, bills])
    assert (await verify(bills)).is_clean
    assert (await verify(accounts)).is_clean
    assert await admin.fetchval("SELECT count(*) FROM pg_constraint WHERE confrelid = 'users.accounts'::regclass") == 1


async def test_a_file_that_names_its_own_schema_does_not_reach_the_real_one(users, admin):
    sql = "CREATE TABLE users.t (id int); INSERT INTO users.t VALUES (1); DELETE FROM users.t"
    own = users({"1_a.sql": f"{sql}; DROP TABLE IF EXISTS users.u"})
    await own.apply()
    await admin.execute("INSERT INTO users.t VALUES (7); CREATE TABLE users.u (id int)")
    async with admin.transaction():
        # Held for as long as it takes: had the replay touched the real tables, it would have to wait.
        await admin.execute("LOCK TABLE users.t, users.u IN ACCESS SHARE MODE")
        found = (await verify(own, timeout=0)).differences
    assert [str(each) for each in found] == ["table u: unexpected"]
    assert await admin.fetchval("SELECT array_agg(id) FROM users.t") == [7]


async def test_other_sessions_use_the_schema_meanwhile(users, admin, until_asleep):
    own = users({"1_a.sql": f"{ACCOUNTS}; SELECT pg_sleep(0.2)"})
    await own.apply()
    running = asyncio.create_task(verify(own))
    await until_asleep()
    await admin.execute("INSERT INTO users.accounts VALUES (1, 1); ALTER TABLE users.accounts ADD note text")
    assert not running.done()
    assert (await running).is_clean
    assert await schemas(admin) == ["poolhouse", "public", "users"]


async def test_a_cancelled_replay_leaves_nothing_behind(users, admin, until_asleep):
    nap = "SELECT pg_sleep(coalesce(current_setting('nap.seconds', true)::float8, 0))"
    own = users({"1_a.sql": f"{ACCOUNTS}; {nap}"})
    await own.apply()
    name = await admin.fetchval("SELECT quote_ident(current_database())")
    await admin.execute(f"ALTER DATABASE {name} SET nap.seconds = '60'")
    await own.db.pool.close()
    await own.db.pool.open()
    running = asyncio.create_task(verify(own))
    await until_asleep()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await schemas(admin) == ["poolhouse", "public", "users"]
    assert await admin.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


async def test_a_failed_replay_says_where_and_leaves_nothing_behind(users, admin):
    own = users({"1_a.sql": "CREATE TABLE {{tables.t}} (id int);\n\nCREATE TYPE public.shared AS ENUM ('a')"})
    await own.apply()
    with pytest.raises(MigrationReplayError, match='type "shared" already exists') as caught:
        await verify(own)
    assert (caught.value.line, caught.value.column, caught.value.sqlstate) == (3, 1, "42710")
    assert await schemas(admin) == ["poolhouse", "public", "users"]


async def test_a_lock_in_another_schema_is_waited_for_and_its_holder_named(pool, write, users, admin):
    accounts = users({"1_a.sql": ACCOUNTS})
    sql = "CREATE TABLE {{tables.bills}} (account int REFERENCES {{tables.users.accounts}})"
    manager = SchemaManager(pool, schema="bills", reads=["users.accounts"])
    bills = MigrationSet(manager, write("bills", {"1_a.sql": sql}))
    await migrate([accounts, bills])
    async with admin.transaction():
        await admin.execute("INSERT INTO users.accounts VALUES (1, 1)")
        with pytest.raises(MigrationLockError, match=f"process {admin.get_server_pid()} ") as caught:
            await verify(bills, timeout=0)
    assert caught.value.sqlstate == "55P03"
    assert (await verify(bills)).is_clean


async def test_it_waits_for_a_process_that_migrates_the_schema(users, admin):
    own = users({"1_a.sql": ACCOUNTS})
    await own.apply()
    await admin.execute(f"SELECT pg_advisory_lock({lock_key('users', 'users')})")
    with pytest.raises(MigrationLockError, match=f"process {admin.get_server_pid()} "):
        await verify(own, timeout=0)
    running = asyncio.create_task(verify(own))
    await admin.execute(f"SELECT pg_advisory_unlock({lock_key('users', 'users')})")
    assert (await running).is_clean


async def test_all_sets_of_a_schema_belong_to_it(pool, write, users):
    first = users({"1_a.sql": ACCOUNTS})
    second = MigrationSet(first.db, write("more", {"1_a.sql": "ALTER TABLE {{tables.accounts}} ADD note text"}))
    await migrate([first, second])
    result = await verify(first, second)
    assert result.is_clean
    assert result.versions == (("users", 1), ("more", 1))
    with pytest.raises(WiringError, match="migrated by module 'more' too"):
        await verify(first)


async def test_sets_of_different_schemas_are_not_one(pool, write, users):
    other = MigrationSet(SchemaManager(pool, schema="other"), write("other", {"1_a.sql": ACCOUNTS}))
    with pytest.raises(WiringError, match="does not migrate the same schema"):
        await verify(users({"1_a.sql": ACCOUNTS}), other)


async def test_a_role_that_does_not_own_the_schema_is_told_what_it_lacks(users, admin, pool_of_role, role):
    own = users({"1_a.sql": ACCOUNTS})
    await own.apply()
    await admin.execute(
        f"GRANT USAGE ON SCHEMA poolhouse TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA poolhouse TO {role}"
    )
    theirs = MigrationSet(SchemaManager(pool_of_role, schema="users"), own.directory)
    with pytest.raises(MigrationPrivilegeError, match="must be owner of schema users") as caught:
        await verify(theirs)
    assert f"OWNER TO {role}" in caught.value.grant


async def test_the_role_that_migrates_may_verify(admin, pool_of_role, role, database, write):
    name = await admin.fetchval("SELECT quote_ident(current_database())")
    await admin.execute(f"GRANT CREATE ON DATABASE {name} TO {role}")
    own = MigrationSet(SchemaManager(pool_of_role, schema="users"), write("users", {"1_a.sql": ACCOUNTS}))
    await own.apply()
    assert (await verify(own)).is_clean


async def test_two_processes_verify_at_once(users, database):
    own = users({"1_a.sql": ACCOUNTS})
    await own.apply()
    results = await asyncio.gather(*(verify(own) for _ in range(4)))
    assert all(result.is_clean for result in results)


async def test_a_server_that_goes_away_leaves_nothing_behind(users, admin, until_asleep):
    own = users({"1_a.sql": f"{ACCOUNTS}; SELECT pg_sleep(0.3)"})
    await own.apply()
    running = asyncio.create_task(verify(own))
    await until_asleep()
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    with pytest.raises(Exception, match="connection") as caught:
        await running
    assert not isinstance(caught.value, asyncpg.PostgresError)
    assert await schemas(admin) == ["poolhouse", "public", "users"]

"""A start with nothing to do: one statement, hardly any right, no write."""

from __future__ import annotations

from contextlib import suppress

import asyncpg
import pytest

from poolhouse.embedded import EmbeddedPostgres
from poolhouse.errors import LedgerError, MigrationDriftError, MigrationError, MigrationFilesError
from poolhouse.migrations import MigrationSet, migrate
from poolhouse.migrations.files import WrittenMigrations
from poolhouse.migrations.repair import resume
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings

SERVICES = ("users", "orders", "payments")
# Of every kind: the last one is held, so that nothing is pending although it was not applied.
FILES = {
    "1_a.sql": "CREATE TABLE {{tables.a}} (id int)",
    "2_i.sql": "-- poolhouse: no-transaction\nCREATE INDEX CONCURRENTLY i ON {{tables.a}} (id)",
    "3_c.sql": "-- poolhouse: phase: contract\nDROP TABLE {{tables.a}}",
    "R_v.sql": "CREATE OR REPLACE VIEW v AS SELECT * FROM {{tables.a}}",
}


@pytest.fixture
def sets(write):
    folders = {name: write(name, FILES) for name in SERVICES}

    def sets(pool):
        return [MigrationSet(SchemaManager(pool, schema=name), folder) for name, folder in folders.items()]

    return sets


@pytest.fixture
def plain(pool, write):
    """A set of two files, or of more, or with others in their place."""

    def plain(files=None):
        folder = write("users", {"1_a.sql": "SELECT 1", "2_b.sql": "SELECT 2", **(files or {})})
        return MigrationSet(SchemaManager(pool, schema="users"), folder)

    return plain


@pytest.fixture
async def counting_server():
    """A server that counts the statements it executes."""
    server = EmbeddedPostgres(temporary=True, parameters={"shared_preload_libraries": "pg_stat_statements"})
    await server.open()
    yield server.dsn
    await server.close()


async def executed(admin):
    """The statements that other sessions executed since the last call, with the number of times."""
    mine = "%pg_stat_statements%"
    rows = await admin.fetch("SELECT query, calls FROM pg_stat_statements WHERE query NOT LIKE $1", mine)
    await admin.execute("SELECT pg_stat_statements_reset()")
    return {row["query"]: row["calls"] for row in rows}


async def test_the_server_sees_one_statement_for_all_services(counting_server, sets):
    pool = SharedPool(DatabaseSettings.model_validate({"dsn": counting_server, "min_size": 1, "max_size": 1}))
    await pool.open()
    await migrate(sets(pool))
    # A fresh connection, of which the driver knows nothing yet.
    await pool.close()
    await pool.open()
    admin = await asyncpg.connect(counting_server)
    await admin.execute("CREATE EXTENSION pg_stat_statements")
    await executed(admin)
    async with pool.lease("poolhouse"):
        pass
    of_the_pool = await executed(admin)
    assert (await migrate(sets(pool))).applied == 0
    ours = {query: calls for query, calls in (await executed(admin)).items() if query not in of_the_pool}
    await admin.close()
    await pool.close()
    assert list(ours.values()) == [1], ours
    assert "poolhouse.head" in next(iter(ours))


async def test_files_that_are_as_they_were_are_not_looked_into(plain, monkeypatch):
    await plain().apply()
    monkeypatch.setattr(WrittenMigrations, "load", lambda _: pytest.fail("a file was looked into"))
    assert (await plain().apply()).version == 2


@pytest.mark.parametrize("files", [{"1_a.sql": "SELECT 1, 2"}, {"3_c.sql": "SELECT 'open"}, {"3_c.sql": "COMMIT"}])
async def test_files_that_are_not_as_they_were_are_looked_into(plain, files):
    await plain().apply()
    with pytest.raises((MigrationFilesError, MigrationDriftError)):
        await plain(files).apply()


async def test_an_edited_comment_is_known_with_the_next_migration(plain, monkeypatch):
    await plain().apply()
    edited = {"1_a.sql": "-- edited\nSELECT 1"}
    assert (await plain(edited).apply()).applied == ()
    assert (await plain({**edited, "3_c.sql": "SELECT 3"}).apply()).applied == (3,)
    monkeypatch.setattr(WrittenMigrations, "load", lambda _: pytest.fail("a file was looked into"))
    assert (await plain({**edited, "3_c.sql": "SELECT 3"}).apply()).applied == ()


async def test_what_a_template_may_read_is_looked_at_again_when_it_changes(pool, write):
    folder = write("users", {"1_a.sql": "CREATE VIEW v AS SELECT * FROM {{tables.other.t}}"})
    other = MigrationSet(SchemaManager(pool, schema="other"), write("other", {"1_t.sql": "CREATE TABLE t (id int)"}))
    await migrate([other, MigrationSet(SchemaManager(pool, schema="users", reads=["other.t"]), folder)])
    with pytest.raises(MigrationFilesError, match="is not declared"):
        await migrate([other, MigrationSet(SchemaManager(pool, schema="users"), folder)])


async def test_a_head_that_others_have_moved_does_not_stand_for_the_files(plain, admin):
    await plain().apply()
    await admin.execute("UPDATE poolhouse.head SET digest = decode('00', 'hex') WHERE module = 'users'")
    with pytest.raises(LedgerError):
        await plain().apply()


async def test_a_resumed_migration_does_not_hide_those_behind_it(pool, write):
    files = {"1_a.sql": "CREATE TABLE a (id int)", "2_n.sql": "-- poolhouse: no-transaction\nDELETE FROM gone"}
    files["3_b.sql"] = "CREATE TABLE b (id int)"
    migrations = MigrationSet(SchemaManager(pool, schema="users"), write("users", files))
    with pytest.raises(MigrationError):
        await migrations.apply()
    write("users", {**files, "2_n.sql": "-- poolhouse: no-transaction\nSELECT 1"})
    with suppress(MigrationError):
        await resume(migrations, 2)
    assert 3 in (await migrations.apply()).applied


async def test_contract_migrations_are_still_reported_as_held(pool, write):
    files = {"1_a.sql": "SELECT 1", "2_c.sql": "-- poolhouse: phase: contract\nSELECT 2"}
    migrations = MigrationSet(SchemaManager(pool, schema="users"), write("users", files))
    await migrations.apply()
    assert (await migrations.apply()).held == (2,)


async def test_the_right_to_read_the_head_is_enough(pool, pool_of_role, role, admin, sets):
    await migrate(sets(pool))
    await admin.execute(f"GRANT USAGE ON SCHEMA poolhouse TO {role}; GRANT SELECT ON poolhouse.head TO {role}")
    result = await migrate(sets(pool_of_role))
    assert [report.version for report in result.reports] == [2, 2, 2]


async def test_a_server_that_takes_no_writes_is_enough(pool, pool_of_role, role, admin, sets):
    await migrate(sets(pool))
    await admin.execute(f"GRANT USAGE ON SCHEMA poolhouse TO {role}; GRANT SELECT ON poolhouse.head TO {role}")
    await admin.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    await pool_of_role.close()
    await pool_of_role.open()
    assert (await migrate(sets(pool_of_role))).applied == 0


async def test_no_lock_is_taken(pool, admin, sets):
    await migrate(sets(pool))
    async with admin.transaction():
        await admin.execute("LOCK TABLE poolhouse.head, poolhouse.ledger, poolhouse.event IN EXCLUSIVE MODE")
        assert (await migrate(sets(pool), timeout=0)).applied == 0

"""Files and database that disagree."""

from __future__ import annotations

import logging

import pytest

from poolhouse.errors import (
    LedgerError,
    MigrationDriftError,
    MigrationPrivilegeError,
    ModifiedMigrationError,
    SchemaDroppedError,
)
from poolhouse.migrations import MigrationReport, MigrationSet, migrate
from poolhouse.schema import SchemaManager

A, B, C = "CREATE TABLE a (id int)", "CREATE TABLE b (id int)", "CREATE TABLE c (id int)"


async def drift(migrations):
    with pytest.raises(MigrationDriftError) as caught:
        await migrations.apply()
    (violation,) = caught.value.violations
    return str(violation)


async def test_a_database_ahead_of_the_files_is_warned_of_and_fine(users, caplog):
    await users({"1_a.sql": A, "2_b.sql": B}).apply()
    with caplog.at_level(logging.WARNING, logger="poolhouse.migrations"):
        report = await users({"1_a.sql": A}).apply()
    assert report == MigrationReport("users", "users", 2, ahead=(2,))
    assert "schema 'users' is ahead of the files" in caplog.text
    assert "up to date, schema 'users' at version 2, ahead of its files" in str(report)


async def test_an_edited_migration_is_refused_and_named(users, admin):
    await users({"1_a.sql": A}).apply()
    message = await drift(users({"1_a.sql": B, "2_c.sql": C}))
    assert "users/1_a.sql: it was changed after it had been applied" in message
    assert await admin.fetchval("SELECT to_regclass('users.c') IS NULL")


async def test_a_deleted_migration_is_refused_and_named(users):
    await users({"1_a.sql": A, "2_b.sql": B}).apply()
    assert "version 1 (a) was applied to schema 'users', and its file is missing" in await drift(users({"2_b.sql": B}))


async def test_a_late_migration_is_refused_and_named(users):
    await users({"2_b.sql": B}).apply()
    message = await drift(users({"1_a.sql": A, "2_b.sql": B}))
    assert "users/1_a.sql: it was not applied to schema 'users', which is at version 2 already" in message


async def test_two_lines_of_development_are_refused_as_diverged(users):
    await users({"1_a.sql": A, "3_c.sql": C}).apply()
    message = await drift(users({"1_a.sql": A, "2_b.sql": B}))
    assert "has version 3 (c) applied, which is not here, while 2_b.sql is here and not applied" in message


async def test_a_schema_dropped_behind_our_back_is_noticed_and_can_be_made_anew(users, admin):
    migrations = users({"1_a.sql": A})
    await migrations.apply()
    await admin.execute("DROP SCHEMA users CASCADE")
    with pytest.raises(MigrationDriftError) as caught:
        await migrations.apply()
    (violation,) = caught.value.violations
    assert isinstance(violation, SchemaDroppedError)
    await admin.execute(violation.forget)
    assert (await migrations.apply()).applied == (1,)
    assert await admin.fetchval("SELECT to_regclass('users.a') IS NOT NULL")


async def test_drift_of_all_sets_is_reported_before_any_is_applied(pool, write, admin):
    def sets(text):
        names = ("one", "two")
        edited = [MigrationSet(SchemaManager(pool, schema=name), write(name, {"1_a.sql": text})) for name in names]
        return [MigrationSet(SchemaManager(pool, schema="new"), write("new", {"1_a.sql": A})), *edited]

    await migrate(sets(A)[1:])
    with pytest.raises(MigrationDriftError) as caught:
        await migrate(sets(B))
    assert [type(violation) for violation in caught.value.violations] == [ModifiedMigrationError] * 2
    assert await admin.fetchval("SELECT to_regnamespace('new') IS NULL")


async def test_an_edited_ledger_is_refused_as_contradictory(users, admin):
    migrations = users({"1_a.sql": A})
    await migrations.apply()
    await admin.execute("UPDATE poolhouse.head SET digest = 'x' WHERE module = 'users'")
    with pytest.raises(LedgerError, match=r"poolhouse\.head is not what follows from poolhouse\.ledger"):
        await migrations.apply()


async def test_a_head_marked_as_half_done_by_hand_is_refused_as_contradictory(users, admin):
    migrations = users({"1_a.sql": A})
    await migrations.apply()
    await admin.execute("UPDATE poolhouse.head SET dirty = true WHERE module = 'users'")
    with pytest.raises(LedgerError, match="is not what follows"):
        await migrations.apply()


async def test_drift_needs_the_right_to_read_the_ledger_and_says_so(users, pool_of_role, role, admin, write):
    await users({"1_a.sql": A, "2_b.sql": B}).apply()
    await admin.execute(f"GRANT USAGE ON SCHEMA poolhouse TO {role}; GRANT SELECT ON poolhouse.head TO {role}")
    older = MigrationSet(SchemaManager(pool_of_role, schema="users"), write("users", {"1_a.sql": A}))
    with pytest.raises(MigrationPrivilegeError) as caught:
        await older.apply()
    await admin.execute(caught.value.grant)
    assert (await older.apply()).ahead == (2,)


async def test_no_right_to_read_the_head_is_named_with_its_grant(users, pool_of_role, role, admin, write):
    await users({"1_a.sql": A}).apply()
    same = MigrationSet(SchemaManager(pool_of_role, schema="users"), write("users", {"1_a.sql": A}))
    with pytest.raises(MigrationPrivilegeError, match="GRANT USAGE ON SCHEMA poolhouse") as caught:
        await same.apply()
    await admin.execute(caught.value.grant)
    assert (await same.apply()).version == 1

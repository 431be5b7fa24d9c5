"""Files that are run again whenever they change."""

from __future__ import annotations

import pytest

from poolhouse.errors import MigrationApplyError
from poolhouse.migrations import MigrationReport

A = "CREATE TABLE {{tables.a}} (id int)"
VIEW = "CREATE OR REPLACE VIEW v AS SELECT {} AS x FROM {{{{tables.a}}}}"
ONE, TWO = VIEW.format(1), VIEW.format(2)


async def ledger(admin):
    query = "SELECT version, name, kind, state FROM poolhouse.ledger WHERE module = 'users' ORDER BY version, name"
    return [tuple(row) for row in await admin.fetch(query)]


async def view(admin):
    await admin.execute("TRUNCATE users.a; INSERT INTO users.a VALUES (0)")
    return await admin.fetchval("SELECT x FROM users.v")


async def test_it_is_run_after_the_versioned_files_and_recorded(users, admin):
    report = await users({"R_v.sql": ONE, "1_a.sql": A}).apply()
    assert report == MigrationReport("users", "users", 1, applied=(1,), repeated=("v",))
    assert await ledger(admin) == [(1, "a", "versioned", "applied"), (None, "v", "repeatable", "applied")]
    assert str(report) == "users: 2 applied, schema 'users' at version 1"


async def test_it_is_run_again_when_it_changed_and_only_then(users, admin):
    await users({"1_a.sql": A, "R_v.sql": ONE}).apply()
    assert (await users({"1_a.sql": A, "R_v.sql": f"-- reformatted\n{ONE}"}).apply()).repeated == ()
    assert (await users({"1_a.sql": A, "R_v.sql": TWO}).apply()).repeated == ("v",)
    assert await view(admin) == 2
    assert (await users({"1_a.sql": A, "R_v.sql": TWO}).apply()).repeated == ()
    assert (await users({"1_a.sql": A, "R_v.sql": ONE}).apply()).repeated == ("v",)
    assert await view(admin) == 1
    assert len(await ledger(admin)) == 2


async def test_new_versioned_files_come_first_and_the_unchanged_rest_stays(users, admin):
    await users({"1_a.sql": A, "R_v.sql": ONE, "R_w.sql": "SELECT 1"}).apply()
    files = {"1_a.sql": A, "2_b.sql": "ALTER TABLE a ADD y int", "R_v.sql": ONE.replace("1 AS x", "1 AS x, y")}
    report = await users({**files, "R_w.sql": "SELECT 1"}).apply()
    assert (report.applied, report.repeated) == ((2,), ("v",))


async def test_several_are_run_in_the_order_of_their_names(users, admin):
    await users({"1_a.sql": A, "R_2.sql": "CREATE VIEW w AS SELECT * FROM v", "R_1.sql": ONE}).apply()
    assert await admin.fetchval("SELECT count(*) FROM users.w") == 0


async def test_a_folder_may_hold_nothing_else(users):
    migrations = users({"R_f.sql": "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"})
    assert (await migrations.apply()).repeated == ("f",)
    assert await migrations.apply() == MigrationReport("users", "users", 0)


async def test_one_that_fails_leaves_what_was_applied_before_it_in_other_transactions(users):
    with pytest.raises(MigrationApplyError, match=r"R_v\.sql:1:8"):
        await users({"1_a.sql": A, "R_v.sql": "SELECT nosuch"}).apply()
    assert (await users({"1_a.sql": A, "R_v.sql": ONE}).apply()).applied == (1,)


async def test_one_whose_file_is_gone_is_withdrawn_with_the_next_change(users, admin):
    await users({"1_a.sql": A, "R_v.sql": ONE, "R_w.sql": "SELECT 1"}).apply()
    assert await users({"1_a.sql": A, "R_v.sql": ONE}).apply() == MigrationReport("users", "users", 1)
    assert (await users({"1_a.sql": A, "R_v.sql": TWO}).apply()).repeated == ("v",)
    assert (None, "w", "repeatable", "withdrawn") in await ledger(admin)
    assert (await users({"1_a.sql": A, "R_v.sql": TWO, "R_w.sql": "SELECT 1"}).apply()).repeated == ("w",)
    assert (None, "w", "repeatable", "applied") in await ledger(admin)


async def test_an_older_release_does_not_take_back_what_a_newer_one_made(users, admin):
    await users({"1_a.sql": A, "2_b.sql": "SELECT 1", "R_v.sql": TWO}).apply()
    report = await users({"1_a.sql": A, "R_v.sql": ONE}).apply()
    assert (report.ahead, report.repeated) == ((2,), ())
    assert await view(admin) == 2

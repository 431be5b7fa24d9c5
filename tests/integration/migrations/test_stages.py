"""How pending files are cut into transactions, and limited in time."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from poolhouse.errors import MigrationApplyError, MigrationLockError

ENUM = "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE a (id int, mood mood)"

DEFERRED = """
CREATE TABLE b (id int PRIMARY KEY);
CREATE TABLE c (b int REFERENCES b DEFERRABLE INITIALLY DEFERRED);
INSERT INTO b VALUES (1);
INSERT INTO c VALUES (1)"""


async def transactions(admin):
    """The versions that were recorded by one transaction, together."""
    query = """SELECT array_agg(version ORDER BY version) FROM poolhouse.ledger WHERE module = 'users'
        GROUP BY xmin::text ORDER BY 1"""
    return [row[0] for row in await admin.fetch(query)]


async def test_what_is_pending_is_one_transaction(users, admin):
    await users({f"{number}_a.sql": f"CREATE TABLE t{number} (id int)" for number in (1, 2, 3)}).apply()
    assert await transactions(admin) == [[1, 2, 3]]


async def test_a_value_added_to_an_enum_can_be_used_by_the_next_file(users, admin):
    files = {
        "1_a.sql": ENUM,
        "2_value.sql": "ALTER TYPE \"users\".mood ADD VALUE IF NOT EXISTS 'happy'",
        "3_use.sql": "INSERT INTO a VALUES (1, 'happy')",
        "4_b.sql": "CREATE TABLE b (id int)",
    }
    assert (await users(files).apply()).applied == (1, 2, 3, 4)
    assert await transactions(admin) == [[1, 2], [3, 4]]


async def test_an_isolated_file_has_a_transaction_of_its_own(users, admin):
    files = {f"{number}_a.sql": f"CREATE TABLE t{number} (id int)" for number in range(1, 6)}
    files["3_a.sql"] = f"-- poolhouse: isolate\n{files['3_a.sql']}"
    await users(files).apply()
    assert await transactions(admin) == [[1, 2], [3], [4, 5]]


@pytest.mark.parametrize(
    ("second", "third"),
    [
        # Hidden from whoever reads the words: a value that is added dynamically.
        ("DO $$ BEGIN EXECUTE 'ALTER TYPE mood ADD VALUE ''happy'''; END $$", "INSERT INTO a VALUES (1, 'happy')"),
        # Events of a trigger that waits for the commit: 55006.
        (DEFERRED, "ALTER TABLE c ADD x int"),
    ],
)
async def test_a_bundle_that_is_too_large_is_applied_file_by_file(users, admin, second, third):
    await users({"1_a.sql": ENUM}).apply()
    files = {"1_a.sql": ENUM, "2_b.sql": second, "3_c.sql": third, "4_d.sql": "CREATE TABLE d (id int)"}
    assert (await users(files).apply()).applied == (2, 3, 4)
    assert await transactions(admin) == [[1], [2], [3], [4]]


async def test_a_value_used_in_the_file_that_adds_it_is_refused_with_a_remedy(users):
    await users({"1_a.sql": ENUM, "2_b.sql": "SELECT 1"}).apply()
    text = "ALTER TYPE mood ADD VALUE 'happy';\nINSERT INTO a VALUES (1, 'happy')"
    with pytest.raises(MigrationApplyError, match="Use the new value in another file") as caught:
        await users({"1_a.sql": ENUM, "2_b.sql": "SELECT 1", "3_b.sql": "SELECT 3", "4_c.sql": text}).apply()
    assert (caught.value.sqlstate, caught.value.line, caught.value.version) == ("55P04", 2, 3)
    assert caught.value.applied == ("users/3_b.sql",)
    assert caught.value.rolled_back == ("4_c.sql",)


async def test_each_file_has_its_own_limits(users):
    show = """DO $$ BEGIN ASSERT current_setting('lock_timeout') = '{}', current_setting('lock_timeout');
        ASSERT current_setting('statement_timeout') = '{}', current_setting('statement_timeout'); END $$"""
    files = {
        "1_a.sql": "-- poolhouse: lock-timeout: 7s\n" + show.format("7s", "0"),
        "2_b.sql": "-- poolhouse: statement-timeout: 90 s\n" + show.format("3s", "90s"),
        "3_c.sql": "-- poolhouse: lock-timeout: 0\nSET LOCAL statement_timeout = 5000;" + show.format("0", "5s"),
        "4_d.sql": show.format("3s", "0"),
        "5_e.sql": "-- poolhouse: no-transaction\n-- poolhouse: statement-timeout: 2s\n" + show.format("0", "2s"),
    }
    assert (await users(files).apply()).applied == (1, 2, 3, 4, 5)


@pytest.mark.parametrize("kind", ["isolate", "no-transaction"])
async def test_a_statement_past_its_files_limit_fails_and_is_not_tried_again(users, kind):
    text = f"-- poolhouse: {kind}\n-- poolhouse: statement-timeout: 50ms\nSELECT pg_sleep(30)"
    with pytest.raises(MigrationApplyError) as caught:
        await users({"1_a.sql": text}).apply()
    assert (caught.value.sqlstate, caught.value.line) == ("57014", 3)


async def test_a_lock_is_given_up_after_the_files_own_limit(users, database):
    await users({"1_a.sql": ENUM}).apply()
    other = await asyncpg.connect(database)
    text = "-- poolhouse: lock-timeout: 50ms\nALTER TABLE a ADD x int"
    async with other.transaction():
        await other.execute("LOCK TABLE users.a IN ACCESS SHARE MODE")
        began = asyncio.get_running_loop().time()
        with pytest.raises(MigrationLockError) as caught:
            await users({"1_a.sql": ENUM, "2_b.sql": text}).apply(timeout=0.06)
        assert asyncio.get_running_loop().time() - began < 2
    assert caught.value.sqlstate == "55P03"
    await other.close()

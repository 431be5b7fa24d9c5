"""What a start does about pending migrations, and late ones."""

from __future__ import annotations

import asyncio

import pytest

from poolhouse.errors import ConfigurationError, MigrationDriftError, MigrationFilesError, MigrationPendingError
from poolhouse.migrations import MigrationReport, MigrationSet, migrate
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager

A, B = "CREATE TABLE a (id int)", "CREATE TABLE b (id int)"
OUTSIDE = "-- poolhouse: no-transaction\n"


async def test_check_refuses_when_something_is_pending_and_names_it(users, admin):
    with pytest.raises(MigrationPendingError) as caught:
        await migrate([users({"1_a.sql": A, "R_v.sql": "SELECT 1"})], mode="check")
    assert caught.value.pending[-2:] == ("users/1_a.sql", "users/R_v.sql")
    assert await admin.fetchval("SELECT to_regnamespace('poolhouse') IS NULL")


async def test_check_is_content_when_nothing_is_pending_but_what_is_held(users):
    await users({"1_a.sql": A}).apply()
    migrations = users({"1_a.sql": A, "2_c.sql": "-- poolhouse: phase: contract\nSELECT 1"})
    (report,) = (await migrate([migrations], mode="check")).reports
    assert report == MigrationReport("users", "users", 1, held=(2,))


async def test_wait_goes_on_once_somebody_else_has_applied(users):
    migrations = users({"1_a.sql": A, "2_b.sql": f"{OUTSIDE}DO $$ BEGIN PERFORM pg_sleep(0.3); END $$"})
    waiting = asyncio.create_task(migrate([migrations], mode="wait"))
    assert (await migrations.apply()).applied == (1, 2)
    (report,) = (await waiting).reports
    assert report == MigrationReport("users", "users", 2)


async def test_wait_gives_up_at_the_limit_and_says_what_is_pending(users):
    with pytest.raises(
        MigrationPendingError, match=r"after 0\.\d s \d migrations are pending: .*users/1_a\.sql"
    ) as caught:
        await migrate([users({"1_a.sql": A})], mode="wait", timeout=0.1)
    assert caught.value.waited >= 0.1


@pytest.mark.parametrize("mode", ["wait", "check"])
async def test_drift_is_refused_in_every_mode_that_asks(users, mode):
    await users({"1_a.sql": A}).apply()
    with pytest.raises(MigrationDriftError):
        await migrate([users({"1_a.sql": B})], mode=mode)


async def test_skip_asks_the_database_nothing_but_reads_the_files(users, pool):
    migrations = users({"1_a.sql": A})
    await pool.close()
    (report,) = (await migrate([migrations], mode="skip")).reports
    assert report == MigrationReport("users", "users", None)
    assert str(report) == "users: schema 'users' was not looked at"
    with pytest.raises(MigrationFilesError):
        await migrate([users({"1_a.sql": "COMMIT"})], mode="skip")


async def test_the_settings_say_the_mode_where_the_call_does_not(database_settings, write):
    pool = SharedPool(
        type(database_settings).model_validate({**database_settings.model_dump(), "migration_mode": "check"})
    )
    await pool.open()
    migrations = MigrationSet(SchemaManager(pool, schema="users"), write("users", {"1_a.sql": A}))
    with pytest.raises(MigrationPendingError):
        await migrations.apply()
    assert (await migrate([migrations], mode="apply")).applied == 1
    await pool.close()


async def test_an_unknown_mode_is_refused_with_the_nearest(users):
    with pytest.raises(ConfigurationError, match="Did you mean apply"):
        await migrate([users({"1_a.sql": A})], mode="aply")


@pytest.fixture
def late(pool, write):
    def late(files):
        return MigrationSet(SchemaManager(pool, schema="users"), write("users", files), out_of_order="apply")

    return late


async def test_a_late_file_is_applied_where_the_set_says_so(late, admin):
    await late({"2_b.sql": B}).apply()
    migrations = late({"1_a.sql": A, "2_b.sql": B})
    assert (await migrations.apply()).applied == (1,)
    assert await migrations.apply() == MigrationReport("users", "users", 2)
    assert await admin.fetchval("SELECT version FROM poolhouse.head WHERE module = 'users'") == 2


async def test_two_lines_of_development_come_together_where_the_set_says_so(late):
    await late({"1_a.sql": A, "3_c.sql": "SELECT 3"}).apply()
    assert await late({"1_a.sql": A, "2_b.sql": B}).apply() == MigrationReport("users", "users", 3, (2,), (3,))
    assert await late({"1_a.sql": A, "2_b.sql": B, "3_c.sql": "SELECT 3"}).apply() == MigrationReport(
        "users", "users", 3
    )


async def test_a_changed_file_is_no_late_one(late):
    await late({"2_b.sql": B}).apply()
    with pytest.raises(MigrationDriftError, match="it was changed after it had been applied"):
        await late({"1_a.sql": A, "2_b.sql": A}).apply()


def test_any_other_word_for_out_of_order_is_refused(tmp_path):
    db = SchemaManager(SharedPool.__new__(SharedPool), schema="users")
    with pytest.raises(ConfigurationError, match="out_of_order cannot be 'yes'"):
        MigrationSet(db, tmp_path, out_of_order="yes")

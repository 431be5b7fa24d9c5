"""What a file leaves behind in its transaction, for the files and the records after it."""

from __future__ import annotations

import pytest

from poolhouse.errors import MigrationApplyError, MigrationFilesError

A = "CREATE TABLE a (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)"


async def test_a_check_that_was_put_off_is_blamed_on_the_file_that_put_it_off(users, admin):
    files = {"1_a.sql": A, "2_b.sql": "INSERT INTO a VALUES (1), (1)", "3_c.sql": "CREATE TABLE c (id int)"}
    with pytest.raises(MigrationApplyError, match=r"2_b\.sql") as caught:
        await users(files).apply()
    assert caught.value.sqlstate == "23505"
    assert await admin.fetchval("SELECT version FROM poolhouse.head WHERE module = 'users'") == 1


async def test_a_role_that_was_set_does_not_write_into_the_ledger(users, admin):
    assert (await users({"1_a.sql": "SET ROLE pg_read_all_data", "2_b.sql": A}).apply()).applied == (1, 2)
    owner = "SELECT tableowner = current_user FROM pg_tables WHERE tablename = 'a'"
    assert await admin.fetchval(owner)


def test_resetting_all_settings_is_refused(users):
    with pytest.raises(MigrationFilesError, match=r"1_a\.sql:1:1: RESET ALL in a migration"):
        users({"1_a.sql": "RESET ALL"}).load()

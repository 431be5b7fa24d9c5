"""Migrations that take something away, which wait for their own command."""

from __future__ import annotations

import logging

import pytest

from poolhouse.errors import MigrationDriftError, MigrationFilesError
from poolhouse.migrations import MigrationReport, MigrationSet, migrate
from poolhouse.schema import SchemaManager

A = "CREATE TABLE a (id int, old int)"
DROP = "-- poolhouse: phase: contract\nALTER TABLE a DROP old"
B = "-- poolhouse: phase: expand\nCREATE TABLE b (id int)"


async def test_a_contract_migration_is_held_and_reported_while_later_ones_are_applied(users, admin, caplog):
    with caplog.at_level(logging.INFO, logger="poolhouse.migrations"):
        report = await users({"1_a.sql": A, "2_drop.sql": DROP, "3_b.sql": B}).apply()
    assert report == MigrationReport("users", "users", 3, applied=(1, 3), held=(2,))
    assert "2_drop.sql of phase contract waits for its command" in caplog.text
    assert str(report).endswith("at version 3, contract 2 waits for its command")
    await admin.execute("SELECT old FROM users.a")


async def test_held_migrations_are_not_asked_for_again(users):
    migrations = users({"1_a.sql": A, "2_drop.sql": DROP, "3_b.sql": B})
    await migrations.apply()
    assert await migrations.apply() == MigrationReport("users", "users", 3, held=(2,))


async def test_a_parameter_includes_them(users, admin):
    migrations = users({"1_a.sql": A, "2_drop.sql": DROP, "3_b.sql": B})
    await migrations.apply()
    assert await migrations.apply(contract=True) == MigrationReport("users", "users", 3, applied=(2,))
    assert await migrations.apply() == MigrationReport("users", "users", 3)


async def test_all_of_them_together_go_in_the_order_of_versions(users):
    migrations = users({"1_a.sql": A, "2_drop.sql": DROP, "3_b.sql": "ALTER TABLE a ADD old text"})
    assert (await migrations.apply(contract=True)).applied == (1, 2, 3)


@pytest.mark.parametrize("order", [(2, 4), (4, 2)])
async def test_they_may_be_asked_for_in_any_order_of_releases(users, order):
    texts = {1: A, 2: DROP, 3: B, 4: "-- poolhouse: phase: contract\nDROP TABLE b", 5: "SELECT 1"}

    def files(*versions):
        return {f"{version}_x.sql": texts[version] for version in versions}

    await users(files(1, 3, order[0])).apply(contract=True)
    assert (await users(files(1, 2, 3, 4, 5)).apply()).applied == (5,) if order[0] == 4 else True
    migrations = users(files(1, 2, 3, 4, 5))
    await migrations.apply()
    report = await migrations.apply(contract=True)
    assert report.applied == (order[1],)
    assert await migrations.apply() == MigrationReport("users", "users", 5)


async def test_what_depends_on_a_held_migration_is_refused_before_anything_is_applied(pool, write, admin):
    users = MigrationSet(SchemaManager(pool, schema="users"), write("users", {"1_a.sql": A, "2_drop.sql": DROP}))
    text = "-- poolhouse: depends: users/0002\nCREATE TABLE o (id int)"
    orders = MigrationSet(SchemaManager(pool, schema="orders"), write("orders", {"1_o.sql": text}))
    with pytest.raises(MigrationFilesError, match="a contract migration that was not applied"):
        await migrate([users, orders])
    assert await admin.fetchval("SELECT to_regnamespace('users') IS NULL")
    assert (await migrate([users, orders], contract=True)).applied == 3


async def test_a_late_file_that_is_no_contract_is_still_refused(users):
    await users({"1_a.sql": A, "3_b.sql": B}).apply()
    with pytest.raises(MigrationDriftError, match="2_late"):
        await users({"1_a.sql": A, "2_late.sql": "SELECT 1", "3_b.sql": B}).apply()

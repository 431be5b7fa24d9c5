"""`up`: what is pending is applied, or rehearsed."""

from __future__ import annotations

import pytest

FAILED, MISUSED = 3, 2
BOTH = ["orders.orders", "users.users"]


def test_what_is_pending_is_applied_and_no_service_is_started(project):
    outcome = project.run("up")
    assert outcome.code == 0
    assert "applied 0001, 0002" in outcome.out
    assert project.tables() == BOTH


def test_applying_again_does_nothing(project):
    project.run("up")
    assert "Nothing was pending" in project.run("up").out


def test_json_says_what_was_applied(project):
    found = project.run("up", "users", "--json").json
    (users,) = found["modules"]
    assert users == {
        "module": "users",
        "schema": "users",
        "version": 2,
        "applied": [1, 2],
        "repeated": [],
        "ahead": [],
        "held": [],
    }
    assert found["seconds"] >= 0


def test_only_the_named_modules_are_applied(project):
    project.run("up", "orders")
    assert project.tables() == ["orders.orders"]


def test_it_applies_also_where_a_start_would_only_check(project, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE__MIGRATION_MODE", "check")
    project.run("up")
    assert project.tables() == BOTH


def test_to_a_version_leaves_what_is_above_it_and_what_is_repeatable(project):
    project.write("migrations/users/R_totals.sql", "CREATE OR REPLACE VIEW {{tables.totals}} AS SELECT 1 AS one;\n")
    assert project.run("up", "users", "--to", "1", "--json").json["modules"][0]["applied"] == [1]
    assert project.run("up", "users", "--json").json["modules"][0]["repeated"] == ["totals"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--to", "1"], "--to needs one module"),
        (["users", "--to", "7"], "migrations/users has no version 7. It has 0001_create_users.sql, 0002_add_name.sql"),
        (["users", "--to", "x"], "--to"),
        (["users", "--to", "-1"], "--to"),
        (["--timeout", "-1"], "--timeout"),
        (["usres"], "Did you mean users?"),
        (["--dryrun"], "--dry-run"),
    ],
)
def test_what_is_mistyped_is_told_and_nothing_is_applied(project, arguments, told):
    outcome = project.run("up", *arguments)
    assert outcome.code == MISUSED
    assert told in outcome.err
    assert project.tables() == []


def test_contract_migrations_wait_for_their_command(project):
    project.write("migrations/users/0003_drop.sql", "-- poolhouse: phase: contract\nDROP TABLE {{tables.users}};\n")
    assert "held 0003" in project.run("up").out
    assert project.run("up", "--contract").code == 0
    assert project.tables() == ["orders.orders"]


def test_a_statement_that_fails_is_told_with_its_place(project):
    project.write("migrations/users/0003_wrong.sql", "SELECT 1;\nSELECT nonsense;\n")
    outcome = project.run("up", "users")
    assert outcome.code == FAILED
    assert "migrations/users/0003_wrong.sql:2:8" in outcome.err
    assert project.tables() == []


def test_a_dry_run_names_the_files_and_leaves_nothing(project):
    found = project.run("up", "--dry-run", "--json").json["files"]
    assert [(each["file"], each["checked"]) for each in found] == [
        ("0001_create_users.sql", True),
        ("0002_add_name.sql", True),
        ("0001_create_orders.sql", True),
    ]
    assert project.fetch("SELECT nspname FROM pg_namespace WHERE nspname IN ('poolhouse', 'users', 'orders')") == []


def test_a_dry_run_finds_what_only_the_server_can_find(project):
    project.write("migrations/users/0003_wrong.sql", "SELECT 1;\nSELECT nonsense;\n")
    outcome = project.run("up", "--dry-run")
    assert outcome.code == FAILED
    assert "migrations/users/0003_wrong.sql:2:8" in outcome.err


def test_a_dry_run_says_what_cannot_be_checked_and_what_comes_after_it(project):
    cic = "-- poolhouse: no-transaction\nCREATE INDEX CONCURRENTLY by_name ON {{tables.users}} (name);\n"
    project.write("migrations/users/0003_index.sql", cic)
    project.write("migrations/users/0004_more.sql", "SELECT 1;\n")
    project.write("migrations/orders/0002_after.sql", "-- poolhouse: depends: users/0004\nSELECT 1;\n")
    found = {each["file"]: each["reason"] for each in project.run("up", "--dry-run", "--json").json["files"]}
    assert found["0002_add_name.sql"] is None
    assert "outside of transactions" in found["0003_index.sql"]
    assert "comes after users/0003_index.sql" in found["0004_more.sql"]
    assert "comes after users/0003_index.sql" in found["0002_after.sql"]
    assert found["0001_create_orders.sql"] is None


def test_a_dry_run_survives_a_value_that_cannot_be_used_before_it_is_committed(project):
    project.write("migrations/users/0003_kind.sql", "CREATE TYPE {{tables.kind}} AS ENUM ('a');\n")
    project.run("up")
    project.write("migrations/users/0004_value.sql", "ALTER TYPE {{tables.kind}} ADD VALUE 'b';\n")
    project.write("migrations/users/0005_use.sql", "SELECT 'b'::{{tables.kind}};\n")
    found = {each["file"]: each["reason"] for each in project.run("up", "--dry-run", "--json").json["files"]}
    assert found["0004_value.sql"] is None
    assert "committed" in found["0005_use.sql"]


def test_a_dry_run_with_nothing_pending_says_so(project):
    project.run("up")
    assert project.run("up", "--dry-run").out == "Nothing is pending.\n"

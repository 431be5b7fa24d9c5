"""`history`: what happened, the latest last."""

from __future__ import annotations

import re

FAILED, MISUSED = 3, 2


def test_before_anything_happened_it_says_so(project):
    outcome = project.run("history")
    assert (outcome.code, outcome.out) == (0, "Nothing has happened yet.\n")


def test_it_lists_what_was_applied(project):
    project.run("up")
    lines = project.run("history", "users").out.splitlines()
    assert len(lines) == 3
    assert re.search(r" users +users +0001_create_users +apply +\w+ +took 0\.\d+ s$", lines[1])


def test_json_has_events_and_the_ledger(project):
    project.write("migrations/users/R_totals.sql", "CREATE OR REPLACE VIEW {{tables.totals}} AS SELECT 1 AS one;\n")
    project.run("up")
    found = project.run("history", "users", "--json").json
    assert [(each["kind"], each["version"], each["name"]) for each in found["events"]] == [
        ("apply", 1, "create_users"),
        ("apply", 2, "add_name"),
        ("apply", None, "totals"),
    ]
    assert [(each["version"], each["state"], each["steps_done"]) for each in found["ledger"]] == [
        (1, "applied", 1),
        (2, "applied", 1),
        (None, "applied", 1),
    ]
    assert all(each["seconds"] >= 0 for each in found["ledger"])


def test_the_limit_keeps_the_latest(project):
    project.run("up")
    found = project.run("history", "--limit", "1", "users", "--json").json
    assert [each["name"] for each in found["events"]] == ["add_name"]


def test_a_failure_and_its_repair_are_told(project):
    text = "-- poolhouse: no-transaction\nCREATE TABLE {{tables.a}} (id int);\nDO $$ BEGIN PERFORM 1/0; END $$;\n"
    project.write("migrations/users/0003_half.sql", text)
    project.run("up")
    project.run("repair", "users/3", "--mark-applied")
    lines = project.run("history", "users").out.splitlines()
    assert "0003_half" in lines[-2]
    assert "division by zero" in lines[-2]
    assert lines[-1].endswith("mark-applied")


def test_a_limit_that_is_none_is_refused(project):
    assert project.run("history", "--limit", "0").code == MISUSED


def test_a_role_that_may_not_look_is_told_what_to_grant(project, monkeypatch):
    project.run("up")
    role = f"looker_{project.module[-8:]}"
    project.execute(f"CREATE ROLE {role} LOGIN")
    try:
        monkeypatch.setenv("SHOP_DATABASE__DSN", re.sub(r"//[^@]*@", f"//{role}@", project.dsn))
        outcome = project.run("history")
        assert outcome.code == FAILED
        assert "GRANT" in outcome.err
    finally:
        project.execute(f"DROP ROLE {role}")

"""`status`: how the schemas stand."""

from __future__ import annotations

import re

import pytest

PENDING, FAILED = 1, 3


def states(project):
    return {each["module"]: each["state"] for each in project.run("status", "--json").json["modules"]}


def test_an_empty_database_has_everything_pending(project):
    outcome = project.run("status")
    assert outcome.code == 0
    assert re.search(r"^users +users +- +pending +pending: 0001_create_users.sql, 0002_", outcome.out, re.MULTILINE)


def test_looking_changes_nothing(project):
    project.run("status")
    assert project.fetch("SELECT nspname FROM pg_namespace WHERE nspname IN ('poolhouse', 'users')") == []


def test_exit_code_tells_what_is_pending(project):
    assert project.run("status", "--exit-code").code == PENDING
    project.run("up")
    assert project.run("status", "--exit-code").code == 0


def test_json_has_all_of_it(project):
    project.run("up", "users", "--to", "1")
    found = project.run("status", "users", "--json").json
    assert found == {
        "modules": [
            {
                "module": "users",
                "schema": "users",
                "directory": "migrations/users",
                "state": "pending",
                "version": 1,
                "pending": ["0002_add_name.sql"],
                "held": [],
                "ahead": [],
                "half_done": None,
                "drift": [],
            }
        ]
    }


def test_drift_of_one_module_does_not_hide_how_the_others_stand(project):
    project.run("up", "users")
    project.write("migrations/users/0002_add_name.sql", "ALTER TABLE {{tables.users}} ADD COLUMN nick text;\n")
    assert states(project) == {"users": "drift", "orders": "pending"}
    outcome = project.run("status", "--exit-code")
    assert outcome.code == PENDING
    assert "0002_add_name.sql: it was changed after it had been applied" in outcome.out
    assert "poolhouse migrations repair users/2 --schema users --accept-checksum" in outcome.out


def test_a_schema_that_was_dropped_is_drift(project):
    project.run("up")
    project.execute("DROP SCHEMA users CASCADE")
    assert states(project)["users"] == "drift"


def test_a_database_ahead_of_the_files_is_nothing_to_mend(project):
    project.run("up")
    (project.root / "migrations/users/0002_add_name.sql").unlink()
    assert states(project)["users"] == "ahead"
    assert project.run("status", "--exit-code").code == 0


def test_contract_migrations_are_held(project):
    project.write("migrations/users/0003_drop.sql", "-- poolhouse: phase: contract\nSELECT 1;\n")
    project.run("up")
    outcome = project.run("status", "users", "--exit-code")
    assert outcome.code == 0
    assert "held: 0003_drop.sql" in outcome.out


def test_a_half_done_migration_is_named(project):
    text = "-- poolhouse: no-transaction\nCREATE TABLE {{tables.a}} (id int);\nDO $$ BEGIN PERFORM 1/0; END $$;\n"
    project.write("migrations/users/0003_half.sql", text)
    assert project.run("up").code == FAILED
    found = project.run("status", "users", "--json").json["modules"][0]
    assert (found["state"], found["half_done"]) == ("half done", "0003_half.sql")


@pytest.mark.parametrize("verb", ["status", "plan", "up", "history", "unlock", "verify"])
def test_a_server_that_is_not_there_is_told_without_the_password(offline, monkeypatch, verb):
    monkeypatch.setenv("SHOP_DATABASE__DSN", "postgresql://nobody:geheim@127.0.0.1:1/nothing")
    outcome = offline.run(verb)
    assert outcome.code == FAILED
    assert "no PostgreSQL answers" in outcome.err
    assert "geheim" not in outcome.err

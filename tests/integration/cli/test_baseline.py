"""`baseline`: a schema that was made by other means is taken as migrated."""

from __future__ import annotations

import pytest

FAILED, MISUSED = 3, 2

BY_HAND = "CREATE SCHEMA users; CREATE TABLE users.users (id bigint PRIMARY KEY)"


def states(project):
    return project.fetch("SELECT version, state FROM poolhouse.ledger WHERE module = 'users' ORDER BY version")


def recorded(project):
    return project.fetch("SELECT to_regclass('poolhouse.ledger')::text") != [(None,)] and states(project)


def test_what_is_there_is_recorded_and_not_run(project):
    project.execute(f"{BY_HAND}; ALTER TABLE users.users ADD COLUMN name text; INSERT INTO users.users VALUES (7)")
    outcome = project.run("baseline", "users", "--json")
    assert outcome.json == {"modules": [{"module": "users", "schema": "users", "baselined": [1, 2], "differences": []}]}
    assert states(project) == [(1, "baselined"), (2, "baselined")]
    assert project.fetch("SELECT id FROM users.users") == [(7,)]
    assert project.run("status", "users", "--exit-code").code == 0
    assert project.run("verify", "users", "--exit-code").code == 0
    assert "baseline" in project.run("history", "users").out


def test_up_to_a_version_the_rest_stays_pending(project):
    project.execute(BY_HAND)
    assert project.run("baseline", "users", "--to", "1").code == 0
    assert project.run("up", "users", "--json").json["modules"][0]["applied"] == [2]
    assert states(project) == [(1, "baselined"), (2, "applied")]


def test_a_schema_that_is_not_what_the_migrations_make_is_refused(project):
    project.execute(BY_HAND)
    outcome = project.run("baseline", "users")
    assert outcome.code == FAILED
    assert "table users: column name: missing" in outcome.err
    assert not recorded(project)


def test_differences_can_be_accepted(project):
    project.execute(f"{BY_HAND}; ALTER TABLE users.users ADD COLUMN name text, ADD COLUMN old int")
    outcome = project.run("baseline", "users", "--accept-differences", "--json")
    assert outcome.json["modules"][0]["differences"] == ["table users: column old: unexpected"]
    assert len(states(project)) == 2


@pytest.mark.parametrize("has_view", [True, False])
def test_repeatable_migrations_may_have_been_run_or_not_and_are_run_next(project, has_view):
    view = "CREATE OR REPLACE VIEW {{tables.names}} AS SELECT name FROM {{tables.users}};\n"
    project.write("migrations/users/R_names.sql", view)
    project.execute(f"{BY_HAND}; ALTER TABLE users.users ADD COLUMN name text")
    if has_view:
        project.execute("CREATE VIEW users.names AS SELECT name FROM users.users")
    assert project.run("baseline", "users").code == 0
    assert project.run("up", "users", "--json").json["modules"][0]["repeated"] == ["names"]


def test_what_was_migrated_is_left_alone(project):
    project.run("up", "users")
    outcome = project.run("baseline", "users")
    assert outcome.code == FAILED
    assert "it has migrations already, and is at version 2" in outcome.err
    assert states(project) == [(1, "applied"), (2, "applied")]


def test_a_schema_that_is_not_there_is_refused(project):
    outcome = project.run("baseline", "users")
    assert outcome.code == FAILED
    assert "there is no such schema" in outcome.err
    assert not recorded(project)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Missing argument"),
        (["usres"], "Did you mean users?"),
        (["users", "--to", "7"], "has no version 7"),
        (["users", "orders", "--to", "1"], "--to needs one module"),
    ],
)
def test_what_is_mistyped_is_told(project, arguments, told):
    outcome = project.run("baseline", *arguments)
    assert outcome.code == MISUSED
    assert told in outcome.err

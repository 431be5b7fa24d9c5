"""`repair`: decisions of a person, by the commands that errors name."""

from __future__ import annotations

import re
import shlex

import pytest

FAILED, MISUSED = 3, 2

HALF = "-- poolhouse: no-transaction\nCREATE TABLE {{tables.a}} (id int);\nDO $$ BEGIN PERFORM 1/0; END $$;\n"


@pytest.fixture
def half_done(project):
    project.write("migrations/users/0003_half.sql", HALF)
    outcome = project.run("up")
    assert outcome.code == FAILED
    project.commands = re.findall(r"poolhouse migrations (repair \S+ --schema \S+ --[a-z-]+)", outcome.err)
    return project


def state(project):
    return project.run("status", "users", "--json").json["modules"][0]["state"]


def test_the_error_names_commands_that_can_be_run_as_they_are(half_done):
    assert [command.rpartition(" ")[2] for command in half_done.commands] == [
        "--resume",
        "--mark-applied",
        "--mark-rolled-back",
    ]
    outcome = half_done.run(*shlex.split(half_done.commands[1]))
    assert outcome.code == 0
    assert outcome.out == "users/0003 is recorded as applied in schema 'users'.\n"
    assert state(half_done) == "up to date"


def test_resuming_runs_the_rest(half_done):
    half_done.write("migrations/users/0003_half.sql", HALF.replace("1/0", "1"))
    assert half_done.run("repair", "users/3", "--resume", "--json").json == {
        "module": "users",
        "schema": "users",
        "version": 3,
        "repair": "resume",
    }
    assert state(half_done) == "up to date"


def test_resuming_what_fails_again_fails_again(half_done):
    outcome = half_done.run("repair", "users/3", "--resume")
    assert outcome.code == FAILED
    assert "0003_half.sql:3:1" in outcome.err


def test_what_was_undone_by_hand_is_pending(half_done):
    half_done.execute("DROP TABLE users.a")
    assert half_done.run("repair", "users/3", "--mark-rolled-back").code == 0
    assert state(half_done) == "pending"


def test_a_changed_file_can_be_accepted(project):
    project.run("up")
    project.write("migrations/users/0002_add_name.sql", "ALTER TABLE {{tables.users}} ADD COLUMN name text NULL;\n")
    assert state(project) == "drift"
    assert project.run("repair", "users/0002", "--accept-checksum").code == 0
    assert state(project) == "up to date"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Missing argument"),
        (["users/1"], "there is no repair without a decision"),
        (["users/1", "--resume", "--mark-applied"], "there can be one decision only"),
        (["users", "--resume"], "Write it as MODULE/VERSION"),
        (["users/one", "--resume"], "Write it as MODULE/VERSION"),
        (["users/²", "--resume"], "Write it as MODULE/VERSION"),
        (["/1", "--resume"], "Write it as MODULE/VERSION"),
        (["usres/1", "--resume"], "Did you mean users?"),
        (["users/1", "--resume", "--schema", "orders"], "no schema 'orders' is migrated by users. Known: users"),
    ],
)
def test_what_is_mistyped_is_told(project, arguments, told):
    outcome = project.run("repair", *arguments)
    assert outcome.code == MISUSED
    assert told in outcome.err


@pytest.mark.parametrize("repair", ["--resume", "--mark-applied", "--mark-rolled-back", "--accept-checksum"])
def test_what_is_not_in_need_of_a_repair_is_left_alone(project, repair):
    project.run("up")
    before = project.fetch("TABLE poolhouse.ledger ORDER BY id")
    outcome = project.run("repair", "users/2", repair)
    assert outcome.code == FAILED
    assert "version 2" in outcome.err
    assert project.fetch("TABLE poolhouse.ledger ORDER BY id") == before

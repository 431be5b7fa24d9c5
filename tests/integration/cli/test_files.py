"""`check` and `new`, which ask no database."""

from __future__ import annotations

import re

import pytest

FAILED, MISUSED = 3, 2


def test_checking_lists_the_modules(offline):
    outcome = offline.run("check")
    assert outcome.code == 0
    assert re.search(r"^users +users +migrations/users +2 +0002_add_name.sql$", outcome.out, re.MULTILINE)


def test_checking_gives_json(offline):
    found = offline.run("check", "users", "--json").json["modules"]
    assert found == [
        {
            "module": "users",
            "schema": "users",
            "directory": "migrations/users",
            "files": 2,
            "repeatables": 0,
            "newest": "0002_add_name.sql",
        }
    ]


def test_everything_that_is_wrong_is_told_at_once_with_its_place(offline):
    offline.write("migrations/users/0003_end.sql", "SELECT 1;\nCOMMIT;\n")
    offline.write("migrations/orders/0001_twice.sql", "SELECT 1;\n")
    outcome = offline.run("check")
    assert outcome.code == FAILED
    assert "migrations/users/0003_end.sql:2:1" in outcome.err
    assert "0001_twice.sql" in outcome.err


def test_faults_are_a_list_in_json(offline):
    offline.write("migrations/users/0003_end.sql", "SELECT 1;\nCOMMIT;\n")
    error = offline.run("check", "--json").json["error"]
    assert error["kind"] == "MigrationFilesError"
    assert len(error["violations"]) == 1


def test_only_the_named_modules_are_checked(offline):
    offline.write("migrations/orders/0002_end.sql", "COMMIT;\n")
    assert offline.run("check", "users").code == 0


def test_a_new_migration_gets_the_next_number(offline):
    outcome = offline.run("new", "add_status", "--module", "users")
    assert outcome.code == 0
    assert (offline.root / "migrations/users/0003_add_status.sql").exists()
    assert "migrations/users/0003_add_status.sql" in outcome.out


def test_a_new_repeatable_migration_has_no_number(offline):
    outcome = offline.run("new", "totals", "--module", "users", "--repeatable", "--json")
    assert outcome.json == {"module": "users", "file": "migrations/users/R_totals.sql"}


def test_a_new_migration_passes_the_check_as_it_is(offline):
    offline.run("new", "add_status", "--module", "users")
    assert offline.run("check").code == 0


def test_a_missing_folder_is_made(offline):
    for file in (offline.root / "migrations/users").iterdir():
        file.unlink()
    (offline.root / "migrations/users").rmdir()
    assert offline.run("new", "create_users", "--module", "users").code == 0
    assert (offline.root / "migrations/users/0001_create_users.sql").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["add status", "--module", "users"], "Try add_status"),
        (["../../etc", "--module", "users"], "Try etc"),
        (["x/0001_y", "--module", "users"], "Try x_0001_y"),
        (["", "--module", "users"], "consists of letters"),
        (["add_status"], "Say one with --module: users, orders"),
        (["add_status", "--module", "user"], "Did you mean users?"),
        ([], "Missing argument"),
    ],
)
def test_what_is_mistyped_is_told(offline, arguments, told):
    before = sorted(offline.root.rglob("*.sql"))
    outcome = offline.run("new", *arguments)
    assert outcome.code == MISUSED
    assert told in outcome.err
    assert sorted(offline.root.rglob("*.sql")) == before


def test_an_existing_file_is_not_overwritten(offline):
    kept = offline.write("migrations/users/R_totals.sql", "SELECT 1;\n")
    outcome = offline.run("new", "totals", "--module", "users", "--repeatable")
    assert outcome.code == MISUSED
    assert "it exists already" in outcome.err
    assert kept.read_text() == "SELECT 1;\n"

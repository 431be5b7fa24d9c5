"""`squash`: one migration in the place of several."""

from __future__ import annotations

import shutil

import pytest

FAILED, MISUSED = 3, 2
NEW = "migrations/users/0003_squashed.sql"


def recorded(project):
    query = "SELECT version, state FROM poolhouse.ledger WHERE module = 'users' ORDER BY version"
    return project.fetch(query)


def names(project):
    return sorted(file.name for file in (project.root / "migrations/users").iterdir())


def columns(project):
    query = "SELECT attname FROM pg_attribute WHERE attrelid = 'users.users'::regclass AND attnum > 0 ORDER BY attnum"
    return [row[0] for row in project.fetch(query)]


def test_it_writes_one_file_and_leaves_the_others(project):
    outcome = project.run("squash", "users", "--json")
    assert outcome.json == {
        "module": "users",
        "file": NEW,
        "replaced": ["migrations/users/0001_create_users.sql", "migrations/users/0002_add_name.sql"],
        "removed": False,
    }
    assert (project.root / NEW).read_text().startswith("-- poolhouse: replaces: 0001..0002\n")
    assert len(names(project)) == 3
    assert project.run("check").code == 0


def test_a_new_schema_is_installed_by_it_alone(project):
    project.run("squash", "users")
    assert project.run("up", "users", "--json").json["modules"][0]["applied"] == [3]
    assert columns(project) == ["id", "name"]
    assert recorded(project) == [(3, "applied")]
    assert project.run("verify", "users", "--exit-code").code == 0


def test_where_all_are_applied_it_is_only_recorded(project):
    project.run("up", "users")
    project.run("squash", "users")
    assert project.run("up", "users").code == 0
    assert recorded(project) == [(1, "applied"), (2, "applied"), (3, "baselined")]
    assert project.run("status", "users", "--exit-code").code == 0
    assert project.run("verify", "users", "--exit-code").code == 0


def test_where_some_are_applied_the_rest_is_applied_first(project):
    project.run("up", "users", "--to", "1")
    project.run("squash", "users")
    assert project.run("status", "users", "--json").json["modules"][0]["pending"] == [
        "0002_add_name.sql",
        "0003_squashed.sql",
    ]
    project.run("up", "users")
    assert columns(project) == ["id", "name"]
    assert recorded(project) == [(1, "applied"), (2, "applied"), (3, "baselined")]


@pytest.mark.parametrize("before", ["nothing", "some", "all"])
def test_with_and_without_the_old_files_all_paths_meet(project, before):
    """A schema of any state, one release with both and one release without the old files, end in the same."""
    {
        "nothing": lambda: None,
        "some": lambda: project.run("up", "users", "--to", "1"),
        "all": lambda: project.run("up", "users"),
    }[before]()
    project.run("squash", "users")
    project.run("up", "users")
    assert project.run("squash", "users", "--remove-replaced").code == 0
    assert names(project) == ["0003_squashed.sql"]
    project.write("migrations/users/0004_more.sql", "ALTER TABLE {{tables.users}} ADD COLUMN more int;\n")
    assert project.run("up", "users").code == 0
    assert columns(project) == ["id", "name", "more"]
    assert [version for version, state in recorded(project) if state != "withdrawn"] == [3, 4]
    digest = project.fetch("SELECT version, encode(digest, 'hex') FROM poolhouse.head WHERE module = 'users'")
    project.execute("DROP SCHEMA users CASCADE; DROP SCHEMA poolhouse CASCADE")
    project.run("up", "users")
    assert project.fetch("SELECT version, encode(digest, 'hex') FROM poolhouse.head WHERE module = 'users'") == digest
    assert project.run("verify", "users", "--exit-code").code == 0


def test_a_release_from_before_it_still_starts(project):
    project.run("up", "users")
    old = project.root / "old"
    shutil.copytree(project.root / "migrations/users", old)
    project.run("squash", "users")
    project.run("up", "users")
    shutil.rmtree(project.root / "migrations/users")
    shutil.move(old, project.root / "migrations/users")
    assert project.run("status", "users", "--json").json["modules"][0]["state"] == "ahead"
    assert project.run("up", "users").code == 0


def test_the_old_files_stay_as_long_as_the_schema_needs_them(project):
    project.run("up", "users", "--to", "1")
    project.run("squash", "users")
    outcome = project.run("squash", "users", "--remove-replaced")
    assert outcome.code == FAILED
    assert "Apply what is pending first" in outcome.err
    assert len(names(project)) == 3


def test_without_the_old_files_a_schema_that_has_some_of_them_is_refused(project):
    project.run("up", "users", "--to", "1")
    project.run("squash", "users")
    for name in ("0001_create_users.sql", "0002_add_name.sql"):
        (project.root / "migrations/users" / name).unlink()
    outcome = project.run("up", "users")
    assert outcome.code == FAILED
    assert "has those up to 1, and the files of the rest are gone" in outcome.err
    assert project.run("status", "users", "--json").json["modules"][0]["state"] == "drift"


def test_an_edit_that_makes_something_else_does_not_pass_the_proof(project):
    project.run("squash", "users")
    project.write(NEW, (project.root / NEW).read_text().replace("name text", "name varchar(80)"))
    outcome = project.run("squash", "users", "--prove")
    assert outcome.code == FAILED
    assert "table users: column name" in outcome.err
    assert project.run("squash", "users", "--remove-replaced").code == FAILED
    assert len(names(project)) == 3


def test_an_edit_that_makes_the_same_passes_the_proof(project):
    project.run("squash", "users")
    text = "-- poolhouse: replaces: 1..2\nCREATE TABLE {{tables.users}} (id bigint PRIMARY KEY, name text);\n"
    project.write(NEW, text)
    outcome = project.run("squash", "users", "--prove")
    assert outcome.code == 0
    assert "makes what these make: 0001_create_users.sql, 0002_add_name.sql." in outcome.out


def test_what_no_transaction_can_hold_is_put_into_one(project):
    text = (
        "-- poolhouse: no-transaction\nCREATE INDEX CONCURRENTLY by_name ON {{tables.users}} (name); ANALYZE;"
        "\nDROP INDEX CONCURRENTLY by_name; -- gone\nCREATE INDEX CONCURRENTLY by_id ON {{tables.users}} (id)"
    )
    project.write("migrations/users/0003_index.sql", text)
    assert project.run("squash", "users", "--name", "all").code == 0
    assert "CONCURRENTLY" not in (project.root / "migrations/users/0004_all.sql").read_text()
    project.run("up", "users")
    assert recorded(project) == [(4, "applied")]
    assert project.fetch("SELECT indexname FROM pg_indexes WHERE schemaname = 'users' ORDER BY 1") == [
        ("by_id",),
        ("users_pkey",),
    ]


def test_it_can_be_squashed_again(project):
    project.run("up", "users")
    project.run("squash", "users")
    project.write("migrations/users/0004_more.sql", "ALTER TABLE {{tables.users}} ADD COLUMN more int;\n")
    outcome = project.run("squash", "users", "--json")
    assert outcome.json["replaced"] == [NEW, "migrations/users/0004_more.sql"]
    text = (project.root / "migrations/users/0005_squashed.sql").read_text()
    assert text.startswith("-- poolhouse: replaces: 0001..0004\n")
    project.run("up", "users")
    assert columns(project) == ["id", "name", "more"]
    assert project.run("squash", "users", "--remove-replaced").code == 0
    assert project.run("status", "users", "--exit-code").code == 0


def test_what_other_modules_wait_for_is_kept(project):
    project.write("migrations/orders/0002_more.sql", "-- poolhouse: depends: users/0002\nTABLE users.users;\n")
    project.run("squash", "users")
    assert project.run("up").code == 0
    assert project.run("status", "--exit-code").code == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ALTER TYPE {{tables.kind}} ADD VALUE 'b';\n", "0003_x.sql:1:1"),
        ("-- poolhouse: no-transaction\nCREATE DATABASE other;\n", "no form that runs in a transaction"),
    ],
)
def test_what_cannot_be_one_transaction_is_refused(project, text, told):
    project.write("migrations/users/0003_x.sql", text)
    outcome = project.run("squash", "users")
    assert outcome.code == FAILED
    assert told in outcome.err
    assert "replaces: 0001..0003" in outcome.err
    assert len(names(project)) == 3


def test_bodies_that_would_become_templates_are_refused(project):
    body = "DO $$ BEGIN RAISE NOTICE '{0}'; END $$;\n"
    project.write("migrations/users/0003_a.sql", body.format("{{ kept }}"))
    project.write("migrations/users/0004_b.sql", f"-- poolhouse: template-bodies\n{body.format('{{schema}}')}")
    outcome = project.run("squash", "users")
    assert outcome.code == FAILED
    assert "0003_a.sql:1:4: a body with {{" in outcome.err


def test_a_failure_leaves_no_file(project):
    project.write("migrations/users/0003_x.sql", "SELECT nonsense;\n")
    assert project.run("squash", "users").code == FAILED
    assert len(names(project)) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], MISUSED, "Missing argument"),
        (["usres"], MISUSED, "Did you mean users?"),
        (["users", "--name", "a b"], MISUSED, "Try a_b"),
        (["users", "--prove", "--remove-replaced"], MISUSED, "Leave --prove out"),
        (["users", "--prove"], FAILED, "no migration replaces others"),
        (["users", "--remove-replaced"], FAILED, "no migration replaces others"),
        (["orders"], FAILED, "there is one migration to squash"),
    ],
)
def test_what_is_mistyped_is_told(project, arguments, code, told):
    outcome = project.run("squash", *arguments)
    assert outcome.code == code
    assert told in outcome.err
    assert len(names(project)) == 2

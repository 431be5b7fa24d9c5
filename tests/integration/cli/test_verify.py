"""`verify`: the schemas against a replay of their migrations."""

from __future__ import annotations

PENDING = 1


def test_what_the_migrations_make_is_clean(project):
    project.run("up")
    outcome = project.run("verify", "--exit-code")
    assert outcome.code == 0
    assert "schema 'users' (users 2): as its migrations make it" in outcome.out


def test_what_they_did_not_make_is_told(project):
    project.run("up")
    project.execute("ALTER TABLE users.users ADD COLUMN by_hand int")
    outcome = project.run("verify", "--exit-code")
    assert outcome.code == PENDING
    assert "table users: column by_hand: unexpected" in outcome.out
    assert project.run("verify").code == 0
    assert project.run("verify", "orders", "--exit-code").code == 0


def test_json_has_every_difference(project):
    project.run("up")
    project.execute("ALTER TABLE users.users ALTER COLUMN name SET NOT NULL")
    (found,) = project.run("verify", "users", "--json").json["schemas"]
    assert (found["schema"], found["versions"], found["clean"]) == ("users", {"users": 2}, False)
    assert found["differences"][0]["place"] == "table users: column name"
    assert found["differences"][0].keys() == {"place", "kind", "name", "aspect", "expected", "actual"}


def test_grants_can_be_left_out(project):
    project.run("up")
    project.execute("GRANT SELECT ON users.users TO PUBLIC")
    assert project.run("verify", "--exit-code").code == PENDING
    assert project.run("verify", "--exit-code", "--no-grants").code == 0


def test_what_was_not_applied_is_not_expected(project):
    project.write("migrations/users/0003_drop.sql", "-- poolhouse: phase: contract\nDROP TABLE {{tables.users}};\n")
    project.write("migrations/users/R_names.sql", "CREATE OR REPLACE VIEW {{tables.names}} AS SELECT 1 AS one;\n")
    project.run("up")
    project.write("migrations/users/0004_more.sql", "CREATE TABLE {{tables.more}} (id int);\n")
    assert project.run("verify", "users", "--exit-code").out.startswith("schema 'users' (users 2): as its migrations")

"""`roles`, and what `migrations up` does about them."""

from __future__ import annotations

import json
import re
import subprocess
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from poolhouse.cli.root import root
from poolhouse.embedded.locator import locate_binaries
from poolhouse.testing.databases import role_prefix
from tests.integration.cli.conftest import Outcome

PENDING, MISUSED, FAILED = 1, 2, 3
PSQL = locate_binaries() / "psql"
READING = 'schema="orders", reads=["users.users"]'


def roles(*arguments):
    result = CliRunner().invoke(root, ["roles", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return Outcome(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def shop(project, monkeypatch):
    """A project whose services have roles, of which `orders` reads a table of `users`."""
    prefix = role_prefix(project.dsn)
    monkeypatch.setenv("SHOP_DATABASE__ROLE_PREFIX", prefix)
    monkeypatch.setenv("SHOP_DATABASE__SERVICE_ROLES", "managed")
    application = project.root / f"{project.module}.py"
    application.write_text(application.read_text().replace('schema="orders"', READING))
    project.prefix = prefix
    return project


@pytest.fixture
def login(shop, monkeypatch):
    """Connect the application as a role that owns what it migrates, and may not create roles; returns its name."""
    name = f"{shop.prefix}app"
    (database,) = shop.fetch("SELECT quote_ident(current_database())")[0]
    shop.execute(f'CREATE ROLE "{name}" LOGIN PASSWORD \'geheim\'; GRANT CREATE ON DATABASE {database} TO "{name}"')
    parts = urlsplit(shop.dsn)
    query = f"?{parts.query}" if parts.query else ""
    hosts = parts.netloc.rpartition("@")[2]
    monkeypatch.setenv("SHOP_DATABASE__DSN", f"postgresql://{name}:geheim@{hosts}{parts.path}{query}")
    return name


def made(shop):
    """The services that have a role."""
    sql = "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1) AND NOT rolcanlogin ORDER BY rolname"
    return [row[0].removeprefix(shop.prefix) for row in shop.fetch(sql, shop.prefix)]


def may(shop, service, privilege, table):
    (answer,) = shop.fetch("SELECT has_table_privilege($1, $2, $3)", f"{shop.prefix}{service}", table, privilege)[0]
    return answer


def test_a_migration_of_everything_establishes_roles_too(shop):
    outcome = shop.run("up")
    assert outcome.code == 0
    assert outcome.out.endswith("Roles: 2 established, 0 in place.\n")
    assert made(shop) == ["orders", "users"]
    assert may(shop, "orders", "SELECT", "users.users")
    assert "0 established, 2 in place" in shop.run("up").out
    assert roles("status", "--exit-code").code == 0


def test_programs_are_told_which_statements_were_run(shop):
    found = shop.run("up", "--json").json
    assert [each["service"] for each in found["roles"]] == ["orders", "users"]
    assert f'CREATE ROLE "{shop.prefix}users" NOLOGIN;' in found["roles"][1]["statements"]
    assert [each["statements"] for each in shop.run("up", "--json").json["roles"]] == [[], []]


@pytest.mark.parametrize("arguments", [["--no-roles"], ["users"], ["--dry-run"], ["users", "--to", "1"]])
def test_roles_are_left_alone_where_not_everything_is_migrated_or_that_was_asked_for(shop, arguments):
    outcome = shop.run("up", *arguments)
    assert outcome.code == 0
    assert "Roles" not in outcome.out
    assert made(shop) == []


@pytest.mark.parametrize("mode", ["existing", "off"])
def test_a_migration_leaves_roles_alone_where_they_are_not_managed(shop, monkeypatch, mode):
    monkeypatch.setenv("SHOP_DATABASE__SERVICE_ROLES", mode)
    outcome = shop.run("up", "--json")
    assert (outcome.code, outcome.json["roles"]) == (0, None)
    assert made(shop) == []


def test_a_login_that_may_not_create_roles_keeps_its_migrations_and_is_told_the_sql(shop, login):
    outcome = shop.run("up")
    assert outcome.code == FAILED
    assert shop.tables() == ["orders.orders", "users.users"]
    assert "The migrations stay applied; --no-roles leaves" in outcome.out
    assert "permission denied to create role" in outcome.err
    assert f'CREATE ROLE "{shop.prefix}users" NOLOGIN;' in outcome.err
    found = shop.run("up", "--json").json
    assert (found["error"]["kind"], found["roles"]) == ("ServiceRolesError", None)
    assert [each["module"] for each in found["modules"]] == ["users", "orders"]
    assert shop.run("up", "--no-roles").code == 0


def test_what_an_administrator_runs_of_the_plan_in_psql_is_enough(shop, login):
    shop.run("up", "--no-roles")
    script = roles("plan")
    assert (script.code, made(shop)) == (0, [])
    done = subprocess.run([PSQL, "-X", "-q", shop.dsn], input=script.out, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert roles("status", "--exit-code").code == 0
    assert roles("plan", "--exit-code").out == "-- Nothing is missing.\n"
    assert shop.run("up").code == 0


def test_the_plan_names_in_comments_what_does_not_exist_yet(shop):
    script = roles("plan", "--json", "--exit-code")
    assert script.code == PENDING
    found = script.json
    assert found["pending"] is True
    comments = [line for line in found["sql"].splitlines() if line.startswith("-- role")]
    assert f"-- role '{shop.prefix}users' has no rights to users, which does not exist" in comments
    assert [line for line in found["sql"].splitlines() if line.startswith("GRANT")] == []


def test_a_line_break_in_a_name_ends_no_comment(shop):
    application = shop.root / f"{shop.module}.py"
    application.write_text(application.read_text().replace('["users.users"]', "['users.\"a\\nSELECT 1/0;\"']"))
    assert all(re.match(r"--|\\set|CREATE ROLE|$", line) for line in roles("plan").out.splitlines())


def test_the_status_says_what_is_missing_and_changes_nothing(shop, login):
    outcome = roles("status")
    assert outcome.code == 0
    assert re.search(rf"^users +{shop.prefix}users +missing +2 missing, 1 waiting$", outcome.out, re.MULTILINE)
    assert f"- role '{shop.prefix}users' cannot be taken on by '{login}'" in outcome.out
    assert made(shop) == []
    found = roles("status", "--json", "--exit-code")
    assert found.code == PENDING
    assert [(each["service"], each["state"]) for each in found.json["roles"]] == [
        ("orders", "missing"),
        ("users", "missing"),
    ]
    assert "geheim" not in outcome.out + found.out


def test_up_is_for_a_job_before_replicas_that_only_check(shop, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE__SERVICE_ROLES", "existing")
    shop.run("up")
    outcome = roles("up")
    assert outcome.code == 0
    assert re.search(rf"^users +{shop.prefix}users +\d+ statements run$", outcome.out, re.MULTILINE)
    assert may(shop, "users", "DELETE", "users.users")
    again = roles("up", "--json").json
    assert [each["statements"] for each in again["roles"]] == [[], []]


def test_up_takes_back_what_is_declared_no_more(shop):
    shop.run("up")
    application = shop.root / f"{shop.module}.py"
    application.write_text(application.read_text().replace(READING, 'schema="orders"'))
    (shop.root / f"{shop.module}_next.py").write_text(application.read_text())
    options = ("--container", f"{shop.module}_next:ApplicationContainer", "--settings", f"{shop.module}_next:Settings")
    assert "still has rights to users.users" in roles("status", *options).out
    assert roles("up", *options).code == 0
    assert not may(shop, "orders", "SELECT", "users.users")


def test_up_goes_over_the_dsn_for_migrating(shop, login, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE__MIGRATION_DSN", shop.dsn)
    shop.run("up", "--no-roles")
    assert roles("up").code == 0
    assert roles("status", "--exit-code").code == 0
    (is_member,) = shop.fetch("SELECT pg_has_role($1, $2, 'MEMBER')", login, f"{shop.prefix}users")[0]
    assert is_member


def test_up_tells_a_login_that_may_not_what_an_administrator_runs(shop, login):
    shop.run("up", "--no-roles")
    outcome = roles("up")
    assert outcome.code == FAILED
    assert f'CREATE ROLE "{shop.prefix}orders" NOLOGIN;' in outcome.err
    assert json.loads(roles("up", "--json").out)["error"]["kind"] == "ServiceRolesError"


def test_no_sql_gives_a_superusers_role_away(shop, login):
    shop.execute(f'CREATE ROLE "{shop.prefix}users" SUPERUSER')
    for outcome in (roles("plan"), roles("up")):
        assert (outcome.code, outcome.out) == (FAILED, "")
        assert "is a superuser's, to whom nothing is denied" in outcome.err
        assert f'GRANT "{shop.prefix}users"' not in outcome.err
    assert re.search(r"^users .* taken ", roles("status").out, re.MULTILINE)


@pytest.mark.parametrize("verb", ["status", "plan", "up"])
def test_without_roles_nothing_is_looked_at(shop, monkeypatch, verb):
    monkeypatch.setenv("SHOP_DATABASE__SERVICE_ROLES", "off")
    assert roles(verb, "--json").code == 0
    assert verb == "plan" or "service_roles is off" in roles(verb).out
    assert made(shop) == []


@pytest.mark.parametrize("mode", ["managed", "existing"])
def test_verify_expects_what_the_roles_of_services_were_given(shop, monkeypatch, mode):
    shop.run("up")
    monkeypatch.setenv("SHOP_DATABASE__SERVICE_ROLES", mode)
    outcome = shop.run("verify", "--exit-code")
    assert (outcome.code, len(outcome.out.splitlines())) == (0, 2), outcome


def test_verify_tells_a_right_that_is_missing_and_one_that_nobody_declared(shop):
    shop.run("up")
    shop.execute(f'REVOKE DELETE ON users.users FROM "{shop.prefix}users"')
    shop.execute(f'GRANT SELECT ON orders.orders TO "{shop.prefix}users"')
    outcome = shop.run("verify", "--exit-code")
    assert outcome.code == PENDING
    # Quoted where its random prefix begins with a digit.
    out, role = outcome.out.replace('"', ""), f"{shop.prefix}users"
    assert f"grants to {role} INSERT, SELECT, UPDATE, expected DELETE, INSERT, SELECT, UPDATE" in out
    assert f"table orders: grants to {role} SELECT, expected none" in out
    assert shop.run("verify", "--exit-code", "--no-grants").code == 0


def test_verify_tells_roles_that_were_never_made(shop):
    shop.run("up", "--no-roles")
    (users, _) = sorted(shop.run("verify", "--json").json["schemas"], key=lambda each: each["schema"], reverse=True)
    assert [each["place"] for each in users["differences"]] == [
        f"role {shop.prefix}orders",
        f"role {shop.prefix}users",
    ]


@pytest.mark.parametrize("has_roles", [True, False], ids=["with rights", "without"])
def test_a_baseline_is_taken_whether_roles_have_their_rights_already_or_not(shop, has_roles):
    shop.run("up", *([] if has_roles else ["--no-roles"]))
    shop.execute("DROP SCHEMA poolhouse CASCADE")
    outcome = shop.run("baseline", "users", "--json")
    assert [each["differences"] for each in outcome.json["modules"]] == [[]]

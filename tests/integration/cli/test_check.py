"""`poolhouse check`, which asks no database."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from poolhouse.cli.root import root

PENDING, MISUSED = 1, 2

ROUTES = """
from typing import Annotated

from poolhouse.integrations.fastapi import Inject, Router
from poolhouse.schema import SchemaManager

router = Router()


@router.get("/users")
def users(db: Annotated[SchemaManager, Inject("{name}")]) -> None: ...
"""


def check(*arguments):
    result = CliRunner().invoke(root, ["check", *arguments], env={"COLUMNS": "200"})
    assert "Traceback" not in result.output
    return result


def spoil(offline, *changes):
    file = offline.root / f"{offline.module}.py"
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


def declare_routers(offline, routers):
    module = offline.module
    offline.declare(container=f"{module}:ApplicationContainer", settings=f"{module}:Settings", routers=routers)


def test_a_wiring_with_nothing_wrong_is_said_to_be_so(offline):
    result = check()
    assert (result.exit_code, result.stdout) == (0, "Nothing is wrong with the wiring.\n")


def test_everything_wrong_is_told_at_once_with_its_line(offline):
    spoil(offline, ('users, "migrations/users"', 'users, "migrations/user"'), ('schema="orders"', 'schma="orders"'))
    offline.write("migrations/orders/0002_end.sql", "COMMIT;\n")
    result = check()
    assert result.exit_code == MISUSED
    assert "ApplicationContainer: 3 things are wrong:" in result.stderr
    assert (
        f"{offline.module}.py:27 ApplicationContainer.orders: SchemaManager takes no argument 'schma'" in result.stderr
    )
    assert "is called without its argument 'schema'" in result.stderr
    assert "migrations/user: there is no such folder" in result.stderr


def test_faults_are_a_list_in_json(offline):
    spoil(offline, ("provided.embedded", "provided.embeded"))
    error = json.loads(check("--json").stdout)["error"]
    assert error["kind"] == "ContainerError"
    [fault] = error["violations"]
    assert "has no attribute 'embeded'" in fault


def test_what_may_be_wrong_is_told_and_asked_for_by_the_exit_code(offline, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE__MAX_CONNECTIONS", '{"user": 2}')
    found = json.loads(check("--json").stdout)
    assert found["container"] == "ApplicationContainer"
    assert [each["remedy"] for each in found["doubts"]] == ["Did you mean 'users'?"]
    assert "see whether this is meant" in check().stdout
    assert check().exit_code == 0
    assert check("--exit-code").exit_code == PENDING


def test_routers_are_checked_where_they_are_named(offline):
    name = f"routes_{offline.module}"
    offline.write(f"{name}.py", ROUTES.format(name="user"))
    declare_routers(offline, f"{name}:router")
    result = check()
    assert result.exit_code == MISUSED
    assert f"{name}.py:10 users(db): the container has no provider 'user'. Did you mean 'users'?" in result.stderr


def test_routers_with_nothing_wrong_are_counted(offline):
    name = f"routes_{offline.module}"
    offline.write(f"{name}.py", ROUTES.format(name="users") + "\nrouters = (router, router)\n")
    declare_routers(offline, f"{name}:routers")
    assert json.loads(check("--json").stdout)["routers"] == 2


@pytest.mark.parametrize("routers", ["json:JSONEncoder", "string:ascii_letters"])
def test_what_is_no_router_is_refused(offline, routers):
    declare_routers(offline, routers)
    result = check()
    assert result.exit_code == MISUSED
    assert "no router of poolhouse" in result.stderr


# All profiles

BY_PROFILE = """
    gateway = providers.Selector(
        settings.provided.profile,
        development=providers.Object(None),
        test=providers.Object(None),
        staging=providers.Factory(SchemaManager, pool, schma="gateway"),
        production=providers.Object(None),
    )
    cache = providers.Resource(refused)
"""


def test_what_no_profile_has_wrong_is_said_of_all(offline):
    result = check("--all-profiles")
    assert (result.exit_code, result.stdout) == (0, "Nothing is wrong with the wiring in any profile.\n")


def test_what_is_not_set_here_is_named_and_no_fault(offline, monkeypatch):
    monkeypatch.delenv("SHOP_DATABASE__DSN")
    result = check("--all-profiles")
    assert result.exit_code == 0
    assert "In production is required, and not set here: SHOP_DATABASE__DSN." in result.stdout
    assert "In test" not in result.stdout
    found = json.loads(check("--all-profiles", "--json").stdout)["profiles"]
    assert found[-1] == {"profile": "production", "missing": ["SHOP_DATABASE__DSN"]}
    assert [each["missing"] for each in found[:2]] == [[], []]


def test_each_thing_that_is_wrong_is_told_once_with_its_profiles(offline, monkeypatch):
    spoil(offline, ("    cache = providers.Resource(refused)\n", BY_PROFILE))
    offline.write(".env.staging", "SHOP_DATABASE__DNS=c4n4ry\n")
    offline.write(".env", 'SHOP_DATABASE__MAX_CONNECTIONS={"users": 7}\n')
    offline.write(".env.production", "SHOP_DATABASE__MAX_SIZE=7\n")
    result = check("--all-profiles")
    assert result.exit_code == MISUSED
    assert "the profiles: 4 things are wrong:" in result.stderr
    assert "  - staging: .env.staging:1 SHOP_DATABASE__DNS: there is no such setting. Did you mean" in result.stderr
    assert "  - test: .env:1 SHOP_DATABASE__MAX_CONNECTIONS__USERS: 7 is above max_size (5)" in result.stderr
    assert "  - development, production: " in result.stderr
    assert "SchemaManager takes no argument 'schma'" in result.stderr
    assert "c4n4ry" not in result.stderr
    assert json.loads(check("--all-profiles", "--json").stdout)["error"]["kind"] == "ProfilesError"


def test_one_profile_is_checked_with_every_choice(offline):
    spoil(offline, ("    cache = providers.Resource(refused)\n", BY_PROFILE))
    result = check()
    assert result.exit_code == MISUSED
    assert "ApplicationContainer.gateway: SchemaManager takes no argument 'schma'" in result.stderr


def test_doubts_of_any_profile_are_told(offline):
    offline.write(".env.production", 'SHOP_DATABASE__MAX_CONNECTIONS={"user": 2}\n')
    assert check("--exit-code").exit_code == 0
    result = check("--all-profiles", "--exit-code")
    assert result.exit_code == PENDING
    assert "Nothing is wrong in any profile; but see whether this is meant:" in result.stdout


def test_the_help_has_examples_the_keys_of_json_and_exit_codes():
    text = check("--help").stdout
    assert "Example: poolhouse check --json --exit-code" in text
    assert "JSON: {container" in text
    assert "Exit codes: 0 nothing is wrong" in text

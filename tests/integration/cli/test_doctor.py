"""`poolhouse doctor`: what a real server says, and what is made of it."""

from __future__ import annotations

import json
import os
import re
import uuid
from urllib.parse import urlsplit

import asyncpg
import pytest
from typer.testing import CliRunner

from poolhouse.cli.examining import ask, is_loopback, is_verified
from poolhouse.cli.root import root
from poolhouse.settings import DatabaseSettings
from tests.integration.migrations.test_pooler import pooled  # noqa: F401 - a fixture

BAD, MISUSED, FAILED = 1, 2, 3


def doctor(*arguments):
    return CliRunner().invoke(root, ["doctor", *arguments])


def findings(*arguments):
    """Run it, and return what is not fine, by what it is about."""
    result = doctor(*arguments, "--json")
    assert result.exit_code == 0, result.output
    (pool,) = json.loads(result.stdout)["pools"]
    return {each["place"]: each for each in pool["findings"] if each["level"] != "fine"}


@pytest.fixture
def production(project, monkeypatch):
    monkeypatch.setenv("SHOP_PROFILE", "production")
    monkeypatch.delenv("SHOP_DATABASE__SERVICE_ROLES")
    return project


@pytest.fixture
def role(project, monkeypatch):
    """The name of a new role that the application connects as."""
    name = f"poolhouse_test_{uuid.uuid4().hex[:16]}"
    project.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'geheim'")
    parts = urlsplit(project.dsn)
    hosts = parts.netloc.rpartition("@")[2]
    query = f"?{parts.query}" if parts.query else ""
    monkeypatch.setenv("SHOP_DATABASE__DSN", f"postgresql://{name}:geheim@{hosts}{parts.path}{query}")
    yield name
    project.execute(f"DROP ROLE {name}")


def test_people_are_told_what_fits(project):
    result = doctor()
    assert result.exit_code == 0
    assert re.search(r"^LEVEL +ABOUT +FINDING$", result.stdout, re.MULTILINE)
    assert re.search(r"^fine +the server +PostgreSQL \d+\.\d+ is supported$", result.stdout, re.MULTILINE)
    assert re.search(r"^fine +max_size +a process with 10 connections and 1 for migr", result.stdout, re.MULTILINE)


def test_programs_are_told_the_same(project):
    found = json.loads(doctor("--json", "--processes", "2").stdout)
    (pool,) = found["pools"]
    assert (pool["address"], pool["processes"]) != ("", 1)
    assert project.fetch("SELECT current_database()")[0][0] in pool["address"]
    assert pool["findings"][-1].keys() == {"level", "place", "fact", "remedy"}


def test_a_pool_that_is_too_large_for_the_server_is_a_fault(project):
    (limit,) = project.fetch("SELECT current_setting('max_connections')::int")[0]
    found = findings("--processes", str(limit))["max_size"]
    assert found["level"] == "fault"
    assert f"max_connections {limit}" in found["fact"]


def test_exit_code_tells_of_faults(project):
    assert doctor("--processes", "1000").exit_code == 0
    assert doctor("--processes", "1000", "--exit-code").exit_code == BAD
    assert doctor("--exit-code").exit_code == 0


def test_it_changes_nothing_and_leaves_no_connection(project):
    doctor()
    assert project.fetch("SELECT nspname FROM pg_namespace WHERE nspname IN ('poolhouse', 'users')") == []
    sessions = "pg_stat_activity WHERE datname = current_database() AND starts_with(application_name, 'poolhouse')"
    assert project.fetch(f"SELECT pid FROM {sessions}") == []


def test_what_was_set_for_the_role_is_told(project, production, role, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE__SERVICE_ROLES", "managed")
    project.execute(f"ALTER ROLE {role} CONNECTION LIMIT 4")
    project.execute(f"ALTER ROLE {role} SET statement_timeout = '20s'")
    project.execute(f"ALTER ROLE {role} SET idle_session_timeout = '90s'")
    project.execute(f"ALTER ROLE {role} SET search_path = legacy, pg_catalog")
    monkeypatch.setenv("SHOP_DATABASE__COMMAND_TIMEOUT", "60")
    found = findings()
    assert f"the role '{role}' has a CONNECTION LIMIT of 4" in found["max_size"]["fact"]
    assert "ends statements after 20 s" in found["command_timeout"]["fact"]
    assert "idles for 90 s" in found["the server's idle_session_timeout"]["fact"]
    assert "search_path was set to legacy, pg_catalog" in found["the role or the database"]["fact"]
    assert found["the server's idle_in_transaction_session_timeout"]["level"] == "advice"
    assert "may not create roles" in found["service_roles"]["fact"]
    assert "geheim" not in json.dumps(found)


def test_what_was_set_for_the_database_is_told(project, role):
    (name,) = project.fetch("SELECT current_database()")[0]
    project.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 7')
    project.execute(f"ALTER DATABASE \"{name}\" SET idle_in_transaction_session_timeout = '2s'")
    found = findings()
    assert "has a CONNECTION LIMIT of 7" in found["max_size"]["fact"]
    assert "idles for 2 s" in found["the server's idle_in_transaction_session_timeout"]["fact"]


def test_a_limit_for_what_is_no_service_is_told(project, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE__MAX_CONNECTIONS", '{"user": 2}')
    assert findings()["max_connections"]["remedy"] == "Did you mean users?"


def test_managers_of_many_schemas_are_passed_over(project):
    application = project.root / f"{project.module}.py"
    tenants = 'tenants = providers.Factory(SchemaManager, pool, service="tenants")\n    users ='
    application.write_text(application.read_text().replace("users =", tenants, 1))
    assert doctor().exit_code == 0


def test_a_pooler_is_told(project, pooled, monkeypatch):  # noqa: F811 - the fixture
    monkeypatch.setenv("SHOP_DATABASE__DSN", pooled)
    assert {"pooler", "migration_dsn", "max_size"} <= findings().keys()


async def test_connections_are_counted_by_whose_they_are_also_without_rights(project, role):
    async def connect(name):
        return await asyncpg.connect(project.dsn, server_settings={"application_name": name})

    open_ = [await connect(name) for name in ("shop", "shop/users", "shopping")]
    try:
        for dsn in (project.dsn, os.environ["SHOP_DATABASE__DSN"]):
            server = (await ask(dsn, DatabaseSettings(application_name="shop"))).server
            assert (server.role == role, server.own, server.others_here) == (dsn != project.dsn, 2, 1)
            assert server.others >= 1
    finally:
        for each in open_:
            await each.close()


async def test_the_servers_own_words_are_taken_over(project):
    answered = await ask(project.dsn, DatabaseSettings())
    server = answered.server
    assert answered.is_local
    assert (server.is_superuser, server.is_pooled, server.is_standby, server.search_path) == (True, False, False, ())
    assert (server.role_limit, server.database_limit) == (-1, -1)
    assert server.database == urlsplit(project.dsn).path[1:]
    assert server.superuser_reserved_connections == 3


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql:///shop", True),
        ("postgresql://u:p@localhost:5432/shop", True),
        ("postgresql://127.0.0.1,[::1]:5432/shop", True),
        ("postgresql://%2Frun/shop", True),
        ("postgresql:///shop?host=/run", True),
        ("postgresql://db.example/shop", False),
        ("postgresql://localhost,db.example/shop", False),
        ("postgresql:///shop?host=10.0.0.1", False),
    ],
)
def test_a_dsn_tells_whether_it_leads_to_this_machine(dsn, expected):
    assert is_loopback(dsn) is expected


def test_a_dsn_or_the_environment_tells_whether_a_certificate_is_checked(monkeypatch):
    monkeypatch.delenv("PGSSLMODE", raising=False)
    assert is_verified("postgresql://db.example/shop?sslmode=verify-full")
    assert not is_verified("postgresql://db.example/shop?sslmode=require")
    assert not is_verified("postgresql://db.example/shop")
    monkeypatch.setenv("PGSSLMODE", "verify-ca")
    assert is_verified("postgresql://db.example/shop")
    assert not is_verified("postgresql://db.example/shop?sslmode=require")


def test_a_server_that_is_not_there_is_told_without_the_password(offline, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE__DSN", "postgresql://nobody:geheim@127.0.0.1:1/nothing")
    result = doctor()
    assert result.exit_code == FAILED
    assert "nobody@127.0.0.1:1/nothing: no PostgreSQL answers" in result.stderr
    assert "geheim" not in result.output


def test_a_container_without_a_pool_is_told(offline):
    text = "from poolhouse.container import Container\nclass Empty(Container):\n    pass\n"
    offline.write(f"empty_{offline.module}.py", text)
    offline.declare(container=f"empty_{offline.module}:Empty")
    result = doctor()
    assert result.exit_code == MISUSED
    assert "the container has no pool" in result.stderr


def test_the_help_has_examples_and_the_exit_codes():
    text = CliRunner().invoke(root, ["doctor", "--help"], env={"COLUMNS": "200"}).output
    assert "Example: poolhouse doctor --processes 8" in text
    assert "0 examined, 1 a fault or a warning (only with --exit-code), 2 usage, 3 failed" in text
    assert re.search(r"JSON: \{pools", text)


def test_a_number_of_processes_that_is_none_is_refused():
    assert doctor("--processes", "0").exit_code == MISUSED

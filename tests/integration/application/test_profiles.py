"""One application in four environments, between which a single variable differs."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys

import httpx
import pytest
from typer.testing import CliRunner

from poolhouse.cli.root import root
from poolhouse.settings import Profile
from poolhouse.testing.databases import role_prefix
from tests.integration.application.conftest import ROOT
from tests.integration.application.test_bad_input import SECRET, with_password

# What stands in the nearest places to what it names, each in a source of its own.
MISTYPED = {
    "APP_PROFIL": "APP_PROFILE",
    "APP_DATABASE__POOL": "APP_DATABASE__POOLER",
    ".env:2 APP_HTTP__PROT": "APP_HTTP__PORT",
    ".env.staging:2 DATABASE__DSN": "APP_DATABASE__DSN",
    "secrets/app_database__dns": "app_database__dsn",
}


@pytest.fixture
def dsn(database):
    return with_password(database)


def with_sources(copy, dsn, *lines):
    """Put files and secrets beside an application, the same ones for every environment."""
    shutil.copy2(ROOT / "pyproject.toml", copy.folder)
    copy.write(".env", "\n".join(("# for all profiles", *lines, "")))
    copy.write(".env.staging", f"APP_DATABASE__DSN='{dsn}'\n")
    copy.write(".env.production", "APP_SECRETS_DIR=secrets\n")
    (copy.folder / "secrets").mkdir()
    copy.write("secrets/app_database__dsn", f"{dsn}\n")
    return copy


@pytest.fixture
def everywhere(copy, dsn):
    """An application that has in its folder what it needs in each environment."""
    prefix = role_prefix(dsn)
    return with_sources(copy, dsn, f"APP_DATABASE__ROLE_PREFIX={prefix}", "APP_DATABASE__MIGRATION_TIMEOUT=1")


def job(folder, profile, *arguments):
    """Run a command as a step of a deployment does, and return what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
    command = [sys.executable, "-m", "poolhouse.cli", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment | {"APP_PROFILE": profile}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.processes
@pytest.mark.timeout(180)
@pytest.mark.parametrize("profile", Profile)
async def test_it_starts_in_every_profile_by_nothing_but_one_variable(everywhere, profile):
    said = ""
    if not profile.allows_embedded:
        for verb in ("migrations", "roles"):
            said += await asyncio.to_thread(job, everywhere.folder, profile, verb, "up")
    async with everywhere.started(APP_PROFILE=profile) as process:
        said += await everywhere.said_until_serving(process)
        address = said.rpartition("http://")[2].strip()
        assert f"{profile}: serving at http://{address}" in said
        async with httpx.AsyncClient(base_url=f"http://{address}") as client:
            assert (await client.get("/health/ready")).status_code == 200
            created = await client.post("/users", json={"email": "ada@example.com", "name": "Ada"})
            assert created.status_code == 201
            assert (await client.get("/docs")).status_code == (404 if profile is Profile.PRODUCTION else 200)
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
    assert (process.returncode, out) == (0, b"Stopped cleanly.\n")
    assert SECRET not in said + err.decode()
    assert (everywhere.folder / ".poolhouse").exists() is profile.allows_embedded


@pytest.mark.processes
@pytest.mark.parametrize("profile", ["staging", "production"])
async def test_where_users_are_served_a_start_migrates_nothing_and_says_so(everywhere, profile):
    ended = await everywhere.run(APP_PROFILE=profile)
    assert ended.code == 1
    assert re.search(r"migration mode 'wait': after \d\.\d s 5 migrations are pending", ended.err)
    assert "(`poolhouse migrations up`)" in ended.err
    assert SECRET not in ended.out + ended.err


async def test_everything_that_is_wrong_in_any_source_is_told_at_once_with_the_nearest_name(everywhere):
    everywhere.write(".env", "APP_PROFILE=staging\nAPP_HTTP__PROT=1\nAPP_SECRETS_DIR=secrets\n")
    everywhere.write(
        ".env.staging", f"APP_DATABASE__MAX_SIZE={SECRET}\nDATABASE__DSN={SECRET}\nAPP_HTTP__PORT {SECRET}\n"
    )
    everywhere.write("secrets/app_database__dns", SECRET)
    everywhere.write("secrets/app_database__min_size", "9")
    mistyped = {"APP_PROFIL": SECRET, "APP_DATABASE__POOL": SECRET, "APP_DATABASE__MAX_CONNECTIONS": f"{{{SECRET}"}
    ended = await everywhere.run(**mistyped, APP_EMBEDDED__ENABLED=SECRET)
    assert ended.code == 2
    for place, nearest in MISTYPED.items():
        assert f"  - {place}: there is no such setting. Did you mean {nearest}?" in ended.err
    for place, fact in {
        "APP_DATABASE__MAX_CONNECTIONS": "it cannot be read as JSON",
        "APP_EMBEDDED__ENABLED": "Input should be a valid boolean",
        ".env.staging:1 APP_DATABASE__MAX_SIZE": "Input should be a valid integer",
        ".env.staging:3": "the line cannot be read",
    }.items():
        assert f"  - {place}: {fact}" in ended.err
    assert "Traceback" not in ended.err
    assert SECRET not in ended.out + ended.err


# Secrets


@pytest.fixture
def secretive(copy, monkeypatch):
    """The application with the secret in each of its sources, which lead to no server."""
    nowhere = f"postgresql://shop:{SECRET}@127.0.0.1:1/shop?options=-c%20secret.key%3D{SECRET}"
    with_sources(copy, nowhere, f"APP_DATABASE__DSN='{nowhere}'", "APP_DATABASE__STARTUP_TIMEOUT=0.1")
    copy.write("secrets/app_database__migration_dsn", nowhere)
    for name in [*os.environ]:
        if name.startswith("APP_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(copy.folder)
    return copy


COMMANDS = (
    "config",
    "config --verbose",
    "config --json",
    "config --profile production --json",
    "check --all-profiles",
    "graph",
    "doctor",
    "migrations status",
    "roles plan --json",
)


@pytest.mark.parametrize("profile", ["development", "staging", "production"])
def test_no_command_shows_a_secret(secretive, monkeypatch, caplog, profile):
    caplog.set_level(0)
    monkeypatch.setenv("APP_PROFILE", profile)
    monkeypatch.setenv("APP_DATABASE__MIGRATION_DSN", f"postgresql://owner:{SECRET}@127.0.0.1:1/shop")
    for command in COMMANDS:
        result = CliRunner().invoke(root, command.split(), env={"COLUMNS": "300", "POOLHOUSE_TRACEBACK": "1"})
        said = f"{result.output}{result.stderr}{caplog.text}{result.exception!r}"
        assert "127.0.0.1:1" in said or result.exit_code == 0
        assert SECRET not in said


@pytest.mark.processes
@pytest.mark.parametrize("variables", [{}, {"APP_DATABASE__MAX_SIZE": "many"}])
async def test_no_start_that_fails_shows_a_secret(secretive, variables):
    secretive.replace("app/main.py", "return run(serve_shop)", "import asyncio; return asyncio.run(serve_shop()) or 0")
    for profile in ("staging", "production"):
        ended = await secretive.run(APP_PROFILE=profile, APP_LOGS__LEVEL="debug", PYTHONASYNCIODEBUG="1", **variables)
        assert ended.code == 1
        assert "Traceback" in ended.err
        assert SECRET not in ended.out + ended.err

"""What a newcomer does, in a fresh clone with nothing installed. Slow: run by `make newcomer`, and in CI."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from poolhouse.embedded import EmbeddedPostgres
from poolhouse.settings import EmbeddedSettings
from tests.packaging import contract
from tests.packaging.application import Run

ROOT = Path(__file__).parents[2]
POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")

pytestmark = [pytest.mark.newcomer, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("newcomer") / "poolhouse"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


def test_it_serves_within_a_minute_and_keeps_its_contract(clone):
    with Run(clone) as run:
        assert run.seconds < 60
        contract.check(run.url)
        assert run.end() == []
    assert "Stopped cleanly." in run.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_after_a_signal_no_process_is_left_and_the_data_is_still_there(clone, number):
    with Run(clone) as run:
        assert any(process.name() == "postgres" for process in run.family)
        person = {"email": f"{number.name}@example.com", "name": "Ada"}
        user = httpx.post(f"{run.url}/users", json=person).json()
        assert run.end(number) == []
    with Run(clone) as again:
        assert httpx.get(f"{again.url}/users/{user['id']}").json() == user
        assert again.end() == []


@pytest.mark.skipif(not POSTGRES_15.exists(), reason="PostgreSQL 15 of the system is not installed")
async def test_it_does_the_same_on_an_existing_postgresql_15(clone):
    settings = EmbeddedSettings(enabled=True, binaries=POSTGRES_15)
    server = EmbeddedPostgres(settings, temporary=True)
    await server.open()
    try:
        assert server.version.startswith("15")
        with Run(clone, APP_DATABASE__DSN=server.dsn) as run:
            assert not any(process.name() == "postgres" for process in run.family)
            contract.check(run.url)
            assert run.end() == []
    finally:
        await server.close()

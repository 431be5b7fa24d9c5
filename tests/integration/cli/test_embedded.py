"""The command line on the embedded PostgreSQL of a project without a DSN."""

from __future__ import annotations

import asyncio

import pytest

from poolhouse.embedded import EmbeddedPostgres
from poolhouse.embedded.data_directory import running_server
from poolhouse.settings import EmbeddedSettings


@pytest.fixture
def data(offline, monkeypatch, tmp_path_factory):
    monkeypatch.delenv("SHOP_DATABASE__DSN")
    monkeypatch.setenv("SHOP_DATABASE__STARTUP_TIMEOUT", "30")
    directory = tmp_path_factory.mktemp("embedded") / "postgres"
    monkeypatch.setenv("SHOP_EMBEDDED__DATA_DIRECTORY", str(directory))
    return directory


def test_the_server_runs_for_the_command_only_and_that_of_an_application_that_runs_is_used(offline, data):
    assert offline.run("up").code == 0
    assert running_server(data) is None
    assert offline.run("status", "--exit-code").code == 0
    server = EmbeddedPostgres(EmbeddedSettings(enabled=True, data_directory=data))
    with asyncio.Runner() as runner:
        runner.run(server.open())
        try:
            outcome = offline.run("status")
        finally:
            runner.run(server.close())
    assert (outcome.code, outcome.err) == (0, "")
    assert "users" in outcome.out
    assert running_server(data) is None


def test_what_needs_no_database_starts_no_server(offline, data):
    for arguments in (["check"], ["new", "more", "--module", "users"], ["plan", "--offline"]):
        assert offline.run(*arguments).code == 0
    assert not data.exists()

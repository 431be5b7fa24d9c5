"""Errors of the embedded PostgreSQL, each raised for its section."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolhouse.cli.application import Application
from poolhouse.embedded import EmbeddedPostgres
from poolhouse.errors import (
    ApplicationRunsError,
    BinariesNotFoundError,
    DataDirectoryBusyError,
    DataDirectoryUnusableError,
    EmbeddedServerError,
    ServerStartError,
)
from poolhouse.settings import EmbeddedSettings


@pytest.fixture
def embedded():
    """Open an embedded PostgreSQL, and close it after the test: `await embedded(data_directory=…)`."""
    return lambda **settings: EmbeddedPostgres(EmbeddedSettings(enabled=True, **settings))


async def test_no_programs(embedded, told):
    for error in (BinariesNotFoundError, EmbeddedServerError):
        with told(error, by=BinariesNotFoundError):
            await embedded(binaries=Path("/opt/postgresql/bin")).open()


async def test_a_setting_that_the_server_refuses(told):
    with told(ServerStartError):
        await EmbeddedPostgres(temporary=True, parameters={"shared_buffers": "lots"}).open()


async def test_other_files(embedded, tmp_path, told):
    data = tmp_path / ".poolhouse/postgres"
    data.mkdir(parents=True)
    (data / "holiday.jpg").touch()
    with told(DataDirectoryUnusableError):
        await embedded(data_directory=data).open()


async def test_another_process(embedded, tmp_path, told):
    data = tmp_path / ".poolhouse/postgres"
    first = embedded(data_directory=data)
    await first.open()
    try:
        with told(DataDirectoryBusyError):
            await embedded(data_directory=data).open()
    finally:
        await first.close()


async def test_a_command_beside_an_application_whose_server_is_only_starting(embedded, tmp_path, monkeypatch, told):
    data = tmp_path / ".poolhouse/postgres"
    first = embedded(data_directory=data)
    await first.open()
    monkeypatch.setenv("APP_EMBEDDED__DATA_DIRECTORY", str(data))
    # What a server that is starting has written there; a command joins one that is ready.
    pidfile = data / "postmaster.pid"
    pidfile.write_text(pidfile.read_text().replace("ready", "starting"))
    try:
        with told(ApplicationRunsError):
            async with Application().migrating():
                pass
    finally:
        await first.close()

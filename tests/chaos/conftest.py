"""Servers, the application's files, and the seed of the campaign.

Each test has two sizes: a short one, marked `processes`, and the campaign's, marked `chaos`.
POOLHOUSE_CHAOS_SEED repeats a run.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from poolhouse.embedded.launcher import Launcher, Order
from poolhouse.embedded.locator import locate_binaries
from tests.chaos.campaign import CAMPAIGN, SEED
from tests.chaos.database import Server, empty_database, picture
from tests.chaos.files import ahead_of_old, before, branch
from tests.chaos.processes import Zygotes, check_all_went_well, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")
PARAMETERS = {"max_connections": "500"}
BRANCHES = ("coupons", "vouchers")

SERVERS = [
    pytest.param(None, id="embedded"),
    pytest.param(
        POSTGRES_15,
        id="15",
        marks=pytest.mark.skipif(not POSTGRES_15.exists(), reason="PostgreSQL 15 of the system is not installed"),
    ),
]


@pytest.fixture(scope="session", params=SERVERS)
def programs(request) -> Path:
    return locate_binaries(request.param)


@pytest.fixture(scope="session")
def server(programs) -> Iterator[Server]:
    """A throw-away server."""
    launcher = Launcher(Order(binaries=programs, parameters=PARAMETERS))
    running = launcher.start()
    yield Server(running.dsn, running.version, programs)
    launcher.stop()


class DurableServer:
    """A server that can be ended at once, and started again on what it has written."""

    def __init__(self, programs: Path, data: Path) -> None:
        self._programs = programs
        self._data = data
        self._launcher: Launcher | None = None
        self._pid = 0

    def open(self) -> Server:
        self._launcher = Launcher(Order(data_directory=self._data, binaries=self._programs, parameters=PARAMETERS))
        running = self._launcher.start()
        self._pid = running.pid
        return Server(running.dsn, running.version, self._programs)

    def end_at_once(self) -> None:
        """Do what `pg_ctl stop -m immediate` does."""
        os.kill(self._pid, signal.SIGQUIT)

    def close(self) -> None:
        if self._launcher is not None:
            self._launcher.stop()


@pytest.fixture
def durable(programs, tmp_path) -> Iterator[DurableServer]:
    server = DurableServer(programs, tmp_path / "data")
    yield server
    server.close()


@pytest.fixture
def random_of(record_property, request) -> Callable[[object], Random]:
    """Return a source of random numbers for a round, the same in every run with the same seed."""
    record_property("seed", SEED)
    print(f"POOLHOUSE_CHAOS_SEED={SEED}")  # noqa: T201 - pytest shows it with a failure
    return lambda number: Random(f"{SEED}/{request.node.name}/{number}")


@pytest.fixture
def write(tmp_path):
    """Write a release of the application, and return what a process starts with: `write("new", modules)`."""

    def write(release, modules):
        sets = []
        for each in modules:
            folder = tmp_path / release / each.name
            folder.mkdir(parents=True)
            for filename, text in each.files.items():
                (folder / filename).write_text(text)
            sets.append([each.name, each.schema, str(folder), each.schemas])
        return sets

    return write


@dataclass(frozen=True, slots=True)
class Releases:
    """What processes start with, and what the new release makes of an empty database where nobody disturbs it."""

    old: list[list]
    new: list[list]
    branches: list[list[list]]
    ahead: list[str]
    expected: list[str]
    applied: list[str]
    seconds: float


@pytest.fixture(scope="session")
def zygotes() -> Iterator[Zygotes]:
    zygotes = Zygotes()
    yield zygotes
    zygotes.close()


@pytest.fixture(scope="session")
def known():
    """What undisturbed starts have come to in this session."""
    return {}


@pytest.fixture
def releases(write, server, zygotes, known):
    """Return the releases of an application: `await releases(modules)`."""

    async def releases(modules):
        old, new = write("old", before(modules)), write("new", modules)
        branches = [write(name, branch(modules, name)) for name in BRANCHES]
        key = (server, repr(modules))
        if key not in known:
            (starting,) = zygotes.take(1)
            async with empty_database(server) as dsn:
                (outcome,) = outcomes = await starting.run(start(dsn, new))
                check_all_went_well(outcomes)
                known[key] = (await picture(server, dsn), sorted(outcome["applied"]), outcome["seconds"])
        return Releases(old, new, branches, ahead_of_old(modules), *known[key])

    return releases


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("passed", []):
        if report.when == "call" and CAMPAIGN in report.nodeid:
            terminalreporter.write_line(report.nodeid)
            for name, value in report.user_properties:
                terminalreporter.write_line(f"    {name}: {value}")

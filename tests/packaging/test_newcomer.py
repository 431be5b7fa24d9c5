"""What a newcomer does, in a fresh clone with nothing installed. Slow: run by `make newcomer`, and in CI."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import httpx
import psutil
import pytest

from poolhouse.embedded import EmbeddedPostgres
from poolhouse.settings import EmbeddedSettings
from tests.packaging import contract

ROOT = Path(__file__).parents[2]
POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")

pytestmark = [pytest.mark.newcomer, pytest.mark.timeout(300)]


class Run:
    """`make run` in a terminal of its own, up to its address."""

    def __init__(self, clone, **settings):
        ours = ("APP_", "MAKE", "VIRTUAL_ENV", "PYTEST_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self._begun = time.monotonic()
        self.process = subprocess.Popen(
            ["make", "run"],
            cwd=clone,
            env=kept | {"APP_HTTP__PORT": "0"} | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""
        self._lines = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        try:
            self.url = self._address()
        except BaseException:
            self.__exit__()
            raise
        self.seconds = time.monotonic() - self._begun
        self.family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()

    def _read(self):
        with self.process.stdout as out:
            for line in out:
                self._lines.put(line)
        self._lines.put(None)

    def _line(self):
        try:
            line = self._lines.get(timeout=120)
        except Empty:
            raise AssertionError(self.said) from None
        self.said += line or ""
        return line

    def _address(self):
        while (line := self._line()) is not None:
            if found := re.search(r"http://\S+", line):
                return found.group()
        raise AssertionError(self.said)

    def send(self, number):
        """Send a signal the way a person does: Ctrl-C reaches the whole terminal, the others the application."""
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            next(each for each in self.family if "app.main" in each.cmdline()).send_signal(number)

    def end(self, number=signal.SIGTERM):
        """End it by a signal, and return those of its processes that live two seconds later."""
        self.send(number)
        _, left = psutil.wait_procs(self.family, timeout=2)
        while self._line() is not None:
            pass
        self.process.wait()
        return left


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

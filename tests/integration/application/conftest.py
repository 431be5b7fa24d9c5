from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
APPLICATION = ("app", "containers", "services")


@dataclass(frozen=True, slots=True)
class Ended:
    """An application that ended by itself."""

    code: int
    out: str
    err: str


class Copy:
    """A copy of the reference application, to be spoiled and run."""

    def __init__(self, folder):
        self.folder = folder
        for name in (*APPLICATION, "migrations"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))

    def replace(self, file, old, new):
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def write(self, file, text):
        (self.folder / file).write_text(text)

    @asynccontextmanager
    async def started(self, **settings):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.main"),
            cwd=self.folder,
            env=environment | {"APP_HTTP__PORT": "0"} | settings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def said_until_serving(self, process):
        """Return what a process said up to its address, and fail with its errors if it ends before."""
        said = ""
        while line := (await process.stdout.readline()).decode():
            said += line
            if "http://" in line:
                return said
        raise AssertionError(said + (await process.stderr.read()).decode())

    async def run(self, **settings):
        """Run it in a process of its own where it cannot start, and return how it ended; `run` is quicker."""
        async with self.started(**settings) as process:
            out, err = await process.communicate()
            return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture
def copy(tmp_path):
    return Copy(tmp_path)


@pytest.fixture
def run(copy, monkeypatch, capsys):
    """Run the copy's `app.main` where it cannot start, and return how it ended.

    That is in this process, which has imported already what takes longer than all that follows.
    """

    def run(**settings):
        for name in [name for name in sys.modules if name.partition(".")[0] in APPLICATION]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.chdir(copy.folder)
        monkeypatch.syspath_prepend(copy.folder)
        for name in [name for name in os.environ if name.startswith("APP_")]:
            monkeypatch.delenv(name)
        for name, value in {"APP_HTTP__PORT": "0", **settings}.items():
            monkeypatch.setenv(name, value)
        code = importlib.import_module("app.main").main()
        # What was imported from the copy must not be found by others.
        for name in [name for name in sys.modules if name.partition(".")[0] in APPLICATION]:
            del sys.modules[name]
        return Ended(code, *capsys.readouterr())

    return run

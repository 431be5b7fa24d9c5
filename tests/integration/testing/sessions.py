"""A project of its own, and sessions of pytest in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]

CONFIGURATION = """
[tool.poolhouse]
container = "containers.application:ApplicationContainer"
settings = "app.settings:Settings"

[tool.pytest.ini_options]
addopts = ["--import-mode=importlib", "--strict-config", "--strict-markers", "-p", "no:cacheprovider"]
pythonpath = ["."]
asyncio_default_fixture_loop_scope = "function"
filterwarnings = ["error"]
timeout = 60
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a session has come to: the outcome of each test, by its name."""

    code: int
    tests: dict[str, str]
    said: str


class Project:
    """A copy of the reference application, with tests that a test writes."""

    def __init__(self, folder: Path, dsn: str | None) -> None:
        self.folder = folder
        self._dsn = dsn
        for name in ("app", "containers", "services", "migrations"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        self.write("pyproject.toml", CONFIGURATION)

    def write(self, file: str, text: str) -> None:
        path = self.folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def append(self, file: str, text: str) -> None:
        self.write(file, (self.folder / file).read_text() + text)

    def begin(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        known = {name: value for name, value in os.environ.items() if not name.startswith(("APP_", "PYTEST_"))}
        known |= {} if self._dsn is None else {"POOLHOUSE_TEST_DSN": self._dsn}
        command = [sys.executable, "-m", "pytest", "-rA", "-q", "--tb=short", "--color=no", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=self.folder, env=known | environment, text=True, **pipes)

    def run(self, *arguments: str, **environment: str) -> Outcome:
        process = self.begin(*arguments, **environment)
        said, _ = process.communicate()
        found = re.findall(r"^(PASSED|FAILED|ERROR) \S+::(\S+)", said, re.MULTILINE)
        return Outcome(process.returncode, {name: outcome for outcome, name in found}, said)

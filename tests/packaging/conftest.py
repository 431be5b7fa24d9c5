"""What is built of this checkout, and the steps of somebody who has nothing but that."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("APP_", "MAKE", "VIRTUAL_ENV", "PYTEST_", "PYTHONPATH", "POOLHOUSE_")


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Give the folder with the wheel and the sdist of this checkout."""
    folder = tmp_path_factory.mktemp("built") / "dist"
    for target in ("wheel", "sdist"):
        build(ROOT, target, folder)
    return folder


def build(checkout, target, folder):
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)


@pytest.fixture(scope="session")
def newcomers(built):
    """Give the environment of a process that has this wheel for an index, and nothing of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    links = f"{built} {os.environ.get('PIP_FIND_LINKS', '')}"
    return {**kept, "PIP_FIND_LINKS": links, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHON": sys._base_executable}


@pytest.fixture
def step(newcomers, capsys):
    """Run a command as it would be typed, in a folder, and put its wall time into the log."""

    def run(command, folder, environment=()):
        begun = time.monotonic()
        done = subprocess.run(
            command,
            cwd=folder,
            env={**newcomers, **dict(environment)},
            shell=True,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        with capsys.disabled():
            print(f"\n{time.monotonic() - begun:6.1f} s  {command}", end="", flush=True)  # noqa: T201 - the log
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run

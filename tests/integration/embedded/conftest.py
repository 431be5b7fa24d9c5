from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from poolhouse.embedded.launcher import Launcher, Order
from tests.integration.embedded.processes import OWNER, Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def make_place() -> Path:
    # In memory where there is some, because fsync on a busy disk would be most of the time that these tests take.
    folder = Path(tempfile.mkdtemp(prefix="ph", dir="/dev/shm" if Path("/dev/shm").is_dir() else "/var/tmp"))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account may walk to, unlike pytest's own when it runs as root; its path is short."""
    folder = make_place()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """A data directory as a server left it that was started once."""
    folder = make_place()
    launcher = Launcher(Order(folder / "data"))
    launcher.start()
    launcher.stop()
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def data(cluster: Path, place: Path) -> Path:
    """A copy of it, because making one takes ten times as long."""
    subprocess.run(["cp", "-a", str(cluster), str(place / "data")], check=True)
    return place / "data"


@pytest.fixture
def begin() -> Iterator[Callable[..., Owner]]:
    """Start an owner, and return it once its server answers."""
    processes: list[subprocess.Popen[str]] = []

    def start(
        data: Path | str = "",
        then: str = "wait",
        *,
        binaries: Path | str = "",
        python: str = sys.executable,
        variables: Mapping[str, str] = os.environ,
        **account: Any,
    ) -> Owner:
        # Its sockets lie beside its data, so that what a test makes it leave behind goes away with that.
        beside = {"TMPDIR": str(Path(data).parent)} if data else {}
        process = subprocess.Popen(
            [python, str(OWNER), str(data), then, str(binaries)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**variables, **beside},
            start_new_session=True,
            **account,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return Owner(process, **json.loads(line))

    yield start
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()

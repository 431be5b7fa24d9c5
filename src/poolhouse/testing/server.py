"""The one server of a test session: named by a DSN, or embedded, and then shared by all processes of the session.

Workers of pytest-xdist are processes that come and go, by crashes too. So the server that they share belongs to a
process of its own (`server_keeper`), which ends when none of them is left: each holds a lock on a file, which the
operating system takes from it however it ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from poolhouse.errors import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from poolhouse.testing.background_loop import BackgroundLoop

if sys.platform != "win32":
    import fcntl

VARIABLE = "POOLHOUSE_TEST_DSN"
# Each worker has a few databases, and each of those a pool.
PARAMETERS: Mapping[str, str] = {"max_connections": "200"}


@contextmanager
def running_server(loop: BackgroundLoop, shared: Path | None) -> Generator[str]:
    """Give the DSN of the database `postgres` of a server, for the time of the block.

    `shared` is a folder that all processes know which use one server; None where this is the only one. On Windows each
    has a server of its own.
    """
    dsn = os.environ.get(VARIABLE)
    if dsn is not None:
        yield dsn
    elif shared is None or sys.platform == "win32":
        with _own_server(loop) as dsn:
            yield dsn
    else:
        with _shared_server(shared) as dsn:
            yield dsn


@contextmanager
def _own_server(loop: BackgroundLoop) -> Generator[str]:
    from poolhouse.embedded import EmbeddedPostgres  # noqa: PLC0415 - needs an extra that a DSN makes unnecessary

    server = EmbeddedPostgres(temporary=True, parameters=PARAMETERS)
    loop.run(server.open())
    try:
        assert server.dsn is not None  # noqa: S101 - open() returned
        yield server.dsn
    finally:
        loop.run(server.close())


@contextmanager
def _shared_server(folder: Path) -> Generator[str]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users").open("a") as users:
        with (folder / "turn").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            # Waits for a keeper that is just ending, which holds it exclusively.
            fcntl.flock(users, fcntl.LOCK_SH)
            found = folder / "dsn"
            dsn = found.read_text() if found.exists() else _start_keeper(folder)
        yield dsn


def _start_keeper(folder: Path) -> str:
    command = [sys.executable, "-m", "poolhouse.testing.server_keeper", str(folder)]
    with (folder / "log").open("w") as log:
        # It returns when the keeper has said its line, and lives on as nobody's child.
        said = subprocess.run(  # noqa: S603 - our own module, by our own interpreter
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            check=False,
        ).stdout
    remedy = f"Mend that, or name a server with {VARIABLE}"
    if not said:
        log_of_it = (folder / "log").read_text()[-2000:]
        raise EmbeddedServerError(f"the process that keeps the test server ended: {log_of_it}", remedy=remedy)
    answer: dict[str, Any] = json.loads(said)
    if "error" in answer:
        raise EmbeddedServerError(answer["error"], remedy=remedy)
    return str(answer["dsn"])


def is_last(users: IO[str]) -> bool:
    """Whether nobody uses the server any more; nobody can begin to after that, as long as `users` is open."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

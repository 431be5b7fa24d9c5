"""The directory of a cluster: what is in it, who runs on it, and how a new one gets there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from poolhouse.errors import DataDirectoryBusyError, DataDirectoryUnusableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

# A server whose owner was killed this moment is not "stopping" yet; its watchdog needs a few milliseconds.
PATIENCE = 0.3
STOPPING_PATIENCE = 5.0
POLL_INTERVAL = 0.005


@dataclass(frozen=True, slots=True)
class PidFile:
    """What `postmaster.pid` says: the server's pid, and "starting", "ready", "stopping", or "" before any of these.

    `port` and `sockets` are where it listens; empty where it does not say yet.
    """

    pid: int
    status: str
    port: str = ""
    sockets: str = ""


def parse_pidfile(text: str) -> PidFile | None:
    """Read the text of a `postmaster.pid`; None for one that is empty or cut off in its first line."""
    lines = text.split("\n")
    if len(lines) < 2 or not lines[0].strip().isdecimal():
        return None
    if len(lines) < 8:
        return PidFile(int(lines[0]), "")
    return PidFile(int(lines[0]), lines[7].strip(), port=lines[3].strip(), sockets=lines[4].strip())


def read_pidfile(data: Path) -> PidFile | None:
    """Read the directory's `postmaster.pid`; None when it has no legible one."""
    try:
        return parse_pidfile((data / "postmaster.pid").read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return None


def running_server(data: Path) -> PidFile | None:
    """Find the server that runs on the directory; the file of one that was killed is none, its pid reused or not."""
    pidfile = read_pidfile(data)
    return pidfile if pidfile is not None and runs_on(pidfile.pid, data) else None


def runs_on(pid: int, data: Path) -> bool:
    """Whether the process is a server of this directory: a server works in it, and nobody but its owner can."""
    if sys.platform == "win32":
        return False  # PostgreSQL holds its files locked there, and says so when they are
    if sys.platform == "linux":
        try:
            return os.path.samestat(os.stat(f"/proc/{pid}/cwd"), data.stat())  # noqa: PTH116 - Path.stat would say no more
        except OSError:
            return False
    command = ["ps", "-o", "command=", "-p", str(pid)]
    listed = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - a fixed command
    return str(data) in listed.stdout


def wait_until_free(data: Path, *, is_aborted: Callable[[], bool] = lambda: False) -> None:
    """Return when no server runs on the directory.

    One that is stopping is waited for, up to 5 s; for any other DataDirectoryBusyError is raised.
    """
    began = time.monotonic()
    while (server := running_server(data)) is not None and not is_aborted():
        patience = STOPPING_PATIENCE if server.status == "stopping" else PATIENCE
        if time.monotonic() - began > patience:
            raise DataDirectoryBusyError(str(data), server.pid)
        time.sleep(POLL_INTERVAL)


def end_server(data: Path, steps: Iterable[tuple[int, float]]) -> None:
    """Send the server of the directory one signal after the other until none runs there, each with its seconds."""
    for number, seconds in steps:
        deadline = time.monotonic() + seconds
        if server := running_server(data):
            with suppress(ProcessLookupError):
                os.kill(server.pid, number)
        while running_server(data) is not None and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL)


def has_cluster(data: Path, *, major: int, user: int | None) -> bool:
    """Whether the directory holds a cluster that this major version and user can run on; False when it is new.

    Raises DataDirectoryUnusableError for a directory that is neither.
    """
    try:
        owner, names = data.stat().st_uid, set(os.listdir(data))  # noqa: PTH208 - only names are wanted
        version = (data / "PG_VERSION").read_text(encoding="ascii").strip() if "PG_VERSION" in names else ""
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _cannot_be_read(data, error) from None
    if not names:
        return False
    _check_cluster(data, version, owner, major=major, user=user)
    return True


def _check_cluster(data: Path, version: str, owner: int, *, major: int, user: int | None) -> None:
    if not version:
        fact, remedy = "it holds files, but no PostgreSQL cluster", "Name another data directory, or empty this one"
        raise DataDirectoryUnusableError(str(data), fact, remedy=remedy)
    if version != str(major):
        fact = f"its data is of PostgreSQL {version}, and the binaries are of PostgreSQL {major}"
        choice = f"Name binaries of PostgreSQL {version} in the settings, or another data directory"
        remedy = f"{choice}, or delete this one to begin anew"
        raise DataDirectoryUnusableError(str(data), fact, remedy=remedy)
    if user is not None and owner != user:
        fact = f"it belongs to user {owner}, and the server runs as user {user}"
        remedy = f"Give it to that user (chown -R {user}), or name another data directory"
        raise DataDirectoryUnusableError(str(data), fact, remedy=remedy)


def make_parent(data: Path) -> None:
    """Make the folder that the data directory lies in."""
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_be_made(data, error) from None


def put_in_place(made: Path, data: Path) -> None:
    """Turn a finished cluster into the data directory, in one step that outlives a crash of the machine.

    When another process was faster, its cluster is the one that counts, and this one is left where it was made.
    """
    try:
        made.rename(data)
    except OSError as error:
        if not (data / "PG_VERSION").exists():
            raise _cannot_be_made(data, error) from None
        return
    with suppress(OSError):  # not every file system can sync a folder
        folder = os.open(data.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _cannot_be_read(data: Path, error: OSError) -> DataDirectoryUnusableError:
    remedy = "Run the application under the account that made it, or name another data directory"
    return DataDirectoryUnusableError(str(data), f"it cannot be read ({error.strerror})", remedy=remedy)


def _cannot_be_made(data: Path, error: OSError) -> DataDirectoryUnusableError:
    remedy = "Name a data directory that this account can make; where a volume is mounted, one below the mount point"
    return DataDirectoryUnusableError(str(data), f"it cannot be made ({error.strerror})", remedy=remedy)

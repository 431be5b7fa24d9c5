"""Directories that live as long as one server: of its socket, its log, and a throw-away server's data."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from poolhouse.errors import ServerStartError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from poolhouse.embedded.account import Account

MEMORY = Path("/dev/shm")  # noqa: S108 - the place of files in memory; what is made there is private
ENOUGH_MEMORY = 1 << 30
PREFIX = "poolhouse-pg-"
# The shortest limit of a socket's path among our platforms is 104 bytes with the final NUL (macOS); Linux has 108.
LONGEST_SOCKET = 103
SOCKET = ".s.PGSQL.5432"
# A younger directory may belong to a watchdog that is about to lock it.
ABANDONED_AFTER = 10.0


def new_name(prefix: str = PREFIX) -> str:
    """Think of a name that no other server has."""
    return f"{prefix}{secrets.token_hex(4)}"


def choose_base(bases: Iterable[Path], account: Account | None) -> Path:
    """Choose the first folder that the account can enter and in which a socket's path is short enough."""
    looked_at: list[str] = []
    for base in bases:
        length = len(os.fsencode(base / new_name() / SOCKET))
        if (
            length <= LONGEST_SOCKET
            and os.access(base, os.W_OK | os.X_OK)
            and (account is None or account.can_enter(base))
        ):
            return base
        looked_at.append(str(base))
    raise ServerStartError(
        f"no folder for its socket: none of {', '.join(looked_at)} has a short path and lets the server's account in",
        log="",
        remedy="Set TMPDIR to such a folder",
    )


def bases(*, throw_away: bool) -> Iterator[Path]:
    """Name the folders that may hold such a directory, the best first: throw-away data goes into memory if it fits."""
    if throw_away and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY:
        yield MEMORY
    yield Path(tempfile.gettempdir())
    if os.name == "posix":
        yield Path("/tmp")  # noqa: S108 - a private directory with a random name is made in it
        yield Path("/var/tmp")  # noqa: S108 - the same


def sweep(base: Path, *, prefix: str = PREFIX, user: int | None, abandoned_after: float = ABANDONED_AFTER) -> None:
    """Delete what servers left whose watchdog was killed: directories of this user that no watchdog holds locked."""
    if user is None:
        return
    named = re.compile(rf"{re.escape(prefix)}[0-9a-f]{{8}}")
    with suppress(OSError):
        for folder in base.iterdir():
            if named.fullmatch(folder.name) and _is_abandoned(folder, user, time.time() - abandoned_after):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path, user: int, before: float) -> bool:
    import fcntl  # noqa: PLC0415 - not on Windows

    try:
        status = folder.lstat()
        if status.st_uid != user or status.st_mtime > before:
            return False
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(handle)

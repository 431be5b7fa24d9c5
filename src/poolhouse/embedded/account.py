"""Which account of the operating system a server runs under, and what that account can reach."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from poolhouse.errors import ServerStartError

if TYPE_CHECKING:
    from pathlib import Path

UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user and a group, by number."""

    user: int
    group: int

    def can_enter(self, folder: Path) -> bool:
        """Whether the account may walk to the folder and list it, by the permission bits of it and its parents."""
        folder = folder.resolve()
        return all(self._may(parent.stat(), stat.S_IXOTH) for parent in folder.parents) and self._may(
            folder.stat(), stat.S_IXOTH | stat.S_IROTH
        )

    def _may(self, status: os.stat_result, bits: int) -> bool:
        shift = 6 if status.st_uid == self.user else 3 if status.st_gid == self.group else 0
        return status.st_mode >> shift & bits == bits


def server_account(data_directory: Path | None) -> Account | None:
    """Choose the account to run the server under; None means the one that this process has.

    PostgreSQL refuses to run as root. Root therefore takes the owner of an existing data directory, else `postgres`,
    else `nobody`; nothing is ever added to the machine. Raises ServerStartError when none of these exists.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    if data_directory is not None and data_directory.exists():
        status = data_directory.stat()
        if status.st_uid != 0:
            return Account(status.st_uid, status.st_gid)
    return _unprivileged()


def _unprivileged() -> Account:
    import pwd  # noqa: PLC0415 - not on Windows

    for name in UNPRIVILEGED:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise ServerStartError(
        f"PostgreSQL does not run as root, and there is no account {' or '.join(UNPRIVILEGED)} to run it under",
        log="",
        remedy="Run the application under an account other than root",
    )

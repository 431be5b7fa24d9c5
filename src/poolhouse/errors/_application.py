"""Errors of running an application around the container."""

from __future__ import annotations

from poolhouse.errors._base import PoolhouseError


class AddressInUseError(PoolhouseError):
    """Another process listens on the address already."""

    def __init__(self, address: str, *, remedy: str) -> None:
        self.address = address
        super().__init__("the port is in use by another process", place=address, remedy=remedy)


class CommandError(PoolhouseError):
    """What was typed on the command line, or is written in pyproject.toml for it, leads nowhere; nothing was done."""


class ApplicationRunsError(PoolhouseError):
    """The application runs on its embedded PostgreSQL, which no second process can use; `pid` is the server's."""

    def __init__(self, directory: str, pid: int) -> None:
        self.directory = directory
        self.pid = pid
        super().__init__(
            f"the application is running: its embedded PostgreSQL, process {pid}, has the data in {directory}",
            remedy="Stop the application and run this again; or give both a server of their own, by a DSN",
        )

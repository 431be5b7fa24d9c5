"""Errors of running an application around the container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.errors._base import PoolhouseError

if TYPE_CHECKING:
    from typing import Any


class AddressInUseError(PoolhouseError):
    """Another process listens on the address already."""

    def __init__(self, address: str, *, remedy: str) -> None:
        self.address = address
        super().__init__("the port is in use by another process", place=address, remedy=remedy)


class CommandError(PoolhouseError):
    """What was typed on the command line, or is written in pyproject.toml for it, leads nowhere; nothing was done."""


class ApplicationRunsError(PoolhouseError):
    """The application's embedded PostgreSQL is starting or stopping, so nobody can join it; `pid` is the server's."""

    def __init__(self, directory: str, pid: int) -> None:
        self.directory = directory
        self.pid = pid
        super().__init__(
            f"the application's embedded PostgreSQL on {directory}, process {pid}, is starting or stopping",
            remedy="Run this again in a moment; or stop the application, or give both a server of their own, by a DSN",
        )


class ExtraMissingError(PoolhouseError, ImportError):
    """An optional part of poolhouse was used, and what it needs is not installed; `extra` installs it.

    An ImportError too; `name` and `module` are the module that was not found.
    """

    def __init__(self, module: str, extra: str) -> None:
        self.extra = extra
        remedy = f"Run: pip install 'poolhouse[{extra}]'"
        super().__init__(f"this part of poolhouse needs {module}, which is not installed", remedy=remedy)
        self.name = self.module = module

    def __reduce__(self) -> tuple[Any, ...]:
        # ImportError keeps its name outside of `__dict__`.
        return type(self), (self.module, self.extra)

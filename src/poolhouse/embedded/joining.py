"""Using a server that another process runs on the same data directory, in place of a second one, which cannot be."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from poolhouse.embedded.address import joined_dsn
from poolhouse.embedded.data_directory import running_server
from poolhouse.embedded.launcher import RunningServer

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_joins: ContextVar[bool] = ContextVar("poolhouse_joins", default=False)


@contextmanager
def joining() -> Generator[None]:
    """Let each EmbeddedPostgres that is opened in a block use the server that runs on its data directory, if one does.

    It is its owner's, and ends with it: closing what was opened so does not stop it. For tools beside an application
    that runs; an application itself should not depend on another one's server.
    """
    token = _joins.set(True)
    try:
        yield
    finally:
        _joins.reset(token)


def joined_server(data: Path) -> RunningServer | None:
    """Return the server that runs on the directory and accepts connections, in a block of `joining`; else None."""
    server = running_server(data) if _joins.get() else None
    if server is None or server.status != "ready":
        return None
    version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    return RunningServer(joined_dsn(sockets=server.sockets, port=server.port), version, server.pid, data)

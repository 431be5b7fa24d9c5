"""The processes that `poolhouse dev` starts: the application, again and again, and its embedded PostgreSQL, once.

Each ends when the process does that started it, however that ends: it holds one end of a pipe whose other end is that
one's alone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, cast

from poolhouse.cli.application import Application
from poolhouse.cli.loading import load_main
from poolhouse.cli.screen import show_error
from poolhouse.container.graph import Graph
from poolhouse.container.kinds import makes
from poolhouse.embedded import EmbeddedPostgres
from poolhouse.embedded.joining import joining
from poolhouse.errors import PoolhouseError

if TYPE_CHECKING:
    from collections.abc import Sequence

OWNER = "POOLHOUSE_DEV_OWNER"
READY = b"ready\n"
_MISUSED, _FAILED = 2, 3
_PATIENCE = 5.0


def main(arguments: Sequence[str]) -> int:
    """Run one of both, `application` or `server`, of the application that the other arguments name."""
    role, container, settings = arguments
    _end_with(int(os.environ.pop(OWNER)))
    application = Application(container=container or None, settings=settings or None)
    try:
        if role == "server":
            return asyncio.run(_serve(application))
        run = load_main(application.project)
        with joining():
            return run() or 0
    except PoolhouseError as error:
        show_error(str(error))
        return _MISUSED


async def _serve(application: Application) -> int:
    """Run what is embedded until this process is told to end; 0 at once where nothing is."""
    # Ctrl-C reaches all processes of a terminal, and the application needs its database until it has stopped.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    graph = Graph(cast("Any", application.container))
    servers = [provider() for provider in graph.order if makes(provider, EmbeddedPostgres)]
    try:
        for server in servers:
            await server.open()
        os.write(1, READY)
        if any(server.dsn is not None for server in servers):
            await stopped.wait()
    finally:
        for server in servers:
            await server.close()
    return 0


def _end_with(owner: int) -> None:
    """End this process soon after the other end of the pipe is closed."""
    os.set_inheritable(owner, False)  # noqa: FBT003 - it takes positions only

    def watch() -> None:
        os.read(owner, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_PATIENCE)
        os._exit(_FAILED)

    threading.Thread(target=watch, name="poolhouse dev: owner", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

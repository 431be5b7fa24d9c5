"""Keeps the server of a test session as long as any process uses it, as a program of its own.

`python -m poolhouse.testing.server_keeper FOLDER`, where FOLDER is what those processes have in common. It says one
line of JSON, the DSN or an error, and is not heard of again.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from poolhouse.embedded import EmbeddedPostgres
from poolhouse.errors import PoolhouseError
from poolhouse.testing.server import PARAMETERS, is_last

# Seconds between two looks whether anybody is left.
_PAUSE = 0.1


async def keep(folder: Path) -> None:
    """Run a server until nobody uses it."""
    server = EmbeddedPostgres(temporary=True, parameters=PARAMETERS)
    try:
        await server.open()
    except PoolhouseError as error:
        _say(error=str(error))
        return
    found = folder / "dsn"
    with (folder / "users").open("a") as users:
        try:
            found.write_text(str(server.dsn))
            _say(dsn=str(server.dsn))
            while not is_last(users):  # noqa: ASYNC110 - processes that end set no event
                await asyncio.sleep(_PAUSE)
        finally:
            found.unlink(missing_ok=True)
            await server.close()


def _say(**answer: str) -> None:
    print(json.dumps(answer), flush=True)  # noqa: T201 - to whoever started it
    # Who waits for the end of what is said, and not of this process.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    if os.fork():
        # Whoever started it has no child to wait for.
        os._exit(0)
    # Interrupted with all others of its terminal, it would take the server from those that are still clearing up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(keep(Path(sys.argv[1])))

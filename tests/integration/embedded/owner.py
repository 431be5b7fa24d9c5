"""An application that owns an embedded server; run as a program by the tests, which end it in every way there is."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import asyncpg

from poolhouse.embedded import EmbeddedPostgres
from poolhouse.settings import EmbeddedSettings


async def main(directory: str, then: str, binaries: str) -> None:
    settings = EmbeddedSettings(data_directory=Path(directory), binaries=Path(binaries) if binaries else None)
    server = EmbeddedPostgres(settings, temporary=not directory)
    await server.open()
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS visit (at timestamptz DEFAULT clock_timestamp())")
    await connection.execute("INSERT INTO visit DEFAULT VALUES")
    child = begin_child(then)
    sys.stdout.write(json.dumps(await state(server, connection) | {"child": child}) + "\n")
    sys.stdout.flush()
    if then == "raise":
        raise RuntimeError
    if then == "close on end of file":
        await asyncio.to_thread(sys.stdin.read)
    if then.startswith("close"):
        connection.terminate()
        await server.close()
    else:
        await asyncio.Event().wait()


def begin_child(then: str) -> int:
    """A child of either kind inherits what it can, and outlives its parent."""
    if then == "exec":
        return subprocess.Popen(["sleep", "30"], close_fds=False).pid
    if then == "fork":
        child = os.fork()
        if child == 0:
            wait_forever()
        return child
    return 0


def wait_forever() -> None:
    read, _ = os.pipe()
    os.read(read, 1)


async def state(server: EmbeddedPostgres, connection: asyncpg.Connection) -> dict[str, object]:
    running, launcher = server._running, server._launcher
    assert running is not None
    assert launcher is not None
    return {
        "dsn": server.dsn,
        "pid": running.pid,
        "data": str(running.data_directory),
        "watchdog": launcher._guard._process.pid,
        "runtime": str(launcher._site.runtime),
        "visits": await connection.fetchval("SELECT count(*) FROM visit"),
        "user": running.data_directory.stat().st_uid,
    }


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""PgBouncer, as Debian packages it, before the tests' server."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

_CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 6543
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 100
server_round_robin = 1
logfile = {folder}/log
pidfile = {folder}/pid
{more}
"""

# What is left in a session by those who had it before. PgBouncer itself sets some of what a client may have set, and
# keeps statements under names of its own.
_LEFT = """
SELECT current_user::text AS role, session_user::text AS login,
    (SELECT string_agg(name, ', ') FROM pg_settings WHERE source = 'session' AND setting <> reset_val
        AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings')
    ) AS settings,
    (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()) AS temporary,
    (SELECT string_agg(statement, '; ') FROM pg_prepared_statements
        WHERE name NOT LIKE 'PGBOUNCER%') AS prepared,
    (SELECT string_agg(channel, ', ') FROM pg_listening_channels() AS channel) AS channels,
    (SELECT count(*) FROM pg_cursors WHERE is_holdable) AS cursors,
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks
"""


def pgbouncer_version() -> tuple[int, ...]:
    """Return the version of the PgBouncer that is installed, or nothing."""
    if PGBOUNCER is None:
        return ()
    said = subprocess.run([PGBOUNCER, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, said.split()[1].split(".")))


@contextmanager
def pgbouncer(dsn: str, *, mode: str, size: int = 2, more: str = "") -> Iterator[str]:
    """Give the DSN of a PgBouncer that lends `size` sessions of the server of `dsn`."""
    if PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed: NOTHING here was tested behind a pooler (apt-get install pgbouncer)")
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    socket = query.get("host", [""])[0]
    port = query.get("port", [parts.port or 5432])[0]
    # It refuses to run as root, and the server's folder is open to its owner only.
    owner = Path(socket).stat().st_uid if socket else 65534
    account = owner if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="poolhouse-pgbouncer-"))
    folder.chmod(0o777)
    user = parts.username or "postgres"
    facts = {"host": socket or parts.hostname, "port": port, "user": user, "folder": folder}
    facts |= {"mode": mode, "size": size, "more": more}
    (folder / "ini").write_text(_CONFIGURATION.format(**facts))
    options = {"user": account, "group": account, "extra_groups": []} if account else {}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([PGBOUNCER, folder / "ini"], stdout=quiet, stderr=quiet, **options)
    try:
        while not (folder / ".s.PGSQL.6543").exists():
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.01)
        yield f"postgresql://{user}@/{parts.path.lstrip('/')}?host={folder}&port=6543"
    finally:
        # It would wait for its clients.
        process.kill()
        process.wait()
        shutil.rmtree(folder)


async def left_behind(dsn: str, size: int = 2) -> list[dict[str, object]]:
    """Return what is left in each of the sessions that a pooler lends, seen by as many clients at once."""
    async with AsyncExitStack() as stack:
        clients = [await asyncpg.connect(dsn, statement_cache_size=0) for _ in range(size)]
        for client in clients:
            stack.push_async_callback(client.close)
            await asyncio.wait_for(client.execute("BEGIN"), 5)
        pids = {await client.fetchval("SELECT pg_backend_pid()") for client in clients}
        assert len(pids) == size
        return [dict(await client.fetchrow(_LEFT)) for client in clients]


def nothing(login: str = "postgres") -> dict[str, object]:
    """Return what `left_behind` returns for a session in which nothing is left."""
    return {
        "role": login,
        "login": login,
        "settings": None,
        "temporary": 0,
        "prepared": None,
        "channels": None,
        "cursors": 0,
        "locks": 0,
    }

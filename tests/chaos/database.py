"""The databases of the campaign, and what must be true of one in the end."""

from __future__ import annotations

import asyncio
import difflib
import time
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from poolhouse.testing.databases import with_database

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator
    from pathlib import Path

# The longest that a lock of a killed process may live: its server process looks every 2 s whether it is still there.
LOCKS_GONE_WITHIN = 4.0

# The ledger holds times, and how often a procedure was run depends on when its process was killed.
_LEFT_OUT = ("--exclude-table-data=poolhouse.*", "--exclude-table-data=shop.runs")

_INVALID = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)"
_LOCKS = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE datname = current_database() AND locktype = 'advisory'
"""
_LEDGER = """
SELECT schema_name, module, version, name, kind, encode(checksum, 'hex') AS checksum, state, steps_done, steps_total,
    finished_at IS NULL AS is_open, error
FROM poolhouse.ledger ORDER BY module, schema_name, version, name
"""
_HEADS = "SELECT module, schema_name, version, encode(digest, 'hex') AS digest, dirty FROM poolhouse.head ORDER BY 1, 2"
_EVENTS = """
SELECT schema_name, module, version, count(*) AS times FROM poolhouse.event
WHERE version IS NOT NULL AND (kind = 'apply' OR kind = 'repair' AND detail = 'resume')
GROUP BY schema_name, module, version HAVING count(*) > 1
"""
_RUNS = """
SELECT schema_name, count(*) AS times FROM shop.runs GROUP BY schema_name HAVING count(*) > 1 + (
    SELECT count(*) FROM poolhouse.event
    WHERE event.schema_name = runs.schema_name AND kind = 'repair' AND detail = 'resume'
)
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that accepts connections, and the folder of its programs."""

    dsn: str
    version: str
    programs: Path


async def create_database(server: Server) -> str:
    """Return the name of a new database."""
    name = f"poolhouse_test_{uuid.uuid4().hex[:16]}"
    await _execute(server, f'CREATE DATABASE "{name}" TEMPLATE template0')
    return name


@asynccontextmanager
async def empty_database(server: Server) -> AsyncGenerator[str]:
    """Give the DSN of a database that is dropped in the end, whoever is still connected to it."""
    name = await create_database(server)
    yield with_database(server.dsn, name)
    await _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(server: Server, sql: str) -> None:
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def picture(server: Server, dsn: str) -> list[str]:
    """Return all that two databases have in common which the same migrations were applied to, line by line.

    That is all that pg_dump has of the schemas and their rows, and what the ledger says.
    """
    lines = await _dump(server, dsn)
    connection = await asyncpg.connect(dsn)
    try:
        for query in (_LEDGER, _HEADS):
            lines += [f"{dict(row)}" for row in await connection.fetch(query)]
    finally:
        await connection.close()
    return lines


async def check(server: Server, dsn: str, expected: list[str]) -> None:
    """Hold a database against one that nobody disturbed."""
    connection = await asyncpg.connect(dsn)
    try:
        await _until_unlocked(connection)
        invalid = [row[0] for row in await connection.fetch(_INVALID)]
        assert not invalid, f"invalid indexes: {invalid}"
        twice = [dict(row) for row in await connection.fetch(_EVENTS)]
        assert not twice, f"applied twice: {twice}"
        unasked = [dict(row) for row in await connection.fetch(_RUNS)]
        assert not unasked, f"run again though nobody said so: {unasked}"
    finally:
        await connection.close()
    difference = list(difflib.unified_diff(expected, await picture(server, dsn), "undisturbed", "found", n=1))
    assert not difference, "\n".join(difference)


async def _until_unlocked(connection: asyncpg.Connection) -> None:
    begun = time.monotonic()
    while await connection.fetchval(_LOCKS):
        assert time.monotonic() - begun < LOCKS_GONE_WITHIN, "an advisory lock was left"
        await asyncio.sleep(0.01)


async def _dump(server: Server, dsn: str) -> list[str]:
    command = (server.programs / "pg_dump", "--no-comments", *_LEFT_OUT, dsn)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    said, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return [*_in_order(said.decode().splitlines())]


def _in_order(lines: Iterable[str]) -> Iterator[str]:
    """Yield what does not differ from dump to dump: no comments, no commands with a random key, and rows in order."""
    rows: list[str] | None = None
    for line in lines:
        if line == "\\.":
            yield from sorted(rows or ())
            rows = None
        elif rows is not None:
            rows.append(line)
        elif line and not line.startswith(("--", "\\")):
            yield line
            rows = [] if line.startswith("COPY ") else None

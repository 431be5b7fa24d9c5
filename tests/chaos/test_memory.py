"""What ten thousand schemas cost in memory, on either side of the connection."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from poolhouse.migrations import MigrationSet, migrate
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings
from tests.chaos.campaign import sizes
from tests.chaos.database import empty_database

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what memory is a process's own")

APPLICATION = "memory"
# A name, a report and a place in a list for each schema.
OF_A_SCHEMA = 2_000
# What the server caches of the thousand schemas that a session may see, and what allocators keep.
MARGIN = 8_000_000
FILES = {
    "1_orders.sql": "CREATE TABLE {{tables.orders}} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)",
    "2_index.sql": "CREATE INDEX orders_note ON {{tables.orders}} (note)",
}


def own_memory(pid: int | str) -> int:
    """Return the bytes that a process shares with no other; 0 for one that has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0


@sizes("schemas", (2_400,), (10_000,), seconds=1800)
async def test_neither_client_nor_server_needs_more_for_more_schemas(server, tmp_path, record_property, schemas):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    samples: list[tuple[int, int, int]] = []
    done = 0

    def note(progress):
        nonlocal done
        done = progress.done

    async def sample(observer):
        pids = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1"
        while True:
            backends = [own_memory(row["pid"]) for row in await observer.fetch(pids, APPLICATION)]
            samples.append((done, own_memory("self"), max(backends, default=0)))
            await asyncio.sleep(0.05)

    async with empty_database(server) as dsn:
        observer = await asyncpg.connect(dsn)
        pool = SharedPool(DatabaseSettings(dsn=dsn, max_size=5, application_name=APPLICATION))
        await pool.open()
        sampling = asyncio.create_task(sample(observer))
        names = [f"tenant_{number}" for number in range(schemas)]
        tenants = MigrationSet(SchemaManager(pool, schema="control"), tmp_path, module="tenants", schemas=names)
        result = await migrate([tenants], progress=note)
        sampling.cancel()
        await asyncio.wait([sampling])
        await pool.close()
        await observer.close()
    assert result.applied == 2 * schemas
    first = [each for each in samples if 0 < each[0] <= schemas / 2]
    second = [each for each in samples if each[0] > schemas / 2]
    client = [max(memory for _, memory, _ in half) for half in (first, second)]
    backend = [max(memory for _, _, memory in half) for half in (first, second)]
    record_property("server", server.version)
    record_property("megabytes of the client, first and second half", [round(each / 1e6, 1) for each in client])
    record_property("megabytes of the largest backend", [round(each / 1e6, 1) for each in backend])
    assert client[1] - client[0] < OF_A_SCHEMA * schemas / 2 + MARGIN
    assert backend[1] < backend[0] + MARGIN

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack

import asyncpg
import pytest


async def up_together(copy, dsn):
    """Start two processes at the same moment and return what each said when it served; stop both."""
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(copy.started(APP_DATABASE__DSN=dsn)) for _ in range(2)]
        said = await asyncio.gather(*map(copy.said_until_serving, both))
        for process in both:
            process.send_signal(signal.SIGTERM)
        assert await asyncio.gather(*(process.wait() for process in both)) == [0, 0]
        return said


async def applied(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT module, version FROM poolhouse.event WHERE kind = 'apply' AND module <> 'poolhouse'"
        )
        return sorted((row["module"], row["version"]) for row in rows if row["module"] != "poolhouse")
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "rounds", [pytest.param(1, id="short"), pytest.param(20, marks=[pytest.mark.processes, pytest.mark.timeout(180)])]
)
async def test_two_processes_that_start_together_on_an_empty_database_both_come_up(copy, new_database, rounds):
    for _ in range(rounds):
        with new_database() as dsn:
            said = await up_together(copy, dsn)
            assert await applied(dsn) == [("orders", 1), ("payments", 1), ("users", 1)]
        # Whoever applied a migration says so; nobody else does.
        for service in ("users", "orders", "payments"):
            assert sum(f"service {service}: schema {service}, applied migrations 0001" in each for each in said) == 1

"""A process that is killed at a random moment while it migrates, and the next one that starts."""

from __future__ import annotations

from collections import Counter
from itertools import count, takewhile

import asyncpg

from tests.chaos.campaign import in_lanes, sizes
from tests.chaos.database import check, empty_database
from tests.chaos.files import modules_of_branches, modules_with
from tests.chaos.processes import recover, start

MOST_AFTER_EACH_OTHER = 3
HOW_OFTEN_IT_IS_NOTICED_AT_ONCE = 0.5
_HALF_DONE = """
SELECT module || '/' || version || CASE WHEN EXISTS (SELECT FROM pg_index WHERE NOT indisvalid)
    THEN ', an invalid index' ELSE '' END
FROM poolhouse.ledger WHERE state <> 'applied' LIMIT 1
"""
_END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND starts_with(application_name, 'chaos')
"""
_WHOLE = "SELECT count(*) FROM poolhouse.ledger WHERE module <> 'poolhouse'"


async def what_is_left(dsn):
    """Say what a killed process has left, in the words of the ledger."""
    connection = await asyncpg.connect(dsn)
    try:
        if await connection.fetchval("SELECT to_regclass('poolhouse.ledger') IS NULL"):
            return "nothing"
        if half_done := await connection.fetchval(_HALF_DONE):
            return f"half of {half_done}"
        return "whole migrations" if await connection.fetchval(_WHOLE) else "the ledger"
    finally:
        await connection.close()


async def end_sessions(dsn):
    """Let the server end at once what a killed process has begun, which else goes on until the statement is done."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(_END_SESSIONS)
    await connection.close()


# A server notices within two seconds that its client is gone, and the indexes of the last campaign take longer.
@sizes(
    "kills, lanes, modules",
    (3, 2, modules_with()),
    (200, 4, modules_with()),
    (20, 10, modules_with(row=0.05)),
    short_of_many=(2, 1, modules_of_branches(12)),
    campaign_of_many=(40, 4, modules_of_branches(100)),
    seconds=900,
)
async def test_a_start_or_the_command_of_its_error_mends_what_a_kill_left(
    server, releases, zygotes, random_of, record_property, kills, lanes, modules
):
    found = await releases(modules)
    left: Counter[str] = Counter()
    recoveries = []

    async def play(starting, number):
        random = random_of(number)
        async with empty_database(server) as dsn:
            remaining = found.seconds
            for _ in range(random.randint(1, MOST_AFTER_EACH_OTHER)):
                moment = random.uniform(0, remaining)
                # Others that start beside it have nothing to fear from its end, but what a person has to decide.
                beside = [start(dsn, found.new)] * random.choice([0, 0, 0, 2])
                victim, *others = await starting.run(start(dsn, found.new, kill_after=moment), *beside)
                assert [each for each in others if "error" in each and "commands" not in each] == []
                if "killed" in victim:
                    left["what the others made of it" if others else await what_is_left(dsn)] += 1
                if others or "killed" not in victim:
                    break
                if random.random() < HOW_OFTEN_IT_IS_NOTICED_AT_ONCE:
                    await end_sessions(dsn)
                remaining -= moment
            recoveries.append(await recover(starting, dsn, found.new))
            await check(server, dsn, found.expected)

    # A moment after the last migration kills nobody, and does not count.
    await in_lanes(zygotes.take(lanes), takewhile(lambda _: left.total() < kills, count()), play)
    record_property("server", server.version)
    record_property("kills", left.total())
    record_property("left", dict(sorted(left.items())))
    record_property("seconds_undisturbed", f"{found.seconds:.1f}")
    record_property("commands", sum(each.commands for each in recoveries))
    record_property("seconds_of_the_slowest_recovery", f"{max(each.seconds for each in recoveries):.1f}")

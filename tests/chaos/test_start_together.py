"""Processes that start at the same moment on an empty database."""

from __future__ import annotations

from collections import Counter

from tests.chaos.campaign import in_lanes, sizes
from tests.chaos.database import check, empty_database
from tests.chaos.files import modules_of_branches, modules_with
from tests.chaos.processes import applied, check_all_went_well, start


@sizes(
    "rounds, lanes, processes, modules",
    (2, 2, 16, modules_with()),
    (50, 5, 16, modules_with(slow=10.0)),
    short_of_many=(1, 1, 6, modules_of_branches(12)),
    campaign_of_many=(2, 1, 16, modules_of_branches(150)),
    seconds=900,
)
async def test_no_process_fails_and_each_migration_is_applied_once(
    server, releases, zygotes, record_property, rounds, lanes, processes, modules
):
    found = await releases(modules)
    seconds: list[float] = []
    who: Counter[int] = Counter()

    async def play(starting, _):
        async with empty_database(server) as dsn:
            outcomes = await starting.run(*[start(dsn, found.new)] * processes)
            check_all_went_well(outcomes)
            assert applied(outcomes) == found.applied
            seconds.append(max(outcome["seconds"] for outcome in outcomes))
            who[sum(bool(outcome["applied"]) for outcome in outcomes)] += 1
            await check(server, dsn, found.expected)

    await in_lanes(zygotes.take(lanes), range(rounds), play)
    record_property("server", server.version)
    record_property("rounds", len(seconds))
    record_property("seconds_alone", f"{found.seconds:.1f}")
    record_property("seconds_of_the_slowest", f"{max(seconds):.1f}")
    record_property("processes_that_applied_something", dict(sorted(who.items())))

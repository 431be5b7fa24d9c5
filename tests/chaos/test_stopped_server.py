"""A server that is stopped with `immediate` while processes migrate on it, and started again."""

from __future__ import annotations

import asyncio
from collections import Counter

from poolhouse.testing.databases import with_database
from tests.chaos.campaign import sizes
from tests.chaos.database import check, create_database
from tests.chaos.files import modules_of_branches, modules_with
from tests.chaos.processes import recover, start

PROCESSES = 3


@sizes(
    "stops, modules",
    (1, modules_with()),
    (20, modules_with()),
    short_of_many=(1, modules_of_branches(12)),
    campaign_of_many=(6, modules_of_branches(100)),
    seconds=600,
)
async def test_a_start_or_the_command_of_its_error_mends_what_the_end_of_the_server_left(
    durable, releases, zygotes, random_of, record_property, stops, modules
):
    found = await releases(modules)
    server = durable.open()
    errors: Counter[str] = Counter()
    recoveries = []
    (starting,) = zygotes.take(1)
    # It writes to a disk, and takes longer than the throw-away server.
    (alone,) = await starting.run(start(with_database(server.dsn, await create_database(server)), found.new))
    for number in range(stops):
        name = await create_database(server)
        dsn = with_database(server.dsn, name)
        at_work = asyncio.create_task(starting.run(*[start(dsn, found.new)] * PROCESSES))
        await asyncio.sleep(random_of(number).uniform(0, alone["seconds"]))
        durable.end_at_once()
        outcomes = await at_work
        assert [each for each in outcomes if not each.get("is_ours", True)] == []
        errors.update(each.get("error", "none").partition(":")[0] for each in outcomes)
        durable.close()
        server = durable.open()
        dsn = with_database(server.dsn, name)
        recoveries.append(await recover(starting, dsn, found.new))
        await check(server, dsn, found.expected)
    record_property("server", server.version)
    record_property("stops", stops)
    record_property("seconds_undisturbed", f"{alone['seconds']:.1f}")
    record_property("errors", dict(sorted(errors.items())))
    record_property("commands", sum(each.commands for each in recoveries))
    record_property("seconds_of_the_slowest_recovery", f"{max(each.seconds for each in recoveries):.1f}")

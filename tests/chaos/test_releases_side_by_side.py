"""Two releases of an application that start against each other, as in a rolling deploy."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import asyncpg

from tests.chaos.campaign import in_lanes, sizes
from tests.chaos.database import check, empty_database
from tests.chaos.files import modules_of_branches, modules_with
from tests.chaos.processes import applied, check_all_went_well, failures, recover, start

OF_EACH = 4
_OF_BRANCHES = "SELECT relname FROM pg_class WHERE relname IN ('coupons', 'vouchers')"


def is_warned(outcome):
    return any("ahead of the files" in each for each in outcome["warnings"])


@sizes(
    "rounds, lanes, modules",
    (1, 1, modules_with()),
    (20, 4, modules_with()),
    short_of_many=(1, 1, modules_of_branches(12)),
    campaign_of_many=(4, 2, modules_of_branches(100)),
    seconds=600,
)
async def test_going_forth_applies_the_new_files_once_and_going_back_warns(
    server, releases, zygotes, record_property, rounds, lanes, modules
):
    found = await releases(modules)

    async def play(starting, number):
        async with empty_database(server) as dsn:
            # In every second round both are the first that there are.
            deployed = await starting.run(*[start(dsn, found.old)] * (1 - number % 2))
            mixed = await starting.run(*[start(dsn, found.old), start(dsn, found.new)] * OF_EACH)
            check_all_went_well([*deployed, *mixed])
            versions = [each for each in applied([*deployed, *mixed]) if "open_orders" not in each]
            assert len(versions) == len(set(versions))
            await check(server, dsn, found.expected)
            back = await starting.run(*[start(dsn, found.old), start(dsn, found.new)] * OF_EACH)
            check_all_went_well(back)
            assert applied(back) == []
            assert [each["ahead"] for each in back] == [found.ahead, []] * OF_EACH
            assert [is_warned(each) for each in back] == [True, False] * OF_EACH
            await check(server, dsn, found.expected)

    await in_lanes(zygotes.take(lanes), range(rounds), play)
    record_property("server", server.version)
    record_property("rounds", rounds)


@sizes(
    "kills, lanes, modules",
    (1, 1, modules_with()),
    (40, 4, modules_with()),
    short_of_many=(1, 1, modules_of_branches(12)),
    campaign_of_many=(8, 4, modules_of_branches(100)),
    seconds=600,
)
async def test_the_old_release_starts_beside_what_a_killed_new_one_has_left_half_done(
    server, releases, zygotes, random_of, record_property, kills, lanes, modules
):
    found = await releases(modules)
    warned = []

    async def play(starting, number):
        async with empty_database(server) as dsn:
            check_all_went_well(await starting.run(start(dsn, found.old)))
            moment = random_of(number).uniform(0, found.seconds / 2)
            await starting.run(start(dsn, found.new, kill_after=moment))
            outcomes = await starting.run(*[start(dsn, found.old)] * OF_EACH)
            check_all_went_well(outcomes)
            assert applied(outcomes) == []
            assert [is_warned(each) for each in outcomes] == [bool(each["ahead"]) for each in outcomes]
            warned.append(is_warned(outcomes[0]))
            await recover(starting, dsn, found.new)
            await check(server, dsn, found.expected)

    await in_lanes(zygotes.take(lanes), range(kills), play)
    record_property("server", server.version)
    record_property("kills", kills)
    record_property("warned", sum(warned))


@sizes("rounds, lanes", (1, 1), (20, 4), seconds=600)
async def test_of_two_branches_that_start_together_one_is_applied_and_the_other_refused(
    server, releases, zygotes, record_property, rounds, lanes
):
    found = await releases(modules_with())
    winners: Counter[str] = Counter()

    async def play(starting, _):
        async with empty_database(server) as dsn:
            both = [start(dsn, branch) for branch in found.branches]
            sides = await starting.run(*both * OF_EACH)
            errors = [failures(sides[number::2]) for number in range(2)]
            assert sorted(map(len, errors)) == [0, OF_EACH]
            assert all(error.startswith("MigrationDriftError") for error in chain(*errors))
            assert applied(sides).count("shop.shop/14") == 1
            connection = await asyncpg.connect(dsn)
            tables = await connection.fetch(_OF_BRANCHES)
            await connection.close()
            (winner,) = [row["relname"] for row in tables]
            assert errors[["coupons", "vouchers"].index(winner)] == []
            winners[winner] += 1

    await in_lanes(zygotes.take(lanes), range(rounds), play)
    record_property("server", server.version)
    record_property("winners", dict(winners))

"""Rounds, and how they are played."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

CAMPAIGN = "campaign"
SEED = os.environ.get("POOLHOUSE_CHAOS_SEED") or str(time.time_ns())


def sizes(names: str, short: tuple, *campaigns: tuple, seconds: float, **more: tuple) -> pytest.MarkDecorator:
    """Give a test a size for `make processes`, and others for the campaign, which may take so many seconds each.

    Of `more`, those whose names begin with "short" are for the former.
    """
    ids = (CAMPAIGN, *(f"{CAMPAIGN}-{number}" for number in range(2, 10)))
    by_id = {"short": short, **dict(zip(ids, campaigns, strict=False)), **more}
    long = [pytest.mark.chaos, pytest.mark.timeout(seconds)]
    # Others may start many processes at the same time.
    brief = [pytest.mark.processes, pytest.mark.timeout(180)]
    return pytest.mark.parametrize(
        names,
        [
            pytest.param(*each, id=name, marks=brief if name.startswith("short") else long)
            for name, each in by_id.items()
        ],
    )


async def in_lanes(zygotes, rounds, play):
    """Play all rounds, as many at the same time as there are zygotes."""
    waiting = iter(rounds)

    async def lane(starting):
        for number in waiting:
            await play(starting, number)

    async with asyncio.TaskGroup() as group:
        for each in zygotes:
            group.create_task(lane(each))

"""Rounds, and how they are played."""

from __future__ import annotations

import asyncio

import pytest

CAMPAIGN = "campaign"


def sizes(names: str, *, short: tuple, long: tuple, seconds: float) -> pytest.MarkDecorator:
    """Give a test two sizes: one for every run, and one for the campaign, which may take so many seconds."""
    campaign = pytest.param(*long, id=CAMPAIGN, marks=[pytest.mark.chaos, pytest.mark.timeout(seconds)])
    return pytest.mark.parametrize(names, [pytest.param(*short, id="short"), campaign])


async def in_lanes(zygotes, rounds, play):
    """Play all rounds, as many at the same time as there are zygotes."""
    waiting = iter(rounds)

    async def lane(starting):
        for number in waiting:
            await play(starting, number)

    async with asyncio.TaskGroup() as group:
        for each in zygotes:
            group.create_task(lane(each))

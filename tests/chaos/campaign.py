"""Rounds, and how they are played."""

from __future__ import annotations

import asyncio

import pytest

CAMPAIGN = "campaign"


def sizes(names: str, short: tuple, *campaigns: tuple, seconds: float) -> pytest.MarkDecorator:
    """Give a test a size for `make processes`, and others for the campaign, which may take so many seconds each."""
    marks = [pytest.mark.chaos, pytest.mark.timeout(seconds)]
    ids = (CAMPAIGN, *(f"{CAMPAIGN}-{number}" for number in range(2, 10)))
    long = [pytest.param(*each, id=name, marks=marks) for each, name in zip(campaigns, ids, strict=False)]
    return pytest.mark.parametrize(names, [pytest.param(*short, id="short", marks=pytest.mark.processes), *long])


async def in_lanes(zygotes, rounds, play):
    """Play all rounds, as many at the same time as there are zygotes."""
    waiting = iter(rounds)

    async def lane(starting):
        for number in waiting:
            await play(starting, number)

    async with asyncio.TaskGroup() as group:
        for each in zygotes:
            group.create_task(lane(each))

"""Whatever services do at the same time, whoever gets a connection finds it as if nobody had used it before."""

from __future__ import annotations

from collections import Counter

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chaos.campaign import SEED, sizes
from tests.integration.at_once import run
from tests.integration.isolation.machine import GROUND_OF_MACHINE, PoolMachine

# Tasks and servers do the same thing twice in two ways, so that what failed cannot be made smaller by trying.
UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate], database=None)


@pytest.fixture(scope="module")
def machine_ground(ground):
    async def lay() -> None:
        connection = await asyncpg.connect(ground.dsn)
        await connection.execute(GROUND_OF_MACHINE)
        await connection.close()

    run(lay())
    return ground


@sizes("interleavings, examples", (60, 4), (10_000, 50), seconds=7200)
def test_whatever_services_do_at_the_same_time_nobody_finds_anything_of_it(
    machine_ground, record_property, interleavings, examples
):
    tally = Counter()
    record_property("seed", SEED)
    while tally["interleavings"] < interleavings:
        # The first example of a run is the least there is, with hardly a step.
        some = settings(UNHURRIED, max_examples=examples, stateful_step_count=50)
        run = seed(f"{SEED}/{tally['runs']}")(lambda: PoolMachine(machine_ground, tally))
        run_state_machine_as_test(run, settings=some)
        tally["runs"] += 1
    for name, count in sorted(tally.items()):
        record_property(name, count)

"""Whatever services do at the same time, whoever gets a connection finds it as if nobody had used it before."""

from __future__ import annotations

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from poolhouse.testing.plugin import _run
from tests.integration.isolation.machine import GROUND_OF_MACHINE, PoolMachine

UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def machine_ground(ground):
    async def lay() -> None:
        connection = await asyncpg.connect(ground.dsn)
        await connection.execute(GROUND_OF_MACHINE)
        await connection.close()

    _run(lay())
    return ground


@pytest.mark.processes
def test_hundreds_of_steps_leave_nothing_behind(machine_ground):
    few = settings(UNHURRIED, max_examples=6, stateful_step_count=25)
    run_state_machine_as_test(lambda: PoolMachine(machine_ground), settings=few)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
def test_ten_thousand_steps_leave_nothing_behind(machine_ground):
    many = settings(UNHURRIED, max_examples=250, stateful_step_count=40)
    run_state_machine_as_test(lambda: PoolMachine(machine_ground), settings=many)

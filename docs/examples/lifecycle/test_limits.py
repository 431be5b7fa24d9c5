from __future__ import annotations

import asyncio

import pytest
from dependency_injector import providers

from poolhouse import Container
from poolhouse.errors import StepTimeoutError


class Slow:
    async def open(self):
        await asyncio.Event().wait()

    async def close(self):
        pass


# begin: limits
class Patient(Container):
    start_timeout = 300.0  # seconds for each resource, for one that has to warm up
    stop_timeout = 60.0
    slow_after = 10.0


# end: limits
class Impatient(Patient):
    start_timeout = 0.01
    cache = providers.Resource(Slow)


async def test_a_step_that_takes_too_long_is_named():
    with pytest.raises(StepTimeoutError, match="cache"):
        await Impatient().init_resources()

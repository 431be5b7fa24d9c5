"""Steps that take too long: undone at their limit, and named while they are slow."""

from __future__ import annotations

import asyncio
import logging

import pytest
from dependency_injector import providers

from poolhouse.container import Container, LifecycleState
from poolhouse.errors import StepTimeoutError


@pytest.fixture
def application(journal, handle):
    class Slow(handle):
        """Waits for ever where a test says so."""

        waits_in: str | None = None

        async def open(self) -> None:
            await super().open()
            await self._wait("open")

        async def close(self) -> None:
            await super().close()
            await self._wait("close")

        async def _wait(self, place: str) -> None:
            if self.waits_in == place:
                await asyncio.Event().wait()

    class Part(Container):
        slow = providers.Resource(Slow, "slow")

    class Application(Container):
        start_timeout = 0.02
        stop_timeout = 0.02
        slow_after = 0.01
        first = providers.Resource(handle, "first")
        part = providers.Container(Part)
        last = providers.Resource(handle, "last")

    return Application()


async def test_a_step_of_the_start_over_its_limit_undoes_the_start_and_is_named(application, journal):
    application.part.slow().waits_in = "open"
    with pytest.raises(StepTimeoutError, match=r"starting part\.slow took longer than 0\.02 s") as caught:
        await application.init_resources()
    assert caught.value.step == "starting part.slow"
    assert caught.value.limit == 0.02
    assert caught.value.__notes__ == ["while starting part.slow"]
    assert journal == ["open first", "open slow", "close slow", "close first"]
    assert application.state is LifecycleState.STOPPED


async def test_a_step_of_the_shutdown_over_its_limit_is_named_and_skips_nothing(application, journal):
    await application.init_resources()
    application.part.slow().waits_in = "close"
    with pytest.raises(ExceptionGroup) as caught:
        await application.shutdown_resources()
    (late,) = caught.value.exceptions
    assert isinstance(late, StepTimeoutError)
    assert late.step == "stopping part.slow"
    assert journal[-3:] == ["close last", "close slow", "close first"]
    assert application.state is LifecycleState.STOPPED


async def test_a_time_limit_of_the_resources_own_is_its_own_error(application):
    def hasty(_):
        raise TimeoutError("of its own")

    with application.last.override(providers.Resource(hasty, 1)), pytest.raises(TimeoutError, match="own") as caught:
        await application.init_resources()
    assert caught.value.__notes__ == ["while starting last"]


async def test_a_slow_step_is_named_in_the_log_while_it_is_slow(application, caplog):
    seen = asyncio.Event()

    class Seeing(logging.Handler):
        def emit(self, _):
            seen.set()

    async def waiting():
        await seen.wait()
        yield

    logger = logging.getLogger("poolhouse.container")
    logger.addHandler(watcher := Seeing())
    try:
        with application.last.override(providers.Resource(waiting)):
            await application.init_resources()
    finally:
        logger.removeHandler(watcher)
    assert caplog.messages == ["starting last has taken 0.01 s so far"]
    await application.shutdown_resources()


async def test_quick_steps_are_not_in_the_log(application, caplog):
    async with application:
        pass
    assert caplog.messages == []


async def test_without_limits_of_its_own_a_container_has_generous_ones():
    assert (Container.start_timeout, Container.stop_timeout, Container.slow_after) == (60.0, 30.0, 5.0)

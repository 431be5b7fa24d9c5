"""Steps that take too long: undone at their limit, and named while they are slow."""

from __future__ import annotations

import asyncio
import logging
from typing import ClassVar

import pytest
from dependency_injector import providers

from poolhouse.container import Container, LifecycleState
from poolhouse.container.limits import limits_of
from poolhouse.errors import ContainerError, StepTimeoutError


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

    class Whole(Container):
        start_timeouts: ClassVar = {"part.slow": 0.02}
        stop_timeouts: ClassVar = {"part.slow": 0.02}
        slow_after = 0.01
        first = providers.Resource(handle, "first")
        part = providers.Container(Part)
        last = providers.Resource(handle, "last")

    return Whole()


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
    assert caplog.messages[0] == "starting last has taken 0.01 s so far"
    await application.shutdown_resources()


async def test_a_step_that_stays_slow_is_named_again_each_time_that_it_has_taken_twice_as_long(application, caplog):
    async def waiting():
        while len(caplog.messages) < 3:  # noqa: ASYNC110 - logging sets no event
            await asyncio.sleep(0.001)
        yield

    with application.last.override(providers.Resource(waiting)):
        async with application:
            pass
    assert [message.split()[-4] for message in caplog.messages[:3]] == ["0.01", "0.02", "0.04"]


async def test_quick_steps_are_not_in_the_log(application, caplog):
    application.declarative_parent.slow_after = 5.0
    async with application:
        pass
    assert caplog.messages == []


class Inner(Container):
    stop_timeout = 5.0
    start_timeouts: ClassVar = {"index": 300.0}
    index = providers.Resource(dict)
    cache = providers.Resource(dict)


class Outer(Container):
    start_timeout = 20.0
    start_timeouts: ClassVar = {"inner.cache": 2.0, "own": 1.0}
    own = providers.Resource(dict)
    other = providers.Resource(dict)
    inner = providers.Container(Inner)


@pytest.mark.parametrize(
    ("name", "start", "stop"),
    [("own", 1.0, 30.0), ("other", 20.0, 30.0), ("inner.index", 300.0, 5.0), ("inner.cache", 2.0, 5.0)],
)
def test_a_resource_has_the_limit_that_is_declared_nearest_to_it_or_by_whoever_is_around(name, start, stop):
    limits = limits_of(Outer())
    assert (limits.start_of(name), limits.stop_of(name)) == (start, stop)


def test_a_limit_for_a_resource_that_is_not_there_is_found_by_validation():
    class Mistyped(Container):
        start_timeouts: ClassVar = {"inner.cahe": 2.0}
        stop_timeouts: ClassVar = {"nothing_like_it": 2.0}
        inner = providers.Container(Inner)

    with pytest.raises(ContainerError) as caught:
        Mistyped().validate()
    assert [(error.fact, error.remedy) for error in caught.value.violations] == [
        ("start_timeouts has a limit for inner.cahe, and there is no such resource", "Did you mean 'inner.cache'?"),
        (
            "stop_timeouts has a limit for nothing_like_it, and there is no such resource",
            "There are inner.index, inner.cache",
        ),
    ]


async def test_without_limits_of_its_own_a_container_has_generous_ones():
    assert (Container.start_timeout, Container.stop_timeout, Container.slow_after) == (60.0, 30.0, 5.0)

"""Moments in which something happens: waiting for one, and cancelling in every one that there is."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

# Seconds that a busy machine may add to a wait; all other time limits at hand are farther off than that.
NOISE = 0.5

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator


async def until(is_so: Callable[[], Any], *, within: float = 5.0) -> None:
    """Let others run until it is so."""
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0)


class Interrupted:
    """Awaits `work`, and cancels the task at the `at`-th of its suspensions; `reached` counts them."""

    def __init__(self, work: Coroutine[Any, Any, Any], *, at: int) -> None:
        self._work = work
        self._at = at
        self.reached = 0

    @property
    def was_interrupted(self) -> bool:
        return self.reached >= self._at

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        go_on: Callable[[], Any] = partial(next, steps)
        while True:
            try:
                awaited = go_on()
            except StopIteration as end:
                return end.value
            self.reached += 1
            if self.reached == self._at:
                asyncio.current_task().cancel()
            try:
                yield awaited
            except BaseException as error:  # noqa: BLE001 - passed on
                go_on = partial(steps.throw, error)
            else:
                go_on = partial(next, steps)


async def interrupt(work: Coroutine[Any, Any, Any], *, at: int) -> tuple[bool, Any]:
    """Run `work` in a task and cancel it at its `at`-th await; return whether it got there, and its outcome."""
    interrupted = Interrupted(work, at=at)

    async def run() -> Any:
        return await interrupted

    (outcome,) = await asyncio.gather(asyncio.create_task(run()), return_exceptions=True)
    return interrupted.was_interrupted, outcome


async def hold_elsewhere(acquiring: Coroutine[Any, Any, Any]) -> Any:
    """Let another task take a connection; a task that holds all of them itself would be told so instead of waiting."""
    return await asyncio.create_task(acquiring)

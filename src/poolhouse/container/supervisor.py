"""Whoever keeps an eye on the background tasks of a started container."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from poolhouse._core.subscriptions import Subscriptions
from poolhouse.container.events import BackgroundTaskCrashed
from poolhouse.errors import BackgroundTaskError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack

    from poolhouse.container.background import BackgroundTask

_log = logging.getLogger("poolhouse.container")


class Supervisor:
    """Starts background tasks, reports their crashes, and says when one of them ends everything."""

    def __init__(self) -> None:
        self.events = Subscriptions(_log)
        self.tasks: tuple[BackgroundTask, ...] = ()
        self.failure: BackgroundTaskError | None = None
        self._stops: tuple[Callable[[], object], ...] = ()

    async def start(self, name: str, task: BackgroundTask, leaving: AsyncExitStack) -> None:
        """Run `task` until `leaving` is closed."""
        leaving.push_async_callback(self._stop, task)
        self.tasks = (*self.tasks, task)
        await task.begin(name, self._note)

    async def _stop(self, task: BackgroundTask) -> None:
        self.tasks = tuple(each for each in self.tasks if each is not task)
        await task.end()

    def _note(self, task: BackgroundTask, error: BaseException, pause: float | None) -> None:
        stops = task.on_crash == "stop"
        then = f"restarted in {pause:g} s" if pause is not None else "not restarted"
        consequence = "the application is stopped" if stops else f"it is {then}"
        # With its traceback, since it is the application's own code that raised; poolhouse's errors show no values.
        _log.error("the background task %s crashed, and %s", task.name, consequence, exc_info=error)
        self.events.tell(BackgroundTaskCrashed(task.name, error, task.crashes, pause, stops))
        if stops and self.failure is None:
            self.failure = BackgroundTaskError(task.name, kind=type(error).__qualname__)
            self.failure.__cause__ = error
            for stop in self._stops:
                stop()

    def on_failure(self, stop: Callable[[], object]) -> None:
        """Call `stop` when a task's crash is to end everything."""
        self._stops = (*self._stops, stop)

    def off_failure(self, stop: Callable[[], object]) -> None:
        """Call `stop` no longer."""
        self._stops = tuple(each for each in self._stops if each != stop)

    def take_failure(self) -> BackgroundTaskError | None:
        """Return what ended everything, once."""
        failure, self.failure = self.failure, None
        return failure


class Body:
    """The block that a task is in, which is left at once when `cancel` is called; made in that task."""

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._is_cancelled = False

    def cancel(self) -> None:
        """Cancel the task, unless it is over."""
        if self._task is not None and not self._is_cancelled:
            self._is_cancelled = self._task.cancel()

    def leave(self) -> None:
        """Take the cancellation back, since what follows the block is to be done."""
        if self._task is not None and self._is_cancelled:
            self._task.uncancel()

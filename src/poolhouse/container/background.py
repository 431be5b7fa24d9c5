"""What runs in the background of an application, from its start to its stop."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from poolhouse._core.restarting import TaskState, crashes_in_a_row, pause_after
from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

_log = logging.getLogger("poolhouse.container")

OnCrash: TypeAlias = Literal["restart", "stop", "report"]

# The task, what it raised, and the seconds until it is called again, None where it is not.
Crashed: TypeAlias = "Callable[[BackgroundTask, BaseException, float | None], None]"

_running: ContextVar[BackgroundTask | None] = ContextVar("poolhouse_background_task", default=None)


class BackgroundTask:
    """A coroutine function that runs in a task of its own, from its start to its stop, as a Resource of a container.

    `outbox = providers.Resource(BackgroundTask, service.provided.deliver, on_crash="stop")` starts after everything
    that the service needs, and stops before any of that. It is stopped by cancellation, but not within a block of
    `uninterrupted`, for which the stop waits `finish_within` seconds. A function that returns is finished.

    When the function raises, the crash is logged, and told to who subscribed to BackgroundTaskCrashed. Then it is
    called again (`restart`: after `restart_after` seconds, which doubles with each crash up to a minute, until it ran
    for a minute), or the application is stopped (`stop`: `async with` a container, and `serve`, end with a
    BackgroundTaskError), or that was all (`report`).
    """

    def __init__(
        self,
        run: Callable[[], Awaitable[object]],
        *,
        on_crash: OnCrash = "restart",
        restart_after: float = 1.0,
        finish_within: float = 10.0,
    ) -> None:
        if on_crash not in get_args(OnCrash):
            known = ", ".join(map(repr, get_args(OnCrash)))
            fact = f"on_crash of a background task cannot be {on_crash!r}"
            raise WiringError(fact, place=_name_of(run), remedy=f"Use one of {known}")
        self._run = run
        self.on_crash: OnCrash = on_crash
        self.name = _name_of(run)
        self.state = TaskState.NEW
        self.crashes = 0
        self._restart_after = restart_after
        self._finish_within = finish_within
        self._in_a_row = 0
        self._busy = 0
        self._idle = asyncio.Event()
        self._is_stopping = False
        self._is_cancelled = False
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        crashes = f", crashes: {self.crashes}" if self.crashes else ""
        return f"<BackgroundTask {self.name} {self.state.value}{crashes}>"

    async def begin(self, name: str, crashed: Crashed) -> None:
        """Start it under the name that its provider has, and return when the function was called; for containers.

        `crashed` is called with each crash, and the seconds until the function is called again, None where it is not.
        Raises WiringError for a function that is no coroutine function.
        """
        self.name = name
        called = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._supervise(called, crashed), name=f"poolhouse: {name}")
        await asyncio.wait((self._task, called), return_when=asyncio.FIRST_COMPLETED)
        if not called.done():
            self._task.result()

    async def end(self) -> None:
        """Stop it, and return when it has ended; raises what it raised meanwhile.

        Where this is cancelled itself, the task is, and left alone: one that swallows its cancellation may go on.
        """
        task = self._task
        if task is None:
            return
        self._is_stopping = True
        try:
            await self._finish_what_it_does()
            self._cancel(task)
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            self._cancel(task)
            task.add_done_callback(_retrieve)
            error.add_note(f"the background task {self.name} was cancelled, and goes on")
            raise
        if self.state in {TaskState.RUNNING, TaskState.RESTARTING}:
            self.state = TaskState.STOPPED
        if not task.cancelled():
            task.result()

    async def _finish_what_it_does(self) -> None:
        try:
            async with asyncio.timeout(self._finish_within):
                # Also where the function has returned: tasks that it began may be in blocks, and in scopes.
                while self._busy:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            _log.warning(
                "the background task %s did not finish what it was doing within %g s, and is cancelled",
                self.name,
                self._finish_within,
            )

    def _cancel(self, task: asyncio.Task[None]) -> None:
        # Once: a second cancellation would interrupt what it does about the first one.
        if not self._is_cancelled:
            self._is_cancelled = True
            task.cancel()

    @contextmanager
    def uninterrupted(self) -> Generator[None]:
        """Let a stop wait for the block; see the function of this name."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy and self._is_stopping and self._task is not None:
                # At once, so that it does not begin with the next thing.
                self._cancel(self._task)
                self._idle.set()

    async def _supervise(self, called: asyncio.Future[None], crashed: Crashed) -> None:
        _running.set(self)
        while True:
            self.state = TaskState.RUNNING
            begun = time.monotonic()
            error = await self._outcome(called)
            if error is None:
                self.state = TaskState.FINISHED
                return
            if self._is_stopping:
                raise error
            pause = self._count(time.monotonic() - begun)
            self.state = TaskState.CRASHED if pause is None else TaskState.RESTARTING
            crashed(self, error, pause)
            if pause is None:
                return
            del error  # its traceback holds what it was doing, and the pause may be long
            await asyncio.sleep(pause)

    def _count(self, ran_for: float) -> float | None:
        self.crashes += 1
        self._in_a_row = crashes_in_a_row(self._in_a_row, ran_for=ran_for)
        return pause_after(self._in_a_row, first=self._restart_after) if self.on_crash == "restart" else None

    async def _outcome(self, called: asyncio.Future[None]) -> BaseException | None:
        """Call the function, wait until it ends, and return what it raised."""
        try:
            running = self._run()
            if not called.done():
                self._refuse_what_cannot_run(running)
                called.set_result(None)
            await running
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            # Unless somebody cancels this task, it is one that the function waited for that was cancelled.
            if task is None or task.cancelling():
                raise
            return error
        except Exception as error:
            if not called.done():
                raise
            return error
        return None

    def _refuse_what_cannot_run(self, running: object) -> None:
        if not inspect.isawaitable(running):
            raise WiringError(
                f"the background task {self.name} cannot be awaited",
                remedy="Give it a coroutine function without arguments, such as service.provided.run",
            )


def is_in_background() -> bool:
    """Whether a background task runs this."""
    return _running.get() is not None


@contextmanager
def uninterrupted() -> Generator[None]:
    """Let a stop of the background task that runs this wait until the block ends, for an item that is worked on.

    The stop waits `finish_within` seconds of the task, and cancels it then. When the block ends during a stop, the
    task is cancelled at its next `await`. Outside of a background task it does nothing.
    """
    task = _running.get()
    if task is None:
        yield
        return
    with task.uninterrupted():
        yield


def _name_of(run: object) -> str:
    return getattr(run, "__qualname__", type(run).__qualname__)


def _retrieve(task: asyncio.Task[None]) -> None:
    """Log how a task ended at last that was left alone."""
    if not task.cancelled() and task.exception() is not None:
        _log.error("%s crashed after its stop", task.get_name(), exc_info=task.exception())

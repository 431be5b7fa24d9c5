"""Starting a container's resources in order, and stopping them in reverse, whatever happens."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from poolhouse._core.lifecycle import LifecycleState, move
from poolhouse.container.plan import plan_start
from poolhouse.container.report import StartReport, StepReport
from poolhouse.errors import StepTimeoutError
from poolhouse.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence

    from dependency_injector import containers, providers

    from poolhouse.container.graph import Provider
    from poolhouse.container.plan import PlannedResource, StartPlan
    from poolhouse.migrations import MigrationReport, MigrationSet
    from poolhouse.pool import SharedPool

_log = logging.getLogger("poolhouse.container")


@runtime_checkable
class Handle(Protocol):
    """What is built at once and opened later, such as SharedPool: a resource whose two ends the lifecycle drives."""

    async def open(self) -> None:
        """Begin; leaves nothing behind when it fails or is cancelled."""
        ...

    async def close(self) -> None:
        """End; does nothing when it is not open."""
        ...


def is_handle(made: object) -> bool:
    """Whether `made` has coroutine methods `open` and `close`; a file, for one, has others of these names."""
    return all(inspect.iscoroutinefunction(getattr(made, name, None)) for name in ("open", "close"))


@dataclass(frozen=True, slots=True)
class Limits:
    """Times, in seconds: for one step of a start or a shutdown, and after which a step is called slow in the log."""

    start: float
    stop: float
    slow: float


@dataclass(slots=True)
class Started:
    """A resource that was started, or began to be, with the provider that was in force then."""

    name: str
    provider: providers.BaseResource[Any]
    made: object = None


class Lifecycle:
    """One container's way from new to started to stopped, and back again.

    Everything is opened and closed in one task of its own, in between which the task waits: a cancelled
    caller thus never interrupts a shutdown, and resources that must be left in the task that entered them
    (anyio's task groups) can be. When the loop itself ends, the task closes what is open.
    """

    def __init__(self, container: containers.Container) -> None:
        self._container = container
        self.state = LifecycleState.NEW
        self.report: StartReport | None = None
        self._steps: list[Started] = []
        self._task: asyncio.Task[None] | None = None
        self._end = asyncio.Event()
        self._turn = asyncio.Lock()

    async def start(self, limits: Limits) -> None:
        """Start everything, once; the caller's cancellation, or a failure, stops what was started and is raised."""
        async with self._turn:
            if self.state is LifecycleState.STARTED:
                return
            self._end = asyncio.Event()
            ready = asyncio.get_running_loop().create_future()
            self._task = task = asyncio.create_task(self._live(limits, ready), name="poolhouse container")
            try:
                await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError as cancelled:
                task.cancel()
                await _finished(task)
                for note in _notes_of(task):
                    cancelled.add_note(note)
                raise
            if not ready.done():
                await task

    async def stop(self) -> None:
        """Stop everything; a cancellation is raised when that is done. Does nothing where nothing was started."""
        async with self._turn:
            if self.state is not LifecycleState.STARTED or self._task is None:
                return
            self._end.set()
            cancelled = await _finished(self._task)
            try:
                await self._task
            except BaseException as error:
                if cancelled is None:
                    raise
                cancelled.add_note(f"and the shutdown failed: {error!r}")
            if cancelled is not None:
                raise cancelled

    async def _live(self, limits: Limits, ready: asyncio.Future[None]) -> None:
        self._move(LifecycleState.STARTING)
        try:
            self.report = await self._start_all(limits)
        except BaseException as error:
            self._move(LifecycleState.STOPPING)
            for failure in await self._stop_all(limits):
                error.add_note(f"and then, {_noted(failure)}: {failure!r}")
            self._move(LifecycleState.STOPPED)
            raise
        self._move(LifecycleState.STARTED)
        ready.set_result(None)
        try:
            await self._end.wait()
        finally:
            self._move(LifecycleState.STOPPING)
            failures = await self._stop_all(limits)
            self._move(LifecycleState.STOPPED)
        if failures:
            raise BaseExceptionGroup("the container did not stop cleanly", failures)

    def _move(self, target: LifecycleState) -> None:
        self.state = move(self.state, target, subject="the container")

    async def _start_all(self, limits: Limits) -> StartReport:
        plan = self._plan()
        times = [await self._start_resource(resource, limits) for resource in plan.before]
        begun = time.monotonic()
        migrated = await _migrate(plan.migrations, limits)
        if plan.migrations:
            times.append(StepReport("migrations", time.monotonic() - begun))
        times += [await self._start_resource(resource, limits) for resource in plan.after]
        return StartReport(tuple(times), migrated)

    def _plan(self) -> StartPlan:
        # A provider's mode is set by its first call and stays: calls before this start must not decide it.
        for provider in cast("Iterator[Provider]", self._container.traverse()):
            provider.reset_async_mode()
        return plan_start(self._container)

    async def _start_resource(self, resource: PlannedResource, limits: Limits) -> StepReport:
        begun = time.monotonic()
        step = Started(resource.name, resource.provider)
        self._steps.append(step)
        async with _watched(f"starting {resource.name}", limit=limits.start, slow=limits.slow):
            made: Any = resource.provider.init()
            step.made = await made if inspect.isawaitable(made) else made
            # From here on the provider gives the object itself, also to synchronous callers.
            resource.provider.disable_async_mode()
            if is_handle(step.made):
                await cast("Handle", step.made).open()
        return StepReport(resource.name, time.monotonic() - begun)

    async def start_more(self, resources: Iterable[PlannedResource], limits: Limits) -> list[Started]:
        """Start those of `resources` that are not started yet; the caller stops them with `stop_these`."""
        begun = len(self._steps)
        running = {step.provider for step in self._steps}
        try:
            for resource in resources:
                if resource.provider not in running:
                    await self._start_resource(resource, limits)
        except BaseException as error:
            for failure in await self.stop_these(self._steps[begun:], limits):
                error.add_note(f"and then, {_noted(failure)}: {failure!r}")
            raise
        return self._steps[begun:]

    async def stop_these(self, steps: Sequence[Started], limits: Limits) -> list[BaseException]:
        """Stop `steps` in reverse order; skips none, and returns what went wrong."""
        failures: list[BaseException] = []
        for step in reversed(steps):
            if step not in self._steps:
                continue
            self._steps.remove(step)
            for work in (_close_handle, _shut_down):
                try:
                    async with _watched(f"stopping {step.name}", limit=limits.stop, slow=limits.slow):
                        await work(step)
                except BaseException as error:  # noqa: BLE001 - nothing is skipped; all failures are raised together
                    failures.append(error)
        return failures

    async def _stop_all(self, limits: Limits) -> list[BaseException]:
        return await self.stop_these(list(self._steps), limits)


async def _close_handle(step: Started) -> None:
    if is_handle(step.made):
        await cast("Handle", step.made).close()


async def _shut_down(step: Started) -> None:
    # A handle stays: whoever was built with it can go on with it after the next start.
    if not is_handle(step.made):
        done = cast("Any", step.provider).shutdown()
        if inspect.isawaitable(done):
            await done


async def _migrate(sets: Sequence[MigrationSet], limits: Limits) -> tuple[MigrationReport, ...]:
    by_pool: dict[SharedPool, list[MigrationSet]] = {}
    for each in sets:
        by_pool.setdefault(each.db.pool, []).append(each)
    reports: list[MigrationReport] = []
    for together in by_pool.values():
        # No limit: a migration may rightly take hours. What waits for others has limits of its own.
        async with _watched("applying migrations", limit=None, slow=limits.slow):
            reports += (await migrate(together)).reports
    return tuple(reports)


@asynccontextmanager
async def _watched(doing: str, *, limit: float | None, slow: float) -> AsyncGenerator[None]:
    """Note on every error what was being done, name it in the log while it is slow, end it at its limit."""
    clock = asyncio.timeout(limit)
    named = asyncio.get_running_loop().call_later(slow, _name_slow, doing, slow)
    try:
        async with clock:
            yield
    except BaseException as error:
        if limit is not None and isinstance(error, TimeoutError) and clock.expired():
            late = StepTimeoutError(doing, limit=limit)
            late.add_note(f"while {doing}")
            raise late from None
        error.add_note(f"while {doing}")
        raise
    finally:
        named.cancel()


def _name_slow(doing: str, slow: float) -> None:
    _log.warning("%s has taken %g s so far", doing, slow)


async def _finished(task: asyncio.Task[None]) -> asyncio.CancelledError | None:
    """Wait until `task` is done; return the cancellation of the caller that came meanwhile, if any."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


def _notes_of(task: asyncio.Task[None]) -> list[str]:
    try:
        task.result()
    except BaseException as error:  # noqa: BLE001 - its notes are wanted, whatever it is
        return list(getattr(error, "__notes__", ()))
    return []


def _noted(error: BaseException) -> str:
    return ", ".join(getattr(error, "__notes__", ())) or "while stopping"

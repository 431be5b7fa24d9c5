"""Starting things in order, and stopping them in reverse, whatever happens."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from poolhouse._core.lifecycle import LifecycleState, move
from poolhouse.container import background
from poolhouse.container.plan import PlannedResource, StartPlan
from poolhouse.container.report import StartReport, StepReport
from poolhouse.container.resources import guard, open_resource
from poolhouse.container.supervisor import Supervisor
from poolhouse.container.watching import watched
from poolhouse.errors import LifecycleError, UnfinishedWorkError
from poolhouse.migrations import migrate
from poolhouse.pool.neighbours import starting
from poolhouse.roles import establish_roles
from poolhouse.schema import SchemaManager

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence

    from dependency_injector import providers

    from poolhouse.container.limits import Limits
    from poolhouse.container.scope import Scope
    from poolhouse.errors import BackgroundTaskError
    from poolhouse.migrations import MigrationReport, MigrationSet
    from poolhouse.pool import SharedPool
    from poolhouse.roles import RoleReport

_log = logging.getLogger("poolhouse.container")

# An event loop does not keep its tasks alive: without this, a started container that nobody refers to any
# more would be collected with everything open.
_living: set[asyncio.Task[None]] = set()


@dataclass(slots=True, eq=False)
class Step:
    """A resource that was started, or began to be, and how to leave it."""

    name: str
    provider: providers.BaseResource[Any]
    leaving: AsyncExitStack = field(default_factory=AsyncExitStack)


class Lifecycle:
    """The way of what a plan says from new to started to stopped, and back again.

    Everything is opened and closed in one task of its own, in between which the task waits: a cancelled
    caller thus never interrupts a shutdown, and resources that must be left in the task that entered them
    (anyio's task groups) can be. When the loop itself ends, the task closes what is open.
    """

    def __init__(self, plan: Callable[[], StartPlan], *, subject: str, supervisor: Supervisor | None = None) -> None:
        self._plan = plan
        self._subject = subject
        self.supervisor = supervisor or Supervisor()
        self._is_part = supervisor is not None
        self.state = LifecycleState.NEW
        self.report: StartReport | None = None
        self._steps: list[Step] = []
        self._parts: list[Lifecycle] = []
        self._task: asyncio.Task[None] | None = None
        self._scopes: dict[Scope, bool] = {}
        self._drained = asyncio.Event()
        self._end = asyncio.Event()
        self._turn = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self, limits: Limits) -> None:
        """Start everything, once; the caller's cancellation, or a failure, stops what was started and is raised.

        A cancellation while what failed is being stopped cuts nothing short, and the failure is raised all the same.
        """
        async with self._own_turn():
            if self.state is LifecycleState.STARTED:
                return
            if self._task is not None and not self._task.done():
                # It is ending by itself, as when a task group in it failed, and has not closed everything yet.
                await asyncio.wait((self._task,))
            self._end = asyncio.Event()
            ready = asyncio.get_running_loop().create_future()
            with starting():
                task = asyncio.create_task(self._live(limits, ready), name=f"poolhouse: {self._subject}")
            _living.add(task)
            task.add_done_callback(_living.discard)
            try:
                await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError as cancelled:
                has_failed = task.done() or self.state is LifecycleState.STOPPING
                # A step that swallows its cancellation goes on, and the start with it: then it ends at once.
                self._end.set()
                if not has_failed and not task.cancelling():
                    # A loop that ends has cancelled it already; again would cut short what closes now.
                    task.cancel()
                await _finished(task)
                if has_failed and not task.cancelled():
                    # It came first, and would be forgotten with a cancellation that somebody takes back.
                    task.result()
                _note_outcome(cancelled, task)
                raise
            if not ready.done():
                await task
            self._task = task

    async def stop(self) -> None:
        """Stop everything; a cancellation is raised when that is done. Does nothing where nothing was started."""
        async with self._own_turn():
            task, self._task = self._task, None
            if task is None:
                return
            self._end.set()
            cancelled = await _finished(task)
            if cancelled is not None:
                _note_outcome(cancelled, task)
                raise cancelled
            if not task.cancelled():
                task.result()

    @asynccontextmanager
    async def part(self, plan: Callable[[], Sequence[PlannedResource]], limits: Limits) -> AsyncGenerator[None]:
        """Start what `plan` names and does not run yet, where this is started, for the time of the block.

        Where this is stopped first, the part is stopped with it, before all else.
        """
        part = Lifecycle(lambda: _only(self._not_running(plan())), subject="an override", supervisor=self.supervisor)
        async with self._own_turn():
            if self.state is LifecycleState.STARTED:
                await part.start(limits)
                self._parts.append(part)
        try:
            yield
        finally:
            try:
                await part.stop()
            finally:
                if part in self._parts:
                    self._parts.remove(part)

    def enter_scope(self, scope: Scope) -> None:
        """Note that a scope begins, for which a shutdown then waits; LifecycleError where none can begin."""
        is_in_background = background.is_in_background()
        # What a background task does is waited for when that is stopped, and it may begin more until then.
        may_begin = {LifecycleState.STARTING, LifecycleState.STARTED}
        if self.state not in may_begin and not (is_in_background and self.state is LifecycleState.STOPPING):
            raise LifecycleError(
                f"{scope.name} cannot begin a scope, {self._subject} is {self.state.value}",
                remedy="Start the container first: `async with Container()`, or `await container.init_resources()`",
            )
        self._scopes[scope] = is_in_background

    def leave_scope(self, scope: Scope) -> None:
        """Note that a scope has ended."""
        self._scopes.pop(scope, None)
        self._drained.set()

    async def _drain(self, limits: Limits) -> None:
        """Wait until the scopes have ended that no background task is in."""
        try:
            async with asyncio.timeout(limits.drain):
                while not all(self._scopes.values()):
                    self._drained.clear()
                    await self._drained.wait()
        except TimeoutError:
            now = time.monotonic()
            left = (scope for scope, is_in_background in self._scopes.items() if not is_in_background)
            holders = tuple(f"{scope.name} ({now - scope.begun:.1f} s)" for scope in left)
            raise UnfinishedWorkError(waited=limits.drain, holders=holders) from None

    def _not_running(self, resources: Sequence[PlannedResource]) -> tuple[PlannedResource, ...]:
        running = self._running()
        return tuple(resource for resource in resources if resource.provider not in running)

    def _running(self) -> set[providers.BaseResource[Any]]:
        return {step.provider for step in self._steps}.union(*(part._running() for part in self._parts))  # noqa: SLF001 - its own kind

    def _own_turn(self) -> asyncio.Lock:
        """Return the lock of the running loop: a lock belongs to the loop it was first waited for in."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._task is not None and not self._task.done():
                raise LifecycleError(
                    f"{self._subject} was started in another event loop, and not stopped in it",
                    remedy="Stop it before that loop ends, as `async with Container()` does",
                )
            self._loop = loop
            self._turn = asyncio.Lock()
        return self._turn

    async def _live(self, limits: Limits, ready: asyncio.Future[None]) -> None:
        self._move(LifecycleState.STARTING)
        self._failure()  # of a start before this one, whose loop ended without a shutdown
        try:
            self.report = None
            self.report = await self._start_all(limits)
            self._raise_failure()
        except BaseException as error:
            _note(error, await self._stop_all(limits))
            raise
        self._move(LifecycleState.STARTED)
        _log.info("%s %s", self._subject, self.report)
        ready.set_result(None)
        cancelled: asyncio.CancelledError | None = None
        try:
            await self._end.wait()
        except asyncio.CancelledError as error:
            cancelled = error
        failures = await self._stop_all(limits)
        if failures:
            failure = self._failure()
            ended = [failure] if failure is not None else []
            raise BaseExceptionGroup(f"{self._subject} did not stop cleanly", [*ended, *failures])
        self._raise_failure()
        if cancelled is not None:
            raise cancelled

    def _failure(self) -> BackgroundTaskError | None:
        # The failure of a task in a part is the whole's to raise.
        return None if self._is_part else self.supervisor.take_failure()

    def _raise_failure(self) -> None:
        failure = self._failure()
        if failure is not None:
            raise failure

    def _move(self, target: LifecycleState) -> None:
        self.state = move(self.state, target, subject=self._subject)

    async def _start_all(self, limits: Limits) -> StartReport:
        plan = self._plan()
        times = [await self._start_resource(resource, limits) for resource in plan.before]
        begun = time.monotonic()
        migrated = await _migrate(plan.migrations, limits)
        if plan.migrations:
            times.append(StepReport("migrations", time.monotonic() - begun))
        begun = time.monotonic()
        roles = await _establish_roles((*plan.migrations, *plan.managers), migrated, limits)
        if roles:
            times.append(StepReport("roles", time.monotonic() - begun))
        times += [await self._start_resource(resource, limits) for resource in plan.after]
        return StartReport(tuple(times), tuple(chain.from_iterable(migrated.values())), roles)

    async def _start_resource(self, resource: PlannedResource, limits: Limits) -> StepReport:
        begun = time.monotonic()
        guard(resource.provider, resource.name, self)
        step = Step(resource.name, resource.provider)
        self._steps.append(step)
        async with watched(f"starting {step.name}", limit=limits.start_of(step.name), slow=limits.slow):
            await open_resource(step.provider, step.leaving, name=step.name, supervisor=self.supervisor)
        return StepReport(step.name, time.monotonic() - begun)

    async def _stop_all(self, limits: Limits) -> list[BaseException]:
        """Stop everything in reverse; skips nothing, and returns what went wrong."""
        self._move(LifecycleState.STOPPING)
        failures: list[BaseException] = []
        try:
            async with watched("waiting for work to end", limit=None, slow=limits.slow):
                await self._drain(limits)
        except BaseException as error:  # noqa: BLE001 - nothing is skipped; all failures are raised together
            failures.append(error)
        for part in reversed(self._parts):
            try:
                await part.stop()
            except BaseException as error:  # noqa: BLE001 - nothing is skipped; all failures are raised together
                failures.append(error)
        while self._steps:
            step = self._steps.pop()
            try:
                async with watched(f"stopping {step.name}", limit=limits.stop_of(step.name), slow=limits.slow):
                    await step.leaving.aclose()
            except BaseException as error:  # noqa: BLE001 - nothing is skipped; all failures are raised together
                failures.append(error)
        self._move(LifecycleState.STOPPED)
        return failures


def _only(resources: tuple[PlannedResource, ...]) -> StartPlan:
    return StartPlan(before=resources)


async def _migrate(sets: Sequence[MigrationSet], limits: Limits) -> dict[SharedPool, tuple[MigrationReport, ...]]:
    by_pool: dict[SharedPool, list[MigrationSet]] = {}
    for each in sets:
        by_pool.setdefault(each.db.pool, []).append(each)
    reports: dict[SharedPool, tuple[MigrationReport, ...]] = {}
    for pool, together in by_pool.items():
        # No limit: a migration may rightly take hours. What waits for others has limits of its own.
        async with watched("applying migrations", limit=None, slow=limits.slow):
            reports[pool] = (await migrate(together)).reports
    return reports


async def _establish_roles(
    parts: Sequence[MigrationSet | SchemaManager],
    migrated: Mapping[SharedPool, Sequence[MigrationReport]],
    limits: Limits,
) -> tuple[RoleReport, ...]:
    by_pool: dict[SharedPool, list[MigrationSet | SchemaManager]] = {}
    for part in parts:
        pool = part.pool if isinstance(part, SchemaManager) else part.db.pool
        by_pool.setdefault(pool, []).append(part)
    reports: list[RoleReport] = []
    for pool, together in by_pool.items():
        # A pool that is none of the container's resources is opened, if ever, by somebody who knows what for.
        if pool.is_open:
            async with watched("establishing the roles of services", limit=None, slow=limits.slow):
                reports += await establish_roles(together, revoke=True, migrated=migrated.get(pool, ()))
    return tuple(reports)


async def _finished(task: asyncio.Task[None]) -> asyncio.CancelledError | None:
    """Wait until `task` is done; return the cancellation of the caller that came meanwhile, if any."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = cancelled or error
    return cancelled


def _note_outcome(cancelled: asyncio.CancelledError, task: asyncio.Task[None]) -> None:
    """Hand on to the caller's cancellation what the task has to say about its end."""
    try:
        task.result()
    except asyncio.CancelledError as own:
        for note in getattr(own, "__notes__", ()):
            cancelled.add_note(note)
    except BaseException as error:  # noqa: BLE001 - it becomes a note
        # The failures of a shutdown each say what was being stopped; the group around them says nothing.
        within: tuple[BaseException, ...] = getattr(error, "exceptions", ())
        _note(cancelled, (error,) if hasattr(error, "__notes__") else within or (error,))


def _note(error: BaseException, failures: Iterable[BaseException]) -> None:
    for failure in failures:
        doing = ", ".join(getattr(failure, "__notes__", ())) or "while stopping"
        error.add_note(f"and then, {doing}: {failure!r}")

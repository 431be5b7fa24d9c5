"""Errors of wiring and of the container's lifecycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.errors._base import PoolhouseError, Violations
from poolhouse.errors._configuration import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence


class WiringError(ConfigurationError):
    """Providers do not fit together: a cycle, a hole, two services with one schema, an injection nothing satisfies."""


class ProviderError(WiringError):
    """One provider does not fit where it is; `path` has the names on the way to it, from what needs it."""

    def __init__(self, fact: str, *, path: Sequence[str] = (), place: str, remedy: str) -> None:
        self.path = tuple(path)
        drawn = f" ({' -> '.join(self.path)})" if len(self.path) > 1 else ""
        super().__init__(f"{fact}{drawn}", place=place, remedy=remedy)


class ContainerError(Violations[PoolhouseError], WiringError):
    """Everything that is wrong with a container; nothing was opened.

    `violations` holds a ProviderError for each fault in the wiring, a WiringError for each injection that the
    container cannot satisfy, and the errors of settings, names and migration files that providers have in them.
    """

    def __init__(self, container: str, violations: Sequence[PoolhouseError]) -> None:
        self.container = container
        super().__init__(container, violations)


class LifecycleError(PoolhouseError):
    """A start or a shutdown was asked for in a state that does not allow it."""


class ScopeError(LifecycleError):
    """A scoped object was asked for where no scope has it."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name} lives in a scope, and nothing has opened it in one here",
            remedy="Let what needs it be injected, or resolve that in a scope: "
            "`async with container.scope() as scope`, and `await scope.resolve(...)`",
        )


class UnfinishedWorkError(LifecycleError):
    """A shutdown went on although scopes were open, since those did not end in time; `holders` says which."""

    def __init__(self, *, waited: float, holders: tuple[str, ...]) -> None:
        self.waited = waited
        self.holders = holders
        super().__init__(
            f"after {waited:g} s there was still work in {', '.join(holders)}, and everything was stopped around it",
            remedy="Let it end sooner, or raise the drain_timeout of the container",
        )


class StepTimeoutError(LifecycleError):
    """A step of the start or of the shutdown took longer than its limit, and was cancelled."""

    def __init__(self, step: str, *, limit: float) -> None:
        self.step = step
        self.limit = limit
        raised = "stop_timeout" if step.startswith("stopping") else "start_timeout"
        super().__init__(
            f"{step} took longer than {limit:g} s and was cancelled",
            remedy=f"See what it waits for, or raise {raised} of the container, or the limit of it alone in {raised}s",
        )


class BackgroundTaskError(PoolhouseError):
    """A background task crashed whose crash stops the application; what it raised is the cause."""

    def __init__(self, task: str, *, kind: str) -> None:
        self.task = task
        self.kind = kind
        super().__init__(
            f"the background task {task} crashed with {kind}, so everything was stopped",
            remedy="See its traceback in the log; with on_crash='restart' the task would be called again",
        )

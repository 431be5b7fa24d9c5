"""Errors of wiring and of the container's lifecycle."""

from __future__ import annotations

from poolhouse.errors._base import PoolhouseError
from poolhouse.errors._configuration import ConfigurationError


class WiringError(ConfigurationError):
    """Providers do not fit together: a cycle, a hole, two services with one schema, an injection nothing satisfies."""


class LifecycleError(PoolhouseError):
    """A start or a shutdown was asked for in a state that does not allow it."""


class StepTimeoutError(LifecycleError):
    """A step of the start or of the shutdown took longer than its limit, and was cancelled."""

    def __init__(self, step: str, *, limit: float) -> None:
        self.step = step
        self.limit = limit
        super().__init__(
            f"{step} took longer than {limit:g} s and was cancelled",
            remedy="See what it waits for, or raise the limit of the container's steps",
        )

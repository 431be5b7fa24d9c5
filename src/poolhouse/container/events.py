"""What happens in a started container, as typed events for whoever subscribes to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class BackgroundTaskCrashed:
    """A background task raised `error`, for the `crashes`-th time since its start.

    `restart_in` are the seconds after which it is called again, None where it is not; `stops_application` says that
    everything is to be stopped for it, in which case the error is also raised by the shutdown.
    """

    name: str
    error: BaseException
    crashes: int
    restart_in: float | None
    stops_application: bool


EventT = TypeVar("EventT", bound=BackgroundTaskCrashed)

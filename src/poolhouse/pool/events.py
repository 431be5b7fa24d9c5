"""What happens in a pool, as typed events for whoever subscribes to them.

No event holds a parameter of a statement, or a password. `statement` is the template as it was written.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from poolhouse._core.subscriptions import Subscriptions

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("poolhouse.pool")


@dataclass(frozen=True, slots=True)
class Acquired:
    """A service got a connection, after `waited` seconds."""

    service: str
    waited: float


@dataclass(frozen=True, slots=True)
class Waited:
    """A service had to wait for a connection, for so many seconds, and has got one or given up."""

    service: str
    seconds: float


@dataclass(frozen=True, slots=True)
class HandedOff:
    """A connection went from one service to another, which took `seconds`; `previous` is None for a fresh one."""

    service: str
    previous: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class SessionReset:
    """A connection's session was cleared after a use that changed it, or may have; which took `seconds`."""

    service: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StatementEnded:
    """A statement ended after so many seconds; where it failed, `error` is its SQLSTATE, or the class of the error."""

    service: str
    statement: str
    seconds: float
    error: str | None


@dataclass(frozen=True, slots=True)
class SlowStatement:
    """A statement took longer than `slow_statement` of the settings, and its connection was held for so long."""

    service: str
    statement: str
    seconds: float


@dataclass(frozen=True, slots=True)
class HeldTooLong:
    """A connection has been held for longer than `long_hold` of the settings; told once for each use."""

    service: str
    statement: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class ConnectionBroken:
    """A connection was lost, or had to be cut; `service` served last, None for a fresh one."""

    service: str | None
    reason: str


PoolEvent: TypeAlias = (
    Acquired | Waited | HandedOff | SessionReset | StatementEnded | SlowStatement | HeldTooLong | ConnectionBroken
)

EventT = TypeVar("EventT", bound=PoolEvent)


def kind_of(error: BaseException) -> str:
    """Return an error's SQLSTATE, or its class where it has none."""
    return getattr(error, "sqlstate", None) or type(error).__name__


class Events(Subscriptions):
    """Who is to be told of what; those that `tells_…` spare every use the question."""

    __slots__ = ("tells_acquired", "tells_ended", "tells_slow", "tells_waited")

    def __init__(self) -> None:
        super().__init__(_log)
        self.tells_acquired = False
        self.tells_ended = False
        self.tells_slow = False
        self.tells_waited = False

    def _change(self, kind: type[Any], handlers: tuple[Callable[[Any], object], ...]) -> None:
        super()._change(kind, handlers)
        self.tells_acquired = self.has(Acquired)
        self.tells_ended = self.has(StatementEnded)
        self.tells_slow = self.has(SlowStatement)
        self.tells_waited = self.has(Waited)

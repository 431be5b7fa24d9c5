"""What the pool knows about itself without asking the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poolhouse._core.lifecycle import LifecycleState


@dataclass(frozen=True, slots=True)
class ServiceStatistics:
    """One service's part of the pool, counted since the pool was opened; times are in seconds."""

    in_use: int
    waiting: int
    acquired: int
    exhausted: int
    waited_total: float
    waited_longest: float


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """The pool at one moment.

    `size` counts open connections, `idle` those that nobody holds; `in_use` and `waiting` count uses.
    """

    state: LifecycleState
    min_size: int
    max_size: int
    size: int
    idle: int
    in_use: int
    waiting: int
    services: Mapping[str, ServiceStatistics] = field(default_factory=dict[str, ServiceStatistics])


@dataclass(slots=True)
class ServiceTally:
    """The running counts of one service, from which its statistics are taken."""

    in_use: int = 0
    waiting: int = 0
    acquired: int = 0
    exhausted: int = 0
    waited_total: float = 0.0
    waited_longest: float = 0.0

    def add_wait(self, seconds: float) -> None:
        """Count one wait that ended in a connection."""
        self.acquired += 1
        self.waited_total += seconds
        self.waited_longest = max(self.waited_longest, seconds)

    def freeze(self) -> ServiceStatistics:
        """Return the counts as they are now."""
        return ServiceStatistics(
            in_use=self.in_use,
            waiting=self.waiting,
            acquired=self.acquired,
            exhausted=self.exhausted,
            waited_total=self.waited_total,
            waited_longest=self.waited_longest,
        )

"""What the pool knows about itself without asking the server."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poolhouse._core.lifecycle import LifecycleState
    from poolhouse._core.sharing import Share

# Upper ends of the histogram's buckets, in seconds: from what nobody notices to what everybody does.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class ServiceStatistics:
    """One service's part of the pool, counted since the pool was opened; times are in seconds.

    `hand_offs` counts the connections that were made ready for it, and `resets` those whose session it changed.
    """

    in_use: int
    waiting: int
    acquired: int
    exhausted: int
    waited_total: float
    waited_longest: float
    hand_offs: int
    resets: int


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """The pool at one moment.

    `size` counts open connections, `idle` those that nobody holds; `in_use` and `waiting` count uses. `opened`,
    `closed` and `broken` count connections since the pool was opened. `waits` has, for each upper bound in seconds,
    how many had to wait at most so long and longer than the bound before; the last bound is infinite. Whoever got a
    connection at once is not in it.
    """

    state: LifecycleState
    min_size: int
    max_size: int
    size: int = 0
    idle: int = 0
    in_use: int = 0
    waiting: int = 0
    opened: int = 0
    closed: int = 0
    broken: int = 0
    services: Mapping[str, ServiceStatistics] = field(default_factory=dict[str, ServiceStatistics])
    waits: Mapping[float, int] = field(default_factory=dict[float, int])


class WaitHistogram:
    """How many waited how long."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)

    def add(self, seconds: float) -> None:
        """Count one wait."""
        self._counts[bisect_left(BUCKETS, seconds)] += 1

    def freeze(self) -> Mapping[float, int]:
        """Return the counts as they are now."""
        return dict(zip((*BUCKETS, float("inf")), self._counts, strict=True))


@dataclass(slots=True)
class ServiceTally:
    """The running counts of one service that are not in its share."""

    exhausted: int = 0
    waited_total: float = 0.0
    waited_longest: float = 0.0
    hand_offs: int = 0
    resets: int = 0

    def add_wait(self, seconds: float) -> None:
        """Count one wait that ended in a connection."""
        self.waited_total += seconds
        self.waited_longest = max(self.waited_longest, seconds)

    def freeze(self, share: Share[Any, Any]) -> ServiceStatistics:
        """Return the counts as they are now, with those of the service's share."""
        return ServiceStatistics(
            in_use=share.in_use,
            waiting=share.waiting,
            acquired=share.used,
            exhausted=self.exhausted,
            waited_total=self.waited_total,
            waited_longest=self.waited_longest,
            hand_offs=self.hand_offs,
            resets=self.resets,
        )

"""What the pool knows about itself without asking the server."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from poolhouse._core.lifecycle import LifecycleState
    from poolhouse._core.sharing import Share

# Upper ends of the histogram's buckets, in seconds: from what nobody notices to what everybody does.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Distribution:
    """How often something took how long, and how long all of it together; in seconds.

    `counts` has, for each upper bound, how many took at most so long and longer than the bound before; the last bound
    is infinite.
    """

    counts: Mapping[float, int]
    total: float

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts.values())


NOTHING = Distribution(dict.fromkeys((*BUCKETS, float("inf")), 0), 0.0)


@dataclass(frozen=True, slots=True)
class ServiceStatistics:
    """One service's part of the pool, counted since the pool was opened; times are in seconds.

    `hand_offs` counts the connections that were made ready for it, and `resets` those whose session it changed.
    `waits` are those that did not get a connection at once, given up or not, and `waited_total` what all uses took to
    get one. `statements` are those that ended while somebody had them timed; see SharedPool.time_statements.
    """

    in_use: int
    waiting: int
    acquired: int
    exhausted: int
    waited_total: float
    waited_longest: float
    hand_offs: int
    resets: int
    waits: Distribution = NOTHING
    statements: Distribution = NOTHING


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """The pool at one moment.

    `size` counts open connections, `idle` those that nobody holds; `in_use` and `waiting` count uses. `opened`,
    `closed` and `broken` count connections since the pool was opened. `waits` are those of all services together:
    whoever got a connection at once is not in it.
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
    waits: Distribution = NOTHING


def together(parts: Iterable[Distribution]) -> Distribution:
    """Return all of several distributions as one."""
    counts, total = dict(NOTHING.counts), 0.0
    for part in parts:
        total += part.total
        for bound, count in part.counts.items():
            counts[bound] += count
    return Distribution(counts, total)


class Histogram:
    """The running counts of a distribution."""

    __slots__ = ("_counts", "_total")

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)
        self._total = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self._total += seconds

    def freeze(self) -> Distribution:
        """Return the counts as they are now."""
        return Distribution(dict(zip((*BUCKETS, float("inf")), self._counts, strict=True)), self._total)


@dataclass(slots=True)
class ServiceTally:
    """The running counts of one service that are not in its share."""

    exhausted: int = 0
    waited_total: float = 0.0
    waited_longest: float = 0.0
    hand_offs: int = 0
    resets: int = 0
    waits: Histogram = field(default_factory=Histogram)
    statements: Histogram = field(default_factory=Histogram)

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
            waits=self.waits.freeze(),
            statements=self.statements.freeze(),
        )

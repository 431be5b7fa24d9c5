"""Whether a pool fits its server: numbers in, findings out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse._core.doctor.facts import PoolFacts, ServerFacts
from poolhouse._core.doctor.findings import Finding, Level
from poolhouse._core.doctor.sizing import judge_sizes
from poolhouse._core.doctor.surroundings import judge_surroundings
from poolhouse._core.doctor.timeouts import judge_timeouts

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Finding", "Level", "PoolFacts", "ServerFacts", "examine"]

_ORDER = [Level.FAULT, Level.WARNING, Level.ADVICE, Level.FINE]


def examine(pool: PoolFacts, server: ServerFacts) -> tuple[Finding, ...]:
    """Return all that is to be said of `pool` on `server`, the worst first."""
    return tuple(sorted(_findings(pool, server), key=lambda finding: _ORDER.index(finding.level)))


def _findings(pool: PoolFacts, server: ServerFacts) -> Iterator[Finding]:
    yield from judge_surroundings(pool, server)
    yield from judge_sizes(pool, server)
    yield from judge_timeouts(pool, server)

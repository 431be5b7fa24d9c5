"""What a benchmark is, and how contenders are compared."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Contender = Callable[[], Awaitable[float]]
_FEWEST = 5
_PER_SECOND = {"ms": 1e3, "µs": 1e6}


class SkippedError(Exception):
    """What a benchmark needs is not on this machine."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How the number of one key is measured, and its floor: at most or at least that; None where nothing is settled.

    `uvloop` says on which event loop, and `processes` in how many processes, one after another: a process has its
    luck with the kernel for as long as it lives.
    """

    measure: Callable[[], Coroutine[Any, Any, float]]
    at_most: float | None = None
    at_least: float | None = None
    uvloop: bool = False
    processes: int = 1

    def verdict(self, value: float) -> str:
        if self.at_most is not None:
            return f"{'meets' if value <= self.at_most else 'MISSES'} the floor of at most {self.at_most:g}"
        if self.at_least is not None:
            return f"{'meets' if value >= self.at_least else 'MISSES'} the floor of at least {self.at_least:g}"
        return "no floor"

    def run(self) -> float:
        with asyncio.Runner(loop_factory=_uvloop if self.uvloop else None) as runner:
            return runner.run(self.measure())


def _uvloop() -> asyncio.AbstractEventLoop:
    import uvloop  # noqa: PLC0415 - not on Windows

    return uvloop.new_event_loop()


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this process, and what it starts meanwhile, on one core; servers that run already may use all.

    A kernel that moves a client and its backends about doubles or halves the rate of a round, for all contenders but
    not for all in the same round. Does nothing where the operating system cannot.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


async def seconds(work: Awaitable[object]) -> float:
    begun = time.perf_counter()
    await work
    return time.perf_counter() - begun


async def ratio(
    contenders: Mapping[str, Contender],
    *,
    rounds: int,
    unit: str = "ms",
    warm_up: bool = True,
    limit: float = float("inf"),
) -> float:
    """Return the first contender's median divided by the second's, and print both, and how far apart the rounds were.

    A contender returns one figure each time it is called. They take turns, so that a noisy machine is noisy for both.
    After `limit` seconds a round is the last, if there were a few.
    """
    begun = time.perf_counter()
    seen: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + warm_up):
        for name, contender in contenders.items():
            figure = await contender()
            if number >= warm_up:
                seen[name].append(figure)
        if number >= _FEWEST and time.perf_counter() - begun > limit:
            break
    medians = {name: statistics.median(figures) for name, figures in seen.items()}
    for name, median in medians.items():
        low, high = _middle_half(seen[name])
        shown = median * _PER_SECOND.get(unit, 1)
        spread = f"spread {(max(seen[name]) - min(seen[name])) / median:.0%}, half within {(high - low) / median:.0%}"
        print(f"    {name:24} {shown:12,.2f} {unit} (median of {len(seen[name])}, {spread})")
    ours, theirs = medians.values()
    return ours / theirs


def _middle_half(figures: list[float]) -> tuple[float, float]:
    low, _, high = statistics.quantiles(figures, n=4, method="inclusive")
    return low, high

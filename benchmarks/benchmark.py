"""What a benchmark is, and how contenders are compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

Contender = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How the number of one key is measured, and what it may be at most; None where that is not settled."""

    measure: Callable[[], Coroutine[Any, Any, float]]
    at_most: float | None = None

    def verdict(self, value: float) -> str:
        if self.at_most is None:
            return "no floor"
        return f"{'meets' if value <= self.at_most else 'MISSES'} the floor of at most {self.at_most:g}"


async def seconds(work: Awaitable[object]) -> float:
    begun = time.perf_counter()
    await work
    return time.perf_counter() - begun


async def ratio(contenders: Mapping[str, Contender], *, rounds: int, unit: str = "ms", warm_up: bool = True) -> float:
    """Return the first contender's median divided by the second's, and print both.

    A contender returns one figure each time it is called. They take turns, so that a noisy machine is noisy for both.
    """
    seen: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + warm_up):
        for name, contender in contenders.items():
            figure = await contender()
            if number >= warm_up:
                seen[name].append(figure)
    medians = {name: statistics.median(figures) for name, figures in seen.items()}
    for name, median in medians.items():
        shown = median * 1_000 if unit == "ms" else median
        spread = (max(seen[name]) - min(seen[name])) / median
        print(f"    {name:24} {shown:12,.2f} {unit} (median of {rounds}, spread {spread:.0%})")
    ours, theirs = medians.values()
    return ours / theirs

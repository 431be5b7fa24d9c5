"""Running one benchmark, and keeping its number."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import http, migrations, observability, package, pool, resolving, slicing, testing, wiring
from benchmarks.benchmark import SkippedError

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results" / "latest.json"
BENCHMARKS = {
    **package.BENCHMARKS,
    **pool.BENCHMARKS,
    **migrations.BENCHMARKS,
    **wiring.BENCHMARKS,
    **resolving.BENCHMARKS,
    **http.BENCHMARKS,
    **observability.BENCHMARKS,
    **testing.BENCHMARKS,
    **slicing.BENCHMARKS,
}


def record(key: str, value: float) -> None:
    """Put a number into the results, beside those that are there."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({**results, key: value}, indent=2, sort_keys=True) + "\n")


def figure(key: str) -> float:
    """Measure once."""
    return BENCHMARKS[key].run()


def outcome(key: str, measure: Callable[[str], float]) -> str:
    """Measure as often as the benchmark asks for, keep the median, and say how it stands to its floor."""
    try:
        figures = [measure(key) for _ in range(BENCHMARKS[key].processes)]
    except SkippedError as reason:
        return f"{key}: SKIPPED, {reason}"
    value = round(statistics.median(figures), 4)
    record(key, value)
    all_of_them = f" (median of {', '.join(f'{each:.3g}' for each in figures)})" if len(figures) > 1 else ""
    return f"{key} = {value:g}{all_of_them}: {BENCHMARKS[key].verdict(value)}"

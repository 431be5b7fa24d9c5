"""Running one benchmark, and keeping its number."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import migrations, pool, wiring
from benchmarks.benchmark import SkippedError

RESULTS = Path(__file__).parent / "results" / "latest.json"
BENCHMARKS = {**pool.BENCHMARKS, **migrations.BENCHMARKS, **wiring.BENCHMARKS}


def record(key: str, value: float) -> None:
    """Put a number into the results, beside those that are there."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({**results, key: value}, indent=2, sort_keys=True) + "\n")


def outcome(key: str) -> str:
    """Run a benchmark, keep its number, and say how it stands to its floor."""
    try:
        value = round(BENCHMARKS[key].run(), 4)
    except SkippedError as reason:
        return f"{key}: SKIPPED, {reason}"
    record(key, value)
    return f"{key} = {value:g}: {BENCHMARKS[key].verdict(value)}"

"""Runs the benchmarks and writes their numbers: `make bench`, or `make bench ARGS=migrations` for some of them.

An argument is a key, or the beginning of keys up to a dot. What is not run keeps its number of an earlier run.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks import migrations, pool, wiring
from benchmarks.benchmark import SkippedError

RESULTS = Path(__file__).parent / "results" / "latest.json"
BENCHMARKS = {**pool.BENCHMARKS, **migrations.BENCHMARKS, **wiring.BENCHMARKS}


def chosen(arguments: list[str]) -> list[str]:
    """Return the keys that are meant; leaves with a message when an argument means none."""
    wanted: set[str] = set()
    for argument in arguments:
        keys = {key for key in BENCHMARKS if f"{key}.".startswith(f"{argument}.")}
        if not keys:
            sys.exit("\n  ".join([f"there is no benchmark {argument!r}; there are:", *BENCHMARKS]))
        wanted |= keys
    return [key for key in BENCHMARKS if key in wanted or not arguments]


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


def main() -> None:
    summary = []
    for key in chosen(sys.argv[1:]):
        print(key, flush=True)
        begun = time.perf_counter()
        summary.append(outcome(key))
        print(f"  {summary[-1]} ({time.perf_counter() - begun:.0f} s)", flush=True)
    print("\n".join(["", *summary]))


if __name__ == "__main__":
    main()

"""Runs the benchmarks and writes their numbers: `make bench`, or `make bench ARGS=migrations` for some of them.

An argument is a key, or the beginning of keys up to a dot. What is not run keeps its number of an earlier run.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.running import BENCHMARKS, figure, outcome


def chosen(arguments: list[str]) -> list[str]:
    """Return the keys that are meant; leaves with a message when an argument means none."""
    wanted: set[str] = set()
    for argument in arguments:
        keys = {key for key in BENCHMARKS if f"{key}.".startswith(f"{argument}.")}
        if not keys:
            sys.exit("\n  ".join([f"there is no benchmark {argument!r}; there are:", *BENCHMARKS]))
        wanted |= keys
    return [key for key in BENCHMARKS if key in wanted or not arguments]


def main() -> None:
    summary = []
    # Each in a process of its own: the second server and loop of a process were a fifth slower than its first, and
    # the fastest contender loses most by it.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as process:
        for key in chosen(sys.argv[1:]):
            print(key, flush=True)
            begun = time.perf_counter()
            summary.append(outcome(key, lambda key: process.submit(figure, key).result()))
            print(f"  {summary[-1]} ({time.perf_counter() - begun:.0f} s)", flush=True)
    print("\n".join(["", *summary]))


if __name__ == "__main__":
    main()

"""What the test kit costs each test."""

from __future__ import annotations

import statistics
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.benchmark import Benchmark
from benchmarks.servers import server
from poolhouse.testing.application import container_of, settings_of
from poolhouse.testing.background_loop import BackgroundLoop
from poolhouse.testing.isolation import Isolation
from poolhouse.testing.kit import Kit
from poolhouse.testing.running import RunningTest, rolled_back

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from poolhouse.testing.blueprint import Blueprint

ROOT = Path(__file__).parent.parent
ROUNDS = 101


async def rollback_ms() -> float:
    """What it costs a test of the reference application that its database is rolled back, without its queries."""
    async with kit_and_blueprint() as (kit, blueprint):
        test = RunningTest(kit, Isolation.ROLLBACK)
        ground = await kit.shared(blueprint)
        container: Any = ground.container()
        async with container:
            times = []
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                async with rolled_back(test, container, ground):
                    pass
                times.append(time.perf_counter() - begun)
    return median_ms(times)


async def clone_ms() -> float:
    """What it costs a test to have a migrated database of its own: made, and dropped."""
    async with kit_and_blueprint() as (kit, blueprint):
        async with kit.own(blueprint):
            pass  # the template is migrated once
        times = []
        for _ in range(ROUNDS // 2):
            begun = time.perf_counter()
            async with kit.own(blueprint):
                pass
            times.append(time.perf_counter() - begun)
    return median_ms(times)


@asynccontextmanager
async def kit_and_blueprint() -> AsyncIterator[tuple[Kit, Blueprint]]:
    """What a session of tests has, for the reference application."""
    loop = BackgroundLoop("poolhouse: databases of a benchmark")
    try:
        async with server(fsync="off") as dsn:
            with Kit(dsn, loop) as kit:
                yield kit, kit.blueprint(container_of(ROOT), settings_of(ROOT))
    finally:
        loop.close()


def median_ms(times: list[float]) -> float:
    median = statistics.median(times) * 1_000
    print(f"    {median:.2f} ms (median of {len(times)}, slowest {max(times) * 1_000:.1f} ms)")
    return median


BENCHMARKS = {
    "testing.rollback_ms": Benchmark(rollback_ms, at_most=1),
    "testing.clone_ms": Benchmark(clone_ms),
}

"""What it costs to resolve a service, and to make a container of many."""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from dependency_injector import providers

from benchmarks import trees
from benchmarks.benchmark import Benchmark, ratio
from benchmarks.wiring import Clock, service
from poolhouse.container import Container
from poolhouse.pool import SharedPool
from poolhouse.settings import DatabaseSettings

if TYPE_CHECKING:
    from collections.abc import Callable

_CALLS = 20_000
_ROUNDS = 25
_SERVICES = 200


async def resolving(ours: Callable[[], Any], theirs: Callable[[], Any]) -> float:
    """How long a call of ours takes, by how long one of theirs takes; both make the same tree of objects."""
    made = {each.__name__: each() for each in (ours, theirs)}
    for make in made.values():
        orders = make()
        assert isinstance(orders, trees.Orders)
        assert orders is not make()
        assert orders.repository.db is not orders.users.repository.db
        assert orders.repository.db.pool is make().users.repository.db.pool
    return await ratio({name: partial(_round, make) for name, make in made.items()}, rounds=_ROUNDS, unit="µs")


async def _round(make: Callable[[], Any]) -> float:
    calls = range(_CALLS)
    begun = time.perf_counter()
    for _ in calls:
        make()
    return (time.perf_counter() - begun) / _CALLS


async def container_200_services_ms() -> float:
    """How long it takes to make a container of two hundred services, each with a container of its own."""
    declared: dict[str, Any] = {
        "pool": providers.Resource(SharedPool, DatabaseSettings()),
        "clock": providers.Singleton(Clock),
        "before": providers.Object(None),
    }
    for number in range(_SERVICES):
        declared[f"service_{number}"] = providers.Container(service(number), **declared_of(declared))
    application = type("Application", (Container,), declared)
    times = []
    for _ in range(11):
        begun = time.perf_counter()
        application()
        times.append(time.perf_counter() - begun)
    median = statistics.median(times) * 1_000
    print(f"    {_SERVICES} services: {median:.1f} ms (median of {len(times)}, slowest {max(times) * 1_000:.1f} ms)")
    return median


def declared_of(declared: dict[str, Any]) -> dict[str, Any]:
    return {name: declared[name] for name in ("pool", "clock", "before")}


def _against(theirs: Callable[[], Any], *, at_most: float | None = None) -> Benchmark:
    return Benchmark(partial(resolving, trees.poolhouse, theirs), at_most=at_most, processes=3)


BENCHMARKS = {
    "wiring.resolve.vs_modern_di": _against(trees.modern_di_container, at_most=1.15),
    "wiring.resolve.vs_dependency_injector": _against(trees.dependency_injector, at_most=0.5),
    "wiring.resolve.vs_dishka": _against(trees.dishka_container),
    "wiring.resolve.vs_wireup": _against(trees.wireup_container),
    "wiring.resolve.vs_that_depends": _against(trees.that_depends_container),
    "wiring.frozen.vs_hand": Benchmark(
        partial(resolving, trees.poolhouse_frozen, trees.by_hand), at_most=1.15, processes=3
    ),
    "wiring.container_200_services_ms": Benchmark(container_200_services_ms),
}

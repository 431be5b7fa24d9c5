"""What a container's wiring costs before anything is opened."""

from __future__ import annotations

import statistics
import time
from typing import Any, cast

from dependency_injector import providers

from benchmarks.benchmark import Benchmark
from poolhouse.container import Container
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings

_SERVICES = 100
_ROUNDS = 21


class Clock:
    """What every service needs."""


async def validate_500_ms() -> float:
    """How long the validation of five hundred providers takes, five of each of a hundred services.

    Each service has classes of its own, and nothing that an earlier validation found is kept.
    """
    application = hundred_services()
    found = sum(1 for _ in application.traverse())
    times: list[float] = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        application.validate(files=False)
        times.append(time.perf_counter() - begun)
    median = statistics.median(times) * 1_000
    print(f"    {found} providers: {median:.1f} ms (median of {_ROUNDS}, slowest {max(times) * 1_000:.1f} ms)")
    return median


def hundred_services() -> Any:
    """Return a container of services that each need the pool, a clock, and, in rows of ten, the service before."""
    declared: dict[str, Any] = {
        "pool": providers.Resource(SharedPool, DatabaseSettings()),
        "clock": providers.Singleton(Clock),
    }
    for number in range(_SERVICES):
        # dependency-injector copies containers by recursion, which ends at some fifty services in a row.
        if number % 10 == 0:
            before: Any = providers.Object(None)
        part = providers.Container(service(number), pool=declared["pool"], clock=declared["clock"], before=before)
        declared[f"service_{number}"] = part
        before = part.service
    return type("Application", (Container,), declared)()


def service(number: int) -> type[Container]:
    """Return the container of one service, with a repository and a service class that nobody else has."""

    class Repository:
        def __init__(self, db: SchemaManager, clock: Clock) -> None: ...

    class Service:
        def __init__(self, repository: Repository, before: object, *, limit: int = 10) -> None: ...

    members = {
        "pool": providers.Dependency(instance_of=SharedPool),
        "clock": providers.Dependency(instance_of=Clock),
        "before": providers.Dependency(),
    }
    db = providers.Factory(SchemaManager, members["pool"], schema=f"service_{number}")
    repository = providers.Factory(Repository, db, clock=members["clock"])
    made = providers.Factory(Service, repository, members["before"], limit=number)
    reader = providers.Singleton(Service, repository, None)
    recent = providers.Factory(Service, repository, before=reader)
    own = {**members, "db": db, "repository": repository, "service": made, "reader": reader, "recent": recent}
    return cast("type[Container]", type(f"Service{number}", (Container,), own))


BENCHMARKS = {"wiring.validate_500_ms": Benchmark(validate_500_ms, at_most=200)}

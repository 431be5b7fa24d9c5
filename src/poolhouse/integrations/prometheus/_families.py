"""The metrics of pools and of their services, named as in the pools' statistics."""

from __future__ import annotations

from itertools import accumulate
from math import inf
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from poolhouse._core.lifecycle import LifecycleState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.core import Metric

    from poolhouse.pool import Distribution, PoolStatistics, ServiceStatistics

_OF_POOL = ("database",)
_OF_SERVICE = ("database", "service")


def families(pools: Mapping[str, PoolStatistics]) -> Iterator[Metric]:
    """Yield all metrics, with the figures of `pools` by their labels."""
    services = {
        (label, name): service for label, pool in pools.items() for name, service in sorted(pool.services.items())
    }
    yield _connections(pools)
    for name, text, figure in _GAUGES_OF_POOLS:
        gauge = GaugeMetricFamily(f"poolhouse_{name}", text, labels=_OF_POOL)
        for label, pool in pools.items():
            gauge.add_metric([label], figure(pool))
        yield gauge
    for name, text, figure in _COUNTERS_OF_POOLS:
        counter = CounterMetricFamily(f"poolhouse_{name}", text, labels=_OF_POOL)
        for label, pool in pools.items():
            counter.add_metric([label], figure(pool))
        yield counter
    yield from _of_services(services)


def _connections(pools: Mapping[str, PoolStatistics]) -> Metric:
    family = GaugeMetricFamily("poolhouse_connections", "Open connections, by state.", labels=("database", "state"))
    for label, pool in pools.items():
        family.add_metric([label, "idle"], pool.idle)
        family.add_metric([label, "used"], pool.size - pool.idle)
    return family


def _of_services(services: Mapping[tuple[str, str], ServiceStatistics]) -> Iterator[Metric]:
    for name, text, figure in _GAUGES_OF_SERVICES:
        gauge = GaugeMetricFamily(f"poolhouse_{name}", text, labels=_OF_SERVICE)
        for labels, service in services.items():
            gauge.add_metric(labels, figure(service))
        yield gauge
    for name, text, figure in _COUNTERS_OF_SERVICES:
        counter = CounterMetricFamily(f"poolhouse_{name}", text, labels=_OF_SERVICE)
        for labels, service in services.items():
            counter.add_metric(labels, figure(service))
        yield counter
    for name, text, spread in _HISTOGRAMS_OF_SERVICES:
        histogram = HistogramMetricFamily(f"poolhouse_{name}", text, labels=_OF_SERVICE)
        for labels, service in services.items():
            found = spread(service)
            histogram.add_metric(labels, list(_buckets(found)), found.total)
        yield histogram


def _buckets(found: Distribution) -> Iterator[tuple[str, float]]:
    # Prometheus counts in each bucket what is in those below it, too.
    for bound, count in zip(found.counts, accumulate(found.counts.values()), strict=True):
        yield "+Inf" if bound == inf else str(bound), count


_GAUGES_OF_POOLS: tuple[tuple[str, str, Callable[[PoolStatistics], float]], ...] = (
    ("up", "Whether the pool is open.", lambda pool: pool.state is LifecycleState.STARTED),
    ("min_size", "Connections that are kept open.", lambda pool: pool.min_size),
    ("max_size", "Connections that may be open.", lambda pool: pool.max_size),
)
_COUNTERS_OF_POOLS: tuple[tuple[str, str, Callable[[PoolStatistics], float]], ...] = (
    ("opened", "Connections that were opened.", lambda pool: pool.opened),
    ("closed", "Connections that were closed.", lambda pool: pool.closed),
    ("broken", "Connections that were lost or cut.", lambda pool: pool.broken),
)
_GAUGES_OF_SERVICES: tuple[tuple[str, str, Callable[[ServiceStatistics], float]], ...] = (
    ("in_use", "Connections that the service uses.", lambda service: service.in_use),
    ("waiting", "Uses that wait for a connection.", lambda service: service.waiting),
)
_COUNTERS_OF_SERVICES: tuple[tuple[str, str, Callable[[ServiceStatistics], float]], ...] = (
    ("acquired", "Uses that began.", lambda service: service.acquired),
    ("exhausted", "Waits for a connection past their deadline.", lambda service: service.exhausted),
    ("hand_offs", "Connections that were made ready for the service.", lambda service: service.hand_offs),
    ("resets", "Sessions that were cleared because the service changed them.", lambda service: service.resets),
)
_HISTOGRAMS_OF_SERVICES: tuple[tuple[str, str, Callable[[ServiceStatistics], Distribution]], ...] = (
    ("wait_seconds", "What uses waited that did not get a connection at once.", lambda service: service.waits),
    ("statement_seconds", "What statements took.", lambda service: service.statements),
)

"""A collector of the figures of pools, and the page that Prometheus reads."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from poolhouse.integrations._pools import labelled
from poolhouse.integrations.prometheus._families import families

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from poolhouse.pool import SharedPool


class PrometheusMetrics(Collector):
    """What Prometheus reads of one or several pools, as a resource of their container.

    It is declared as `metrics = providers.Resource(PrometheusMetrics, pool)`. While it is open, statements are timed by
    service, which costs each about half a microsecond; all else is counted anyway. Nothing is asked of a database, and
    nothing is computed before Prometheus reads. It is a collector of prometheus_client's, and registers itself nowhere:
    `page` shows it together with all that `registry` has, by default the metrics of the process and of whoever else
    uses prometheus_client.
    """

    def __init__(self, *pools: SharedPool, registry: Collector = REGISTRY) -> None:
        self._pools = pools
        self._registry = registry
        self._is_open = False

    def __repr__(self) -> str:
        return f"<PrometheusMetrics of {len(self._pools)} pools, {'open' if self._is_open else 'closed'}>"

    async def open(self) -> None:
        """Begin to time statements; does nothing when it is open."""
        self._switch(is_open=True)

    async def close(self) -> None:
        """Time statements no more; does nothing when it is not open."""
        self._switch(is_open=False)

    def _switch(self, *, is_open: bool) -> None:
        if self._is_open is not is_open:
            self._is_open = is_open
            for pool in self._pools:
                pool.time_statements(is_wanted=is_open)

    def describe(self) -> Iterator[Metric]:
        """Yield what `collect` yields, without figures."""
        return families({})

    def collect(self) -> Iterator[Metric]:
        """Yield the figures as they are now; may be called in any thread."""
        return families({label: pool.statistics() for label, pool in labelled(self._pools).items()})

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """Return what an endpoint answers to Prometheus, and its content type; `accept` is its header of that name."""
        encode, content_type = choose_encoder(accept)
        return encode(_Together(self._registry, self)), content_type


class _Together(Collector):
    """Several collectors as one."""

    def __init__(self, *parts: Collector) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        return chain.from_iterable(part.collect() for part in self._parts)

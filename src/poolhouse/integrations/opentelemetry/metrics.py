"""The figures of pools as metrics."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from poolhouse.integrations._pools import location_of
from poolhouse.integrations.opentelemetry._instruments import instruments_of
from poolhouse.integrations.opentelemetry._scope import attributes_of
from poolhouse.pool import StatementEnded, Waited

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Histogram, MeterProvider

    from poolhouse.integrations.opentelemetry._instruments import Attributes
    from poolhouse.pool import SharedPool


class OpenTelemetryMetrics:
    """The figures of one or several pools, as a resource of their container.

    It is declared as `metrics = providers.Resource(OpenTelemetryMetrics, pool)`. What pools count anyway is read when
    metrics are collected: connections by state, who waits, deadlines missed, hand-offs, resets. Statements are
    timed by service while it is open, which costs each about half a microsecond: their number and the sum of their
    times are counters, and so are those of waits.

    With `histograms` each statement is recorded in `db.client.operation.duration`, and each wait in
    `db.client.connection.wait_time`, which costs several microseconds in OpenTelemetry's SDK. (Histograms that cost
    nothing are what PrometheusMetrics has.)

    Metrics go to `provider`, the global one by default.
    """

    def __init__(self, *pools: SharedPool, provider: MeterProvider | None = None, histograms: bool = False) -> None:
        self._pools = pools
        self._provider = provider
        self._histograms = histograms
        self._closing: list[Callable[[], object]] = []

    def __repr__(self) -> str:
        return f"<OpenTelemetryMetrics of {len(self._pools)} pools, {'open' if self._closing else 'closed'}>"

    async def open(self) -> None:
        """Begin to show the pools' figures; does nothing when it is open."""
        if not self._closing:
            for pool in self._pools:
                self._show(pool)

    async def close(self) -> None:
        """Show them no more; does nothing when it is not open."""
        while self._closing:
            self._closing.pop()()

    def _show(self, pool: SharedPool) -> None:
        instruments = instruments_of(self._provider)
        server, database = attributes_of(pool)
        named = {"db.client.connection.pool.name": _name_of(pool)}
        pool.time_statements(is_wanted=True)
        self._closing.append(partial(pool.time_statements, is_wanted=False))
        instruments.shown[pool] = named
        self._closing.append(partial(instruments.shown.pop, pool, None))
        if self._histograms:
            within = {**server, **({"db.namespace": database} if database else {})}
            self._subscribe(
                pool, _Statements(instruments.operation_duration, within), _Waits(instruments.wait_time, named)
            )

    def _subscribe(self, pool: SharedPool, statements: _Statements, waits: _Waits) -> None:
        pool.subscribe(StatementEnded, statements.note)
        self._closing.append(partial(pool.unsubscribe, StatementEnded, statements.note))
        pool.subscribe(Waited, waits.note)
        self._closing.append(partial(pool.unsubscribe, Waited, waits.note))


def _name_of(pool: SharedPool) -> str:
    # What the conventions make of a pool's name where it has none.
    location = location_of(pool)
    if location is None:
        return pool.address
    port = f":{location.port}" if location.port else ""
    return f"{location.host}{port}/{location.database}"


class _Statements:
    """Records statements."""

    def __init__(self, histogram: Histogram, attributes: Attributes) -> None:
        self._histogram = histogram
        self._attributes = attributes

    def note(self, event: StatementEnded) -> None:
        attributes = {**self._attributes, "poolhouse.service": event.service}
        if event.error is not None:
            attributes["error.type"] = event.error
        self._histogram.record(event.seconds, attributes)


class _Waits:
    """Records waits."""

    def __init__(self, histogram: Histogram, attributes: Attributes) -> None:
        self._histogram = histogram
        self._attributes = attributes

    def note(self, event: Waited) -> None:
        self._histogram.record(event.seconds, {**self._attributes, "poolhouse.service": event.service})

"""The instruments of a meter provider, and the pools that they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from poolhouse.integrations.opentelemetry._scope import NAME, SCHEMA, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider
    from opentelemetry.util.types import AttributeValue

    from poolhouse.pool import PoolStatistics, ServiceStatistics, SharedPool

    Attributes = Mapping[str, AttributeValue]

OPERATION_BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)


class Instruments:
    """What one provider collects: figures of the pools in `shown`, each with its attributes, asked in any thread.

    There is one for each provider, since those of the API cannot be taken back, nor be made a second time.
    """

    def __init__(self, provider: MeterProvider) -> None:
        self.shown: dict[SharedPool, Attributes] = {}
        meter = metrics.get_meter(NAME, VERSION, provider, SCHEMA)
        for name, unit, text, figure in _NOW:
            meter.create_observable_up_down_counter(name, [self._pools(figure)], unit, text)
        for name, unit, text, figure in _SINCE_OPENED:
            meter.create_observable_counter(name, [self._pools(figure)], unit, text)
        meter.create_observable_up_down_counter(
            "db.client.connection.count", [self._connections], "{connection}", "Open connections, by state."
        )
        self._show_services(meter)
        self.operation_duration = meter.create_histogram(
            "db.client.operation.duration",
            "s",
            "Duration of statements.",
            explicit_bucket_boundaries_advisory=OPERATION_BOUNDS,
        )
        self.wait_time = meter.create_histogram(
            "db.client.connection.wait_time",
            "s",
            "What uses waited that did not get a connection at once.",
            explicit_bucket_boundaries_advisory=OPERATION_BOUNDS,
        )

    def _show_services(self, meter: Meter) -> None:
        for name, unit, text, figure in _NOW_OF_SERVICES:
            meter.create_observable_up_down_counter(name, [self._services(figure)], unit, text)
        for name, unit, text, figure in _SINCE_OPENED_OF_SERVICES:
            meter.create_observable_counter(name, [self._services(figure)], unit, text)

    def _connections(self, _: CallbackOptions) -> Iterator[Observation]:
        for pool, attributes in list(self.shown.items()):
            statistics = pool.statistics()
            states = {"idle": statistics.idle, "used": statistics.size - statistics.idle}
            for state, count in states.items():
                yield Observation(count, {**attributes, "db.client.connection.state": state})

    def _pools(self, figure: Callable[[PoolStatistics], float]) -> Callable[[CallbackOptions], Iterator[Observation]]:
        def observe(_: CallbackOptions) -> Iterator[Observation]:
            for pool, attributes in list(self.shown.items()):
                yield Observation(figure(pool.statistics()), attributes)

        return observe

    def _services(
        self, figure: Callable[[ServiceStatistics], float]
    ) -> Callable[[CallbackOptions], Iterator[Observation]]:
        def observe(_: CallbackOptions) -> Iterator[Observation]:
            for pool, attributes in list(self.shown.items()):
                for name, service in pool.statistics().services.items():
                    yield Observation(figure(service), {**attributes, "poolhouse.service": name})

        return observe


_made: WeakKeyDictionary[Any, Instruments] = WeakKeyDictionary()


def instruments_of(provider: MeterProvider | None) -> Instruments:
    """Return the instruments of a provider, or of the global one."""
    chosen = provider or metrics.get_meter_provider()
    made = _made.get(chosen)
    if made is None:
        made = _made[chosen] = Instruments(chosen)
    return made


_NOW: tuple[tuple[str, str, str, Callable[[PoolStatistics], float]], ...] = (
    ("db.client.connection.max", "{connection}", "Connections that may be open.", lambda pool: pool.max_size),
)
_SINCE_OPENED: tuple[tuple[str, str, str, Callable[[PoolStatistics], float]], ...] = (
    ("poolhouse.opened", "{connection}", "Connections that were opened.", lambda pool: pool.opened),
    ("poolhouse.closed", "{connection}", "Connections that were closed.", lambda pool: pool.closed),
    ("poolhouse.broken", "{connection}", "Connections that were lost or cut.", lambda pool: pool.broken),
)
_NOW_OF_SERVICES: tuple[tuple[str, str, str, Callable[[ServiceStatistics], float]], ...] = (
    ("poolhouse.in_use", "{connection}", "Connections that the service uses.", lambda service: service.in_use),
    (
        "db.client.connection.pending_requests",
        "{request}",
        "Uses that wait for a connection.",
        lambda service: service.waiting,
    ),
)
_SINCE_OPENED_OF_SERVICES: tuple[tuple[str, str, str, Callable[[ServiceStatistics], float]], ...] = (
    (
        "db.client.connection.timeouts",
        "{timeout}",
        "Waits for a connection past their deadline.",
        lambda service: service.exhausted,
    ),
    ("poolhouse.acquired", "{use}", "Uses that began.", lambda service: service.acquired),
    ("poolhouse.hand_offs", "{hand_off}", "Connections made ready for the service.", lambda service: service.hand_offs),
    ("poolhouse.resets", "{reset}", "Sessions cleared after the service changed them.", lambda service: service.resets),
    ("poolhouse.waits", "{wait}", "Uses that did not get a connection at once.", lambda service: service.waits.count),
    ("poolhouse.wait.time", "s", "What those waited, together.", lambda service: service.waits.total),
    ("poolhouse.statements", "{statement}", "Statements that ended.", lambda service: service.statements.count),
    ("poolhouse.statement.time", "s", "What those took, together.", lambda service: service.statements.total),
)

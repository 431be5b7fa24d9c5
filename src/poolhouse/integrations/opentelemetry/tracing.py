"""A span for each operation on the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from poolhouse._core.summary import show
from poolhouse.errors import PoolhouseError
from poolhouse.integrations.opentelemetry._scope import NAME, SCHEMA, VERSION, attributes_of
from poolhouse.pool.events import kind_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer, TracerProvider

    from poolhouse.pool import SharedPool


class OpenTelemetryTracing:
    """A span for each operation on one or several pools, as a resource of their container.

    It is declared as `tracing = providers.Resource(OpenTelemetryTracing, pool)`. A span is a child of the one that is
    current where the operation is called, such as the request's. It begins before there is a connection, and
    `poolhouse.wait` and `poolhouse.hand_off` say how many seconds of it went by until there was one.

    `db.query.text` is the template as it was written. Parameters are never shown; where a statement has none, values
    in its text are `?`. `error.type` is the SQLSTATE, or the class of the error.

    Spans go to `provider`, the global one by default. Whoever opens it before the application sets a global provider
    is heard by that one all the same.
    """

    def __init__(self, *pools: SharedPool, provider: TracerProvider | None = None) -> None:
        self._pools = pools
        self._provider = provider
        self._traced: list[SharedPool] = []

    def __repr__(self) -> str:
        return f"<OpenTelemetryTracing of {len(self._pools)} pools, {'open' if self._traced else 'closed'}>"

    async def open(self) -> None:
        """Begin to trace; does nothing when it is open. ConfigurationError where somebody else traces a pool."""
        if self._traced:
            return
        tracer = trace.get_tracer(NAME, VERSION, self._provider, SCHEMA)
        for pool in self._pools:
            pool.trace(PoolTracer(tracer, pool))
            self._traced.append(pool)

    async def close(self) -> None:
        """Trace no more; does nothing when it is not open."""
        while self._traced:
            self._traced.pop().trace(None)


class PoolTracer:
    """Begins the spans of one pool."""

    def __init__(self, tracer: Tracer, pool: SharedPool) -> None:
        self._tracer = tracer
        self._attributes, self._database = attributes_of(pool)

    def begin(self, service: str, schema: str, statement: str | None) -> SpanTrace:
        """Begin a span; see poolhouse.pool.tracing."""
        attributes = {
            **self._attributes,
            "db.namespace": f"{self._database}|{schema}" if self._database else schema,
            "poolhouse.service": service,
            "poolhouse.schema": schema,
        }
        if statement is None:
            return SpanTrace(self._tracer.start_span("acquire", kind=SpanKind.INTERNAL, attributes=attributes))
        summary, text = show(statement)
        if summary:
            attributes |= {"db.query.summary": summary, "db.query.text": text}
        name = summary or "postgresql"
        return SpanTrace(self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes))


class SpanTrace:
    """One operation, as a span."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    def acquired(self, *, waited: float, handed_off_in: float) -> None:
        """Take down what having a connection took."""
        self._span.set_attribute("poolhouse.wait", waited)
        if handed_off_in:
            self._span.set_attribute("poolhouse.hand_off", handed_off_in)

    def end(self, error: BaseException | None) -> None:
        """End the span. Of errors that are not poolhouse's only the class is told: their words may hold values."""
        if error is not None:
            self._span.set_attribute("error.type", kind_of(error))
            sqlstate = getattr(error, "sqlstate", None)
            if sqlstate is not None:
                self._span.set_attribute("db.response.status_code", sqlstate)
            said = error.fact if isinstance(error, PoolhouseError) else None
            self._span.set_status(Status(StatusCode.ERROR, said))
        self._span.end()

"""What a record of the log belongs to: a service, a request, a trace."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

# An application keeps its services in packages of this one, as the import contracts have it.
_SERVICES = "services."

_request: ContextVar[str | None] = ContextVar("poolhouse_request", default=None)


def current_request() -> str | None:
    """Return the id of the request that the running task works for, or None."""
    return _request.get()


@contextmanager
def in_request(request_id: str) -> Generator[None]:
    """Let all that is logged in the block, and by tasks that begin in it, name this request."""
    token = _request.set(request_id)
    try:
        yield
    finally:
        _request.reset(token)


def service_of(logger: str) -> str | None:
    """Return the service whose logger this is: `orders` of `services.orders.service`; None where it is of none."""
    return logger.removeprefix(_SERVICES).partition(".")[0] if logger.startswith(_SERVICES) else None


def context_of(logger: str) -> Mapping[str, str]:
    """Return what is known of where a record comes from: `service`, `request_id`, `trace_id`, `span_id`."""
    known = {"service": service_of(logger), "request_id": _request.get(), **_trace()}
    return {name: value for name, value in known.items() if value is not None}


def _trace() -> Mapping[str, str]:
    # Where nobody has imported OpenTelemetry, nobody traces.
    tracing: Any = sys.modules.get("opentelemetry.trace")
    if tracing is None:
        return {}
    span = tracing.get_current_span().get_span_context()
    return {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"} if span.is_valid else {}

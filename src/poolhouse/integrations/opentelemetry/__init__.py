"""Spans and metrics of pools by OpenTelemetry's conventions for databases; needs the extra `otel`, and no SDK.

Where spans and metrics go is the application's to say: to the providers that it hands over, or to the global ones.
"""

from poolhouse._core.extras import needing

with needing("opentelemetry", extra="otel"):
    from poolhouse.integrations.opentelemetry.metrics import OpenTelemetryMetrics
    from poolhouse.integrations.opentelemetry.tracing import OpenTelemetryTracing

__all__ = ["OpenTelemetryMetrics", "OpenTelemetryTracing"]

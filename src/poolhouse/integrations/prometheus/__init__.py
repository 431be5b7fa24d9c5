"""The figures of pools for Prometheus: computed when it asks, from counts that the pools keep anyway.

Needs the extra `prometheus`. `poolhouse.integrations.prometheus.routes` has the endpoint for FastAPI, and
`dashboard.json` beside this file is a dashboard for Grafana.
"""

from poolhouse._core.extras import needing

with needing("prometheus_client", extra="prometheus"):
    from poolhouse.integrations.prometheus.metrics import PrometheusMetrics

__all__ = ["PrometheusMetrics"]

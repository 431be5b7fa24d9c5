"""The endpoint that Prometheus reads, for FastAPI; needs the extras `fastapi` and `prometheus`."""

from typing import Annotated

from fastapi import Header, Response

from poolhouse.integrations.fastapi import Injected, Router
from poolhouse.integrations.prometheus.metrics import PrometheusMetrics

router = Router()
"""`/metrics`, for an application whose container makes a PrometheusMetrics."""


@router.get("/metrics", include_in_schema=False)
async def metrics(metrics: Injected[PrometheusMetrics], accept: Annotated[str, Header()] = "") -> Response:
    """Answer with all metrics, in the format that is asked for."""
    body, content_type = metrics.page(accept)
    return Response(body, media_type=content_type)

from __future__ import annotations

import httpx
from dependency_injector import providers

from poolhouse import Container, SchemaManager, SharedPool
from poolhouse.integrations.fastapi import create_application
from poolhouse.settings import DatabaseSettings

# begin: container
from poolhouse.integrations.opentelemetry import OpenTelemetryMetrics, OpenTelemetryTracing  # isort: skip
from poolhouse.integrations.prometheus import PrometheusMetrics  # isort: skip


class ApplicationContainer(Container):
    settings = providers.Dependency(instance_of=DatabaseSettings)
    pool = providers.Resource(SharedPool, settings)
    tracing = providers.Resource(OpenTelemetryTracing, pool)
    metrics = providers.Resource(OpenTelemetryMetrics, pool)
    prometheus = providers.Resource(PrometheusMetrics, pool)
    # end: container
    users = providers.Factory(SchemaManager, pool, schema="users")


async def test_it_is_observed(database_settings):
    container = ApplicationContainer(settings=database_settings)
    # begin: endpoint
    from poolhouse.integrations.prometheus.routes import router

    web = create_application(container, router)
    # end: endpoint
    client = httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://test")
    async with web.router.lifespan_context(web), client:
        await container.users().fetchval("SELECT 1")
        page = (await client.get("/metrics")).text
    assert 'poolhouse_statement_seconds_count{database="' in page

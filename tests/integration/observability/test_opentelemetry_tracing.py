"""Spans of operations, as OpenTelemetry's SDK gets them."""

from __future__ import annotations

import asyncio
from typing import Annotated

import httpx
import pytest
from dependency_injector import providers
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv.attributes import db_attributes, error_attributes, server_attributes
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.trace import SpanKind, StatusCode

from poolhouse.errors import ConfigurationError, DatabaseError, PoolExhaustedError
from poolhouse.integrations.fastapi import Inject, Router, create_application
from poolhouse.integrations.opentelemetry import OpenTelemetryTracing
from poolhouse.schema import SchemaManager
from tests.integration.moments import hold_elsewhere, until
from tests.integration.observability.conftest import ObservedContainer


class TracedContainer(ObservedContainer):
    exporter = providers.Singleton(InMemorySpanExporter)
    provider = providers.Singleton(TracerProvider)
    tracing = providers.Resource(OpenTelemetryTracing, ObservedContainer.pool, provider=provider)


@pytest.fixture
async def application(settings):
    async with TracedContainer(settings=settings) as application:
        application.provider().add_span_processor(SimpleSpanProcessor(application.exporter()))
        yield application
    application.provider().shutdown()


@pytest.fixture
def spans(application):
    return application.exporter().get_finished_spans


@pytest.fixture
def users(application):
    return application.users()


async def test_a_statement_is_a_client_s_span_by_the_conventions_for_databases(users, spans):
    query = "SELECT 'a', $1::int FROM {{tables.users}}"
    with pytest.raises(DatabaseError):
        await users.fetchval(query, 4711)

    (span,) = spans()
    assert (span.name, span.kind) == ("SELECT users", SpanKind.CLIENT)
    assert span.instrumentation_scope.schema_url == Schemas.V1_41_0.value
    assert span.attributes[db_attributes.DB_SYSTEM_NAME] == "postgresql"
    assert span.attributes[db_attributes.DB_NAMESPACE] == "postgres|users"
    assert span.attributes[db_attributes.DB_QUERY_SUMMARY] == "SELECT users"
    assert span.attributes[db_attributes.DB_QUERY_TEXT] == query
    assert span.attributes[server_attributes.SERVER_ADDRESS]
    assert span.attributes["poolhouse.service"] == span.attributes["poolhouse.schema"] == "users"
    assert span.attributes["poolhouse.wait"] >= 0


async def test_no_parameter_and_no_value_shows(users, spans):
    secret = "fish 4711"
    await users.fetchval("SELECT $1::text", secret)
    await users.fetchval(f"SELECT '{secret}'")
    with pytest.raises(DatabaseError):
        await users.fetchval("SELECT $1::text::int", secret)
    with pytest.raises(DatabaseError):
        await users.fetchval(f"SELECT '{secret}'::int")
    with pytest.raises(Exception, match="argument"):
        await users.fetchval("SELECT $1::int", secret)

    assert len(spans()) == 5
    assert secret not in "".join(span.to_json() for span in spans())
    assert all(not span.events for span in spans())


async def test_an_error_is_told_by_its_sqlstate_or_its_class(application, users, spans):
    with pytest.raises(DatabaseError):
        await users.fetchval("SELECT 1 / $1", 0)
    held = [await hold_elsewhere(application.pool().acquire("orders")) for _ in range(2)]
    with pytest.raises(PoolExhaustedError):
        await users.fetchval("SELECT 1", timeout=0.01)
    for use in held:
        await application.pool().release(use)
    statement = asyncio.create_task(users.fetchval("SELECT pg_sleep(60)"))
    await until(lambda: application.pool().statistics().in_use)
    statement.cancel()
    await asyncio.wait([statement])

    refused, exhausted, cancelled = spans()
    assert refused.attributes[db_attributes.DB_RESPONSE_STATUS_CODE] == "22012"
    assert [span.attributes[error_attributes.ERROR_TYPE] for span in spans()] == [
        "22012",
        "PoolExhaustedError",
        "CancelledError",
    ]
    assert {span.status.status_code for span in spans()} == {StatusCode.ERROR}
    assert "division by zero" in refused.status.description
    assert "waited" in exhausted.status.description
    assert cancelled.status.description is None


async def test_waits_and_hand_offs_are_told(application, users, spans):
    await users.fetchval("SELECT 1")
    async with users.acquire():
        pass

    first, acquired = spans()
    assert 0 < first.attributes["poolhouse.hand_off"] <= first.attributes["poolhouse.wait"]
    assert (acquired.name, acquired.kind) == ("acquire", SpanKind.INTERNAL)
    assert "poolhouse.hand_off" not in acquired.attributes


async def test_a_transaction_s_messages_are_spans_of_their_own(users, spans):
    async with users.transaction(isolation="serializable"):
        await users.fetchval("SELECT 1")

    assert [span.name for span in spans()] == ["BEGIN", "SELECT", "COMMIT"]


async def test_spans_are_children_of_the_request_s_span(settings):
    router = Router()

    @router.get("/count")
    async def count(db: Annotated[SchemaManager, Inject("orders")]) -> int:
        async with db.transaction():
            return await db.fetchval("SELECT 1")

    application = TracedContainer(settings=settings)
    provider, exporter = application.provider(), application.exporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    web = create_application(application, router, telemetry={"tracer_provider": provider, "operation_spans": False})
    client = httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://test")
    async with web.router.lifespan_context(web), client:
        assert (await client.get("/count")).json() == 1
    provider.shutdown()

    *operations, request = exporter.get_finished_spans()
    assert request.name == "GET /count"
    assert [span.name for span in operations] == ["BEGIN", "SELECT", "COMMIT"]
    assert {span.parent.span_id for span in operations} == {request.context.span_id}
    assert {span.context.trace_id for span in operations} == {request.context.trace_id}


async def test_requests_side_by_side_have_their_own_spans(application, users, spans):
    tracer = application.provider().get_tracer("test")

    async def request(number):
        with tracer.start_as_current_span(str(number)) as span:
            await users.fetchval("SELECT pg_sleep(0.01)")
            return span.context.span_id

    parents = await asyncio.gather(*map(request, range(5)))

    assert sorted(span.parent.span_id for span in spans() if span.parent) == sorted(parents)


async def test_tracing_ends_with_its_resource_and_begins_again(application, users, spans):
    tracing = application.tracing()
    await tracing.close()
    await tracing.close()
    await users.fetchval("SELECT 1")
    assert (spans(), application.pool().tracer) == ((), None)

    await tracing.open()
    await tracing.open()
    await users.fetchval("SELECT 1")
    assert len(spans()) == 1


async def test_a_pool_is_traced_once(application):
    with pytest.raises(ConfigurationError, match="traced by"):
        await OpenTelemetryTracing(application.pool()).open()


async def test_without_a_provider_nothing_is_recorded_and_all_works(settings):
    class Container(ObservedContainer):
        tracing = providers.Resource(OpenTelemetryTracing, ObservedContainer.pool)

    async with Container(settings=settings) as application:
        assert await application.users().fetchval("SELECT 1") == 1


async def test_a_service_of_many_schemas_says_which(application, spans):
    await SchemaManager(application.pool(), schema="acme", service="tenants").fetchval("SELECT 1")

    (span,) = spans()
    assert (span.attributes["poolhouse.service"], span.attributes["poolhouse.schema"]) == ("tenants", "acme")
    assert span.attributes[db_attributes.DB_NAMESPACE] == "postgres|acme"

"""Metrics of pools, as OpenTelemetry's SDK collects them."""

from __future__ import annotations

import logging

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.semconv._incubating.metrics import db_metrics as pool_metrics
from opentelemetry.semconv.metrics import db_metrics

from poolhouse.errors import DatabaseError
from poolhouse.integrations.opentelemetry import OpenTelemetryMetrics
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from tests.integration.moments import hold_elsewhere

CONVENTIONAL = {
    pool_metrics.DB_CLIENT_CONNECTION_COUNT,
    pool_metrics.DB_CLIENT_CONNECTION_MAX,
    pool_metrics.DB_CLIENT_CONNECTION_PENDING_REQUESTS,
    pool_metrics.DB_CLIENT_CONNECTION_TIMEOUTS,
}
HISTOGRAMS = {db_metrics.DB_CLIENT_OPERATION_DURATION, pool_metrics.DB_CLIENT_CONNECTION_WAIT_TIME}
STATE = "db.client.connection.state"


@pytest.fixture
def reader():
    return InMemoryMetricReader()


@pytest.fixture
def provider(reader):
    provider = MeterProvider([reader])
    yield provider
    provider.shutdown()


@pytest.fixture
async def pool(settings):
    pool = SharedPool(settings)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def users(pool):
    return SchemaManager(pool, schema="users")


def collect(reader):
    """Return all data points by the names of their metrics."""
    data = reader.get_metrics_data()
    scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
    return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}


def value(points, **attributes):
    (point,) = (each for each in points if attributes.items() <= each.attributes.items())
    return point.value


def of(points, service):
    return value(points, **{"poolhouse.service": service})


async def test_figures_are_collected_by_the_conventions_for_databases(pool, users, provider, reader):
    metrics = OpenTelemetryMetrics(pool, provider=provider)
    await metrics.open()
    async with users.acquire():
        found = collect(reader)
    await metrics.close()

    assert found.keys() >= CONVENTIONAL
    connections = found[pool_metrics.DB_CLIENT_CONNECTION_COUNT]
    assert (value(connections, **{STATE: "used"}), value(connections, **{STATE: "idle"})) == (1, 0)
    assert value(found[pool_metrics.DB_CLIENT_CONNECTION_MAX]) == 2
    assert {point.attributes["db.client.connection.pool.name"] for point in connections} == {
        pool.address.rpartition("@")[2]
    }
    assert of(found["poolhouse.in_use"], "users") == 1
    assert value(found["poolhouse.opened"]) == 1


async def test_services_have_their_own_figures(pool, users, provider, reader):
    metrics = OpenTelemetryMetrics(pool, provider=provider)
    await metrics.open()
    orders = SchemaManager(pool, schema="orders")
    await orders.execute("SELECT pg_sleep(0.02)")
    with pytest.raises(DatabaseError):
        await orders.execute("SELECT 1 / 0")
    held = [await hold_elsewhere(pool.acquire("users")) for _ in range(2)]
    with pytest.raises(Exception, match="waited"):
        await orders.fetchval("SELECT 1", timeout=0.02)
    found = collect(reader)
    for use in held:
        await pool.release(use)
    await metrics.close()

    assert of(found["poolhouse.statements"], "orders") == 2
    assert of(found["poolhouse.statement.time"], "orders") >= 0.02
    assert of(found["poolhouse.acquired"], "users") == 2
    assert of(found["poolhouse.waits"], "orders") == 1
    assert of(found["poolhouse.wait.time"], "orders") >= 0.02
    assert of(found[pool_metrics.DB_CLIENT_CONNECTION_TIMEOUTS], "orders") == 1
    assert of(found[pool_metrics.DB_CLIENT_CONNECTION_PENDING_REQUESTS], "orders") == 0


async def test_histograms_are_recorded_where_they_are_asked_for(pool, users, provider, reader):
    metrics = OpenTelemetryMetrics(pool, provider=provider)
    await metrics.open()
    await users.fetchval("SELECT 1")
    assert not HISTOGRAMS & collect(reader).keys()
    await metrics.close()

    metrics = OpenTelemetryMetrics(pool, provider=provider, histograms=True)
    await metrics.open()
    await users.fetchval("SELECT $1::int", 4711)
    with pytest.raises(DatabaseError):
        await users.fetchval("SELECT 1 / 0")
    held = [await hold_elsewhere(pool.acquire("orders")) for _ in range(2)]
    with pytest.raises(Exception, match="waited"):
        await users.fetchval("SELECT 1", timeout=0.02)
    for use in held:
        await pool.release(use)
    await metrics.close()
    await users.fetchval("SELECT 1")
    found = collect(reader)

    operations = {point.attributes.get("error.type"): point for point in found[db_metrics.DB_CLIENT_OPERATION_DURATION]}
    assert {error: point.count for error, point in operations.items()} == {None: 1, "22012": 1}
    assert operations[None].attributes["db.system.name"] == "postgresql"
    assert operations[None].attributes["poolhouse.service"] == "users"
    waits = {
        point.attributes["poolhouse.service"]: point for point in found[pool_metrics.DB_CLIENT_CONNECTION_WAIT_TIME]
    }
    assert (waits["users"].count, waits["users"].sum >= 0.02) == (1, True)


async def test_what_is_closed_is_collected_no_more_and_others_are(pool, users, provider, reader, settings, caplog):
    other = SharedPool(settings)
    first, second = OpenTelemetryMetrics(pool, provider=provider), OpenTelemetryMetrics(other, provider=provider)
    for _ in range(2):
        await first.open()
    await second.open()
    assert len(collect(reader)[pool_metrics.DB_CLIENT_CONNECTION_MAX]) == 1  # of the same name, as both have one
    await first.close()
    await first.close()
    assert value(collect(reader)[pool_metrics.DB_CLIENT_CONNECTION_MAX]) == 2
    await second.close()

    assert collect(reader) == {}
    assert type(pool.ready).__name__ == "Leases"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING and "instrument" in record.msg]


async def test_the_global_provider_is_the_default_and_may_be_none(pool, users):
    metrics = OpenTelemetryMetrics(pool, histograms=True)
    await metrics.open()

    assert await users.fetchval("SELECT 1") == 1

    await metrics.close()

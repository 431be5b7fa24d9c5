"""What Prometheus reads."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
from dependency_injector import providers
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from poolhouse.errors import DatabaseError
from poolhouse.integrations.fastapi import create_application
from poolhouse.integrations.prometheus import PrometheusMetrics
from poolhouse.integrations.prometheus.routes import router
from poolhouse.pool import SharedPool
from tests.integration.moments import hold_elsewhere
from tests.integration.observability.conftest import ObservedContainer


class MeasuredContainer(ObservedContainer):
    registry = providers.Singleton(CollectorRegistry)
    metrics = providers.Resource(PrometheusMetrics, ObservedContainer.pool, registry=registry)


@pytest.fixture
async def application(settings):
    async with MeasuredContainer(settings=settings) as application:
        yield application


def read(metrics, accept="text/plain"):
    """Return all samples of a page, by their names and labels."""
    body, content_type = metrics.page(accept)
    parse = parse_openmetrics if "openmetrics" in content_type else parse_text
    samples = [sample for family in parse(body.decode()) for sample in family.samples]
    return {(each.name, *sorted(each.labels.items())): each.value for each in samples}


def of(service, **labels):
    return (("database", "postgres"), *sorted(labels.items()), ("service", service))


async def test_connections_are_counted_by_their_state(application):
    async with application.users().acquire():
        samples = read(application.metrics())
        database = ("database", "postgres")

        assert samples["poolhouse_connections", database, ("state", "used")] == 1
        assert samples["poolhouse_connections", database, ("state", "idle")] == 0
        assert samples["poolhouse_up", database] == 1
        assert (samples["poolhouse_min_size", database], samples["poolhouse_max_size", database]) == (1, 2)
        assert samples["poolhouse_opened_total", database] == 1
        assert samples["poolhouse_in_use", *of("users")] == 1


async def test_services_have_their_own_figures(application):
    users, orders = application.users(), application.orders()
    await users.fetchval("SELECT 1")
    await orders.execute("SET work_mem = '12MB'")
    with pytest.raises(DatabaseError):
        await users.fetchval("SELECT 1 / 0")
    held = [await hold_elsewhere(application.pool().acquire("users")) for _ in range(2)]
    with pytest.raises(Exception, match="waited"):
        await orders.fetchval("SELECT 1", timeout=0.02)
    samples = read(application.metrics())
    for use in held:
        await application.pool().release(use)

    assert samples["poolhouse_acquired_total", *of("users")] == 2 + 2
    assert samples["poolhouse_statement_seconds_count", *of("users")] == 2
    assert samples["poolhouse_exhausted_total", *of("orders")] == 1
    assert samples["poolhouse_wait_seconds_count", *of("orders")] == 1
    assert samples["poolhouse_wait_seconds_sum", *of("orders")] >= 0.02
    assert samples["poolhouse_resets_total", *of("orders")] == 1


async def test_buckets_hold_what_the_ones_below_hold(application):
    users = application.users()
    await users.fetchval("SELECT pg_sleep(0.03)")
    await users.fetchval("SELECT pg_sleep(0.3)")
    samples = read(application.metrics())
    buckets = [
        samples["poolhouse_statement_seconds_bucket", *of("users", le=bound)] for bound in ("0.025", "5.0", "+Inf")
    ]

    assert buckets == [0, 2, 2]


async def test_statements_are_timed_as_long_as_it_is_open(settings):
    application = MeasuredContainer(settings=settings)
    pool = application.pool()
    async with application:
        assert type(pool.ready).__name__ == "WatchedLeases"
        await application.metrics().close()
        assert type(pool.ready).__name__ == "Leases"
        await application.metrics().open()
        await application.metrics().open()
    await pool.open()
    assert type(pool.ready).__name__ == "Leases"
    await pool.close()


async def test_nothing_is_asked_of_the_database_and_a_closed_pool_has_figures_too(settings):
    application = MeasuredContainer(settings=settings)
    assert read(application.metrics())["poolhouse_up", ("database", "postgres")] == 0


async def test_the_page_has_what_else_is_in_the_registry(application):
    Counter("orders_placed", "Orders that were placed.", registry=application.registry()).inc(3)

    assert read(application.metrics())["orders_placed_total",] == 3


async def test_two_pools_are_told_apart(settings, database):
    pools = [SharedPool(settings), SharedPool(settings), SharedPool(settings.model_copy(update={"dsn": None}))]
    metrics = PrometheusMetrics(*pools[:2], registry=CollectorRegistry())
    addressed = {key[1][1] for key in read(metrics) if key[0] == "poolhouse_up"}
    assert addressed == {pools[0].address}

    metrics = PrometheusMetrics(pools[0], pools[2], registry=CollectorRegistry())
    assert {key[1][1] for key in read(metrics) if key[0] == "poolhouse_up"} == {"postgres", "no address yet"}


@pytest.mark.parametrize("accept", ["", "text/plain", "application/openmetrics-text; version=1.0.0"])
async def test_the_endpoint_answers_in_the_format_that_is_asked_for(settings, accept):
    application = MeasuredContainer(settings=settings)
    web = create_application(application, router)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://test")
    async with web.router.lifespan_context(web), client:
        answer = await client.get("/metrics", headers={"accept": accept})

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(accept.partition(";")[0] or "text/plain")
    assert "poolhouse_up" in answer.text
    assert "/metrics" not in web.openapi()["paths"]


async def test_other_threads_may_read_while_services_come(application):
    metrics, is_over, faults = application.metrics(), threading.Event(), []

    def scrape():
        while not is_over.is_set():
            try:
                metrics.page()
            except RuntimeError as error:
                faults.append(error)

    thread = threading.Thread(target=scrape)
    thread.start()
    pool = application.pool()
    for number in range(300):
        async with pool.lease(f"service_{number}"):
            await asyncio.sleep(0)
    is_over.set()
    thread.join()

    assert faults == []
    assert len(pool.statistics().services) == 300

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from dependency_injector import providers

from poolhouse.container import Container
from poolhouse.integrations.fastapi import Injected, Router, create_application
from poolhouse.pool import SharedPool
from poolhouse.settings import DatabaseSettings
from tests.integration.gate import Gate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from fastapi import FastAPI


class Work:
    """A service that holds a connection until it is told to let go."""

    def __init__(self, pool: SharedPool) -> None:
        self._pool = pool
        self.held = asyncio.Event()
        self.let_go = asyncio.Event()

    async def hold(self) -> int:
        async with self._pool.lease("work") as lease:
            self.held.set()
            await self.let_go.wait()
            result: int = await lease.connection.fetchval("SELECT 42")
            return result

    async def ask(self) -> int:
        async with self._pool.lease("work", timeout=0.05) as lease:
            result: int = await lease.connection.fetchval("SELECT 42")
            return result


class App(Container):
    settings = providers.Dependency(instance_of=DatabaseSettings)
    pool = providers.Resource(SharedPool, settings)
    work = providers.Singleton(Work, pool)


router = Router(prefix="/work")


@router.get("/hold")
async def hold(work: Injected[Work]) -> int:
    return await work.hold()


@router.get("/ask")
async def ask(work: Injected[Work]) -> int:
    return await work.ask()


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        yield client


def with_settings(settings: DatabaseSettings, **changes: Any) -> DatabaseSettings:
    return DatabaseSettings.model_validate(settings.model_dump() | changes)


async def test_a_request_gets_503_while_another_holds_the_only_connection(database_settings):
    container = App(settings=with_settings(database_settings, min_size=1, max_size=1))
    async with serving(create_application(container, router)) as client:
        work = container.work()
        async with asyncio.TaskGroup() as tasks:
            holding = tasks.create_task(client.get("/work/hold"))
            await work.held.wait()
            refused = await client.get("/work/ask")
            work.let_go.set()
        granted = await client.get("/work/ask")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["instance"] == "/work/ask"
    assert holding.result().json() == granted.json() == 42


async def test_a_request_to_a_closed_pool_gets_503(database_settings):
    app = create_application(App(settings=database_settings), router)
    async with serving(app) as client:
        assert (await client.get("/work/ask")).status_code == 200
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        answer = await client.get("/work/ask")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_a_service_is_replaced_over_http_while_the_real_one_stays_untouched(database_settings):
    class Fake:
        async def ask(self) -> int:
            return -1

    container = App(settings=database_settings)
    async with serving(create_application(container, router)) as client:
        with container.work.override(providers.Factory(Fake)):
            assert (await client.get("/work/ask")).json() == -1
        assert (await client.get("/work/ask")).json() == 42


async def test_two_applications_live_side_by_side(database_settings):
    apps = [create_application(App(settings=database_settings), router) for _ in range(2)]
    async with serving(apps[0]) as first:
        async with serving(apps[1]) as second:
            assert [(await client.get("/work/ask")).json() for client in (first, second)] == [42, 42]
        assert (await first.get("/work/ask")).json() == 42


async def test_ready_turns_at_the_beginning_of_the_shutdown_and_requests_in_flight_finish(database_settings):
    container = App(settings=database_settings)
    app = create_application(container, router)
    async with serving(app) as client:
        assert (await client.get("/health/ready")).status_code == 200
        async with asyncio.TaskGroup() as tasks:
            holding = tasks.create_task(client.get("/work/hold"))
            await container.work().held.wait()
            app.state.readiness.close()
            assert (await client.get("/health/ready")).status_code == 503
            assert (await client.get("/health/live")).status_code == 200
            container.work().let_go.set()
        assert holding.result().json() == 42


async def test_ready_is_503_within_its_limit_while_the_server_does_not_answer(database, database_settings):
    gate = Gate(database)
    await gate.open()
    settings = with_settings(
        database_settings, dsn=gate.dsn, check_timeout=0.2, min_size=1, max_size=2, drain_timeout=0.5
    )
    try:
        async with serving(create_application(App(settings=settings))) as client:
            assert (await client.get("/health/ready")).status_code == 200
            gate.hold()
            begun = time.monotonic()
            answer = await client.get("/health/ready")
            taken = time.monotonic() - begun
            gate.let_pass()
            assert answer.status_code == 503
            assert f"{gate.port}" in answer.json()["detail"]
            assert taken < 1.0
            async with asyncio.timeout(5):
                while (await client.get("/health/ready")).status_code != 200:  # noqa: ASYNC110 - nothing tells when
                    await asyncio.sleep(0.02)
    finally:
        await gate.close()


@pytest.mark.parametrize("path", ["/health/ready", "/work/ask"])
async def test_no_answer_shows_the_password(database_settings, path):
    dsn = "postgresql://postgres:s3cret-w0rd@127.0.0.1:1/nowhere"
    settings = with_settings(database_settings, dsn=dsn)
    app = create_application(App(settings=settings), router)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        answer = await client.get(path)
    assert answer.status_code == 503
    assert "s3cret" not in answer.text

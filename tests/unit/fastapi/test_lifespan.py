from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from dependency_injector import providers
from fastapi import FastAPI, Request

from poolhouse._core.lifecycle import LifecycleState
from poolhouse.container import Container
from poolhouse.integrations.fastapi import create_application, lifespan


class Step:
    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def open(self) -> None:
        self.log.append("open")

    async def close(self) -> None:
        self.log.append("close")


class App(Container):
    log = providers.Object([])
    step = providers.Resource(Step, log)


def app_with_log() -> tuple[App, list[str]]:
    log: list[str] = []
    return App(log=providers.Object(log)), log


async def test_the_container_lives_as_long_as_the_application():
    container, log = app_with_log()
    app = FastAPI(lifespan=lifespan(container))
    async with app.router.lifespan_context(app):
        assert (container.state, log) == (LifecycleState.STARTED, ["open"])
    assert (container.state, log) == (LifecycleState.STOPPED, ["open", "close"])


async def test_a_lifespan_of_ones_own_runs_inside_the_containers(client_of):
    container, log = app_with_log()

    @asynccontextmanager
    async def own(app: FastAPI):
        log.append("own begins")
        yield {"own": 1}
        log.append("own ends")

    app = create_application(container, lifespan=own)
    async with app.router.lifespan_context(app) as state:
        assert state == {"own": 1}
    assert log == ["open", "own begins", "own ends", "close"]


async def test_requests_see_nothing_of_the_container_in_their_state():
    container, _ = app_with_log()
    app = create_application(container)
    async with app.router.lifespan_context(app) as state:
        assert state == {}


async def test_the_application_is_not_ready_while_its_own_lifespan_ends(client_of):
    container, _ = app_with_log()
    seen: list[bool] = []

    @asynccontextmanager
    async def own(app: FastAPI):
        yield
        seen.append(app.state.readiness.is_open)

    app = create_application(container, lifespan=own)
    async with app.router.lifespan_context(app):
        assert app.state.readiness.is_open
    assert seen == [False]


async def test_a_failing_lifespan_of_ones_own_still_stops_the_container():
    container, log = app_with_log()

    @asynccontextmanager
    async def own(app: FastAPI):
        raise OSError("no")
        yield

    app = create_application(container, lifespan=own)
    with pytest.raises(OSError, match="no"):
        async with app.router.lifespan_context(app):
            pass
    assert log == ["open", "close"]


async def test_handlers_of_ones_own_go_before_the_problems(client_of):
    from fastapi.responses import PlainTextResponse

    async def mine(request: Request, error: Exception) -> PlainTextResponse:
        return PlainTextResponse("mine", 404)

    app = create_application(App(), exception_handlers={404: mine})
    assert (await client_of(app).get("/nowhere")).text == "mine"

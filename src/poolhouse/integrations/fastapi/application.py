"""A container and its routers, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from poolhouse.integrations.fastapi._binding import bind_routers
from poolhouse.integrations.fastapi._injecting import Injecting
from poolhouse.integrations.fastapi.health import Readiness, health
from poolhouse.integrations.fastapi.lifespan import lifespan
from poolhouse.integrations.fastapi.problems import install_problem_details

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import APIRouter
    from starlette.types import ExceptionHandler

    from poolhouse.container import Container


def create_application(container: Container, *routers: APIRouter, **options: Any) -> FastAPI:
    """Build the web application of a container: its routes, its lifecycle, its errors as problems, its health.

    The container is started by the application's lifespan, not here. `options` are FastAPI's: a `lifespan` runs inside
    the container's, and `exception_handlers` go before those of the problems. `app.state.readiness` is the
    Readiness that the server closes when a shutdown begins. The container injects into functions marked with
    `inject` that requests call, also in the background. Raises Violations with every injection, in any of the
    routers, that the container cannot satisfy.
    """
    bound, options = bind_routers(routers, container, options)
    readiness = Readiness(container)
    inner = options.pop("lifespan", None)
    app = FastAPI(lifespan=lifespan(container, inner=inner, readiness=readiness), **options)
    app.add_middleware(Injecting, container=container)
    app.state.readiness = readiness
    install_problem_details(app)
    handlers: Mapping[int | type[Exception], ExceptionHandler] = options.get("exception_handlers") or {}
    for key, handler in handlers.items():
        app.add_exception_handler(key, handler)
    for router in bound:
        app.include_router(router)
    app.include_router(health(container, readiness=readiness))
    return app

"""FastAPI on a container: routers, endpoints, the application around them, and who observes it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, assert_type

from dependency_injector import providers
from fastapi import APIRouter, FastAPI

from poolhouse import Container, SharedPool
from poolhouse.integrations.fastapi import (
    Inject,
    Injected,
    InvalidInput,
    Problem,
    Readiness,
    RequestIds,
    Router,
    create_application,
    health,
    install_problem_details,
    lifespan,
    problem_responses,
)
from poolhouse.integrations.opentelemetry import OpenTelemetryMetrics, OpenTelemetryTracing
from poolhouse.integrations.prometheus import PrometheusMetrics


class UserNotFoundError(Exception): ...


class Users: ...


class Application(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    users = providers.Factory(Users)
    metrics = providers.Resource(OpenTelemetryMetrics, pool, histograms=True)
    tracing = providers.Resource(OpenTelemetryTracing, pool)
    prometheus = providers.Resource(PrometheusMetrics, pool)


container = Application()
router = Router(prefix="/users", tags=["users"], problems={UserNotFoundError: 404})


@router.get("/{user_id}", responses=router.raises(UserNotFoundError))
async def get_user(user_id: int, users: Injected[Users], named: Annotated[Users, Inject("users")]) -> int:
    assert_type(users, Users)
    assert_type(named, Users)
    return user_id


async def served() -> None:
    web = create_application(container, router, title="An application")
    assert_type(web, FastAPI)
    web.add_middleware(RequestIds)
    assert_type(router.bind(container), APIRouter)
    container.validate(router)
    # An endpoint stays the function that it was.
    assert_type(await get_user(7, Users(), Users()), int)


async def put_together() -> None:
    readiness = Readiness(container)
    run = lifespan(container, readiness=readiness)
    assert_type(run, Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]])
    web = FastAPI(lifespan=run, responses=problem_responses(404, 409))
    assert_type(install_problem_details(web), None)
    web.include_router(health(container, readiness=readiness))
    assert_type(readiness.is_open, bool)
    assert_type(await readiness.obstacles(), list[str])


def answered(problem: Problem) -> None:
    assert_type(problem.status, int)
    assert_type(problem.errors, list[InvalidInput] | None)


def observed() -> None:
    assert_type(container.metrics(), OpenTelemetryMetrics)
    assert_type(container.tracing(), OpenTelemetryTracing)
    assert_type(container.prometheus().page(), tuple[bytes, str])


# What is wrong


def misused() -> None:
    Router(problems={404: UserNotFoundError})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    Router(problems={Users: 404})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    create_application(router, container)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    router.raises(UserNotFoundError())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    router.bind(Application)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    health(container, ready=None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    OpenTelemetryMetrics(container.pool(), histogram=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

"""Whether the process serves, and whether it can do its work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from poolhouse._core.lifecycle import LifecycleState
from poolhouse.container import TaskState, background_tasks, pools
from poolhouse.errors import PoolhouseError
from poolhouse.integrations.fastapi._openapi import problem_response

if TYPE_CHECKING:
    from poolhouse.container import Container
    from poolhouse.pool import SharedPool


_GRACE = 0.1


class Health(BaseModel):
    """A process that is well."""

    status: str


class Ready(Health):
    """A process that can do its work, and what its background tasks do."""

    background_tasks: dict[str, TaskState]


class Readiness:
    """Says whether an application should be sent requests, and lets its server say that it should not.

    Call `close()` as soon as a shutdown has begun, for example on SIGTERM: load balancers then turn
    away while requests in flight are finished, and before anything in the container stops.
    """

    def __init__(self, container: Container) -> None:
        self._container = container
        self._is_open = True

    def __repr__(self) -> str:
        return f"<Readiness {'open' if self._is_open else 'closed'}, container {self._container.state.value}>"

    @property
    def container(self) -> Container:
        """The container of the application."""
        return self._container

    @property
    def is_open(self) -> bool:
        """Whether nobody has called `close()` since the start."""
        return self._is_open

    def open(self) -> None:
        """Take `close()` back; the lifespan calls it at every start."""
        self._is_open = True

    def close(self) -> None:
        """Be not ready from now on."""
        self._is_open = False

    async def obstacles(self) -> list[str]:
        """Everything that keeps the application from its work at this moment; empty when it is ready.

        Every pool of the container is asked for a sign of life, all at once, each within its `check_timeout`.
        """
        if not self._is_open:
            return ["the application is shutting down"]
        state = self._container.state
        if state is not LifecycleState.STARTED:
            return [f"the container is not started; its state is {state.value}"]
        for task in background_tasks(self._container):
            if task.on_crash == "stop" and task.state is TaskState.CRASHED:
                return [f"the background task {task.name} crashed, and the application is to be stopped"]
        checks = await asyncio.gather(*map(_obstacle, pools(self._container)))
        return [obstacle for obstacle in checks if obstacle]


async def _obstacle(pool: SharedPool) -> str | None:
    limit = pool.settings.check_timeout
    try:
        # The check ends its question in time, but then gives the connection back, for which a server that hangs
        # takes time as well. Cut short only after the question: while it runs, it would wait for that just the same.
        async with asyncio.timeout(limit + _GRACE):
            await pool.check(limit)
    except PoolhouseError as error:
        return f"the pool of {pool.address}: {error.fact}"
    except TimeoutError:
        return f"the pool of {pool.address}: no answer within {limit:g} s"
    return None


def health(container: Container, *, readiness: Readiness | None = None) -> APIRouter:
    """Build `/health/live` and `/health/ready`.

    Live is 200 while the process answers at all: a dead database is no reason to restart it. Ready is 200
    between the end of the start and the beginning of the shutdown, as long as every pool answers; otherwise
    it is 503 and says why, with addresses, but without passwords. Ready tells what the background tasks do as well;
    one that crashed keeps no request from being served, unless its crash stops the application.
    """
    ready_or_not = readiness or Readiness(container)
    router = APIRouter(prefix="/health", tags=["health"])
    only: dict[int | str, dict[str, Any]] = {"default": problem_response(500, "Any other failure.")}
    unready: dict[int | str, dict[str, Any]] = {503: problem_response(503, "Not ready; `detail` says why.")}

    @router.get("/live", responses=only)
    async def live() -> Health:
        """Whether the process serves."""
        return Health(status="live")

    @router.get("/ready", responses={**unready, **only})
    async def ready() -> Ready:
        """Whether the application is started, not shutting down, and reaches its databases."""
        obstacles = await ready_or_not.obstacles()
        if obstacles:
            raise HTTPException(503, "; ".join(obstacles), headers={"Retry-After": "1"})
        return Ready(status="ready", background_tasks={task.name: task.state for task in background_tasks(container)})

    return router

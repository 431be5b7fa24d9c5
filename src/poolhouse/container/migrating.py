"""Opening as much of a container as its migrations need."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from poolhouse._core.lifecycle import LifecycleState
from poolhouse.container.lifecycle import Lifecycle
from poolhouse.container.limits import limits_of
from poolhouse.container.plan import StartPlan, plan_migrating
from poolhouse.errors import LifecycleError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dependency_injector import containers

    from poolhouse.container.declarative import Container
    from poolhouse.migrations import MigrationSet


@asynccontextmanager
async def migrating(container: Container) -> AsyncGenerator[tuple[MigrationSet, ...]]:
    """Open what the migration sets of `container` need, for the time of a block that gets the sets in their order.

    That is usually the server and the pool. Nothing is migrated, and the services' own resources stay closed. What is
    opened is closed with the block, in reverse, under the limits of the container. Where the container is started
    already, its own resources serve and stay open. Raises what a start raises, and LifecycleError for a container that
    is starting or stopping.
    """
    if container.state in {LifecycleState.STARTING, LifecycleState.STOPPING}:
        raise LifecycleError(
            f"the container is {container.state.value}, so its migrations cannot be worked on",
            remedy="Wait until that is done",
        )
    runtime = cast("containers.DynamicContainer", container)
    needed, sets = plan_migrating(runtime)
    if container.state is LifecycleState.STARTED:
        yield sets
        return
    opened = Lifecycle(lambda: StartPlan(before=needed), subject="what migrations need")
    await opened.start(limits_of(runtime))
    try:
        yield sets
    finally:
        await opened.stop()

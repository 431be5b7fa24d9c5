"""Containers that are started for tests: for one, or for one after another."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from poolhouse.container import LifecycleState, pools
from poolhouse.testing.isolation import Isolation
from poolhouse.testing.rollback.rolled_back import RolledBack

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager

    from poolhouse.container import Container
    from poolhouse.errors import UsageError
    from poolhouse.testing.blueprint import Blueprint
    from poolhouse.testing.kit import Ground, Kit
    from poolhouse.testing.queries import RecordedQueries


@dataclass(frozen=True, slots=True)
class RunningTest:
    """One test, as far as its databases are concerned.

    `queries` records what its containers ask, where somebody wants to know; `refusals` is what was refused in them.
    """

    kit: Kit
    isolation: Isolation
    queries: RecordedQueries | None = None
    refusals: list[UsageError] = field(default_factory=list["UsageError"])


@dataclass(frozen=True, slots=True)
class Running:
    """A container that is started for a test, and what is to be left before it is not any more."""

    container: Container
    leaving: AsyncExitStack


def run_in(
    test: RunningTest, blueprint: Blueprint, shared: SharedApplication | None
) -> AbstractAsyncContextManager[Running]:
    """Return the application of a test: the one that is shared in its loop, where it may be, or one of its own."""
    if shared is not None and shared.can_serve(test, blueprint):
        return shared.lent_to(test, blueprint)
    return running(test, blueprint)


@asynccontextmanager
async def running(test: RunningTest, blueprint: Blueprint) -> AsyncGenerator[Running]:
    """Start a container of a blueprint for one test alone, and stop it at the end of the block.

    Where the test is rolled back, everything is, the start included.
    """
    async with AsyncExitStack() as stack:
        if test.isolation is Isolation.CLONE:
            ground = await stack.enter_async_context(test.kit.own(blueprint))
            container = ground.container()
        else:
            ground = await test.kit.shared(blueprint)
            container = ground.container()
            await stack.enter_async_context(rolled_back(test, container, ground))
        _watch(test, container)
        await stack.enter_async_context(cast("Any", container))
        leaving = await stack.enter_async_context(AsyncExitStack())
        yield Running(container, leaving)


@asynccontextmanager
async def rolled_back(test: RunningTest, container: Container, ground: Ground) -> AsyncGenerator[None]:
    """Roll back everything that is done on the pools of `container`, which are opened where they are not open."""
    stages: list[RolledBack] = []
    async with AsyncExitStack() as stack:
        for pool in pools(cast("Any", container)):
            if not pool.is_open:
                stack.push_async_callback(pool.close)
                await pool.open()
            stage = RolledBack(pool, constraints=ground.constraints)
            stack.push_async_callback(stage.end)
            await stage.begin()
            ground.constraints = stage.constraints
            stages.append(stage)
        yield
    for stage in stages:
        test.refusals.extend(stage.refusals)
    for stage in stages:
        stage.check()


def _watch(test: RunningTest, container: Container) -> None:
    if test.queries is not None:
        for pool in pools(cast("Any", container)):
            test.queries.watch(pool)


class SharedApplication:
    """A container that is started once, in one loop, for tests that are rolled back, one after another.

    What is shared are connections and wiring. The objects of Singletons are made anew for each test, and a container
    that a test has stopped, or left with an override, is used by no other. It is that of one blueprint at a time.
    """

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._ground: Ground | None = None
        self._container: Container | None = None
        self._providers: list[Any] = []

    def can_serve(self, test: RunningTest, blueprint: Blueprint) -> bool:
        """Whether a test may share it: no object of the application lives longer than the test but the pool."""
        return test.isolation is Isolation.ROLLBACK and self._kit.subject(blueprint).is_plain

    @asynccontextmanager
    async def lent_to(self, test: RunningTest, blueprint: Blueprint) -> AsyncGenerator[Running]:
        """Lend it to a test, for the time of a block."""
        ground, container = await self._started(blueprint)
        overrides = self._overrides()
        try:
            async with rolled_back(test, container, ground):
                _watch(test, container)
                async with AsyncExitStack() as leaving:
                    yield Running(container, leaving)
        finally:
            # Whatever became of the test, since the next one is given the same.
            if test.queries is not None:
                test.queries.leave()
            if container.state is not LifecycleState.STARTED or self._overrides() != overrides:
                await self.close()
            else:
                cast("Any", container).reset_singletons()

    async def _started(self, blueprint: Blueprint) -> tuple[Ground, Container]:
        if self._ground is None or self._ground.blueprint is not blueprint:
            await self.close()
            self._ground = await self._kit.shared(blueprint)
        if self._container is None:
            container = self._ground.container()
            await container.init_resources()
            self._container = container
            self._providers = [*cast("Any", container).traverse()]
        return self._ground, self._container

    def _overrides(self) -> list[tuple[Any, ...]]:
        return [each.overridden for each in self._providers]

    async def close(self) -> None:
        """Stop the container; the next test gets another."""
        container, self._container = self._container, None
        if container is not None:
            await container.shutdown_resources()

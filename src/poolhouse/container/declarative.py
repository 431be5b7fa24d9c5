"""The base of an application's containers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from dependency_injector import containers, providers

from poolhouse.container.lifecycle import Lifecycle, Limits
from poolhouse.container.plan import plan_resources
from poolhouse.errors import LifecycleError, WiringError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager

    from poolhouse._core.lifecycle import LifecycleState
    from poolhouse.container.graph import Provider
    from poolhouse.container.report import StartReport


class _Runtime(containers.DynamicContainer):
    """What `MyContainer()` returns: dependency-injector's container with a lifecycle that has an order."""

    def __init__(self) -> None:
        super().__init__()
        self._lifecycle = Lifecycle(self)

    def __repr__(self) -> str:
        return f"<{self.parent_name or type(self).__name__} {self._lifecycle.state.value}>"

    @property
    def state(self) -> LifecycleState:
        return self._lifecycle.state

    @property
    def report(self) -> StartReport | None:
        return self._lifecycle.report

    async def init_resources(self, resource_type: type[Any] = providers.BaseResource) -> None:
        _refuse_a_part(resource_type)
        await self._lifecycle.start(self._limits())

    async def shutdown_resources(self, resource_type: type[Any] = providers.BaseResource) -> None:
        _refuse_a_part(resource_type)
        await self._lifecycle.stop()

    async def __aenter__(self) -> Self:
        await self.init_resources()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown_resources()

    @asynccontextmanager
    async def overriding(self, provider: Provider, replacement: Any) -> AsyncGenerator[None]:
        with cast("Any", provider).override(replacement):
            started = []
            if self.state.value == "started":
                resources = plan_resources(self, provider)
                started = await self._lifecycle.start_more(resources, self._limits())
            try:
                yield
            finally:
                failures = await self._lifecycle.stop_these(started, self._limits())
        if failures:
            raise BaseExceptionGroup("an override did not stop cleanly", failures)

    def _limits(self) -> Limits:
        declared = cast("type[Container]", self.declarative_parent or Container)
        return Limits(start=declared.start_timeout, stop=declared.stop_timeout, slow=declared.slow_after)


def _refuse_a_part(resource_type: type[Any]) -> None:
    if resource_type is not providers.BaseResource:
        raise LifecycleError(
            f"resources of type {resource_type.__qualname__} cannot be started or stopped alone",
            remedy="Leave the argument out: everything is started in order, and stopped in reverse",
        )


_RESERVED = frozenset({"overriding", "report", "slow_after", "start_timeout", "state", "stop_timeout"})


class Container(containers.DeclarativeContainer):
    """Base of an application's containers: dependency-injector's providers with an ordered lifecycle.

    `async with ApplicationContainer() as application` starts everything and stops it. A start opens the
    resources (dependencies first, otherwise in the order of declaration), then applies the migrations of
    all services at once, then opens the resources that may use the database. A resource whose object has
    coroutine methods `open()` and `close()` is driven by them; all of dependency-injector's own kinds work
    as well. Resolving providers is synchronous, before and after the start.

    A failure or a cancellation of the start stops what had been started, in reverse, and is raised with
    notes of what was being started and what went wrong while stopping. A shutdown stops everything in
    reverse, skips nothing, finishes also when it is cancelled, and raises what went wrong as one group.
    Starting twice, stopping twice, and starting again after a stop work. Containers know nothing of each
    other, so many can live in one process.
    """

    instance_type = _Runtime

    start_timeout: ClassVar[float] = 60.0
    """How many seconds one resource may take to start; migrations have limits of their own."""

    stop_timeout: ClassVar[float] = 30.0
    """How many seconds one resource may take to stop."""

    slow_after: ClassVar[float] = 5.0
    """After how many seconds a step that still runs is named in the log."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        taken = sorted(
            name for name in _RESERVED if isinstance(getattr(cls, "providers", {}).get(name), providers.Provider)
        )
        if taken:
            raise WiringError(
                f"a provider cannot be called {' or '.join(taken)}, since containers have that name for their own",
                place=cls.__qualname__,
                remedy="Give it another name",
            )

    if TYPE_CHECKING:

        def __init__(self, **overriding_providers: Any) -> None: ...

        @property
        def state(self) -> LifecycleState:
            """Where the container stands."""
            ...

        @property
        def report(self) -> StartReport | None:
            """What the latest start did; None before it."""
            ...

        async def init_resources(self, resource_type: type[Any] = providers.BaseResource) -> None:
            """Start everything in order; returns when all of it stands."""

        async def shutdown_resources(self, resource_type: type[Any] = providers.BaseResource) -> None:
            """Stop everything in reverse; returns when all of it is closed."""

        async def __aenter__(self) -> Self: ...

        async def __aexit__(self, *_: object) -> None: ...

        def overriding(self, provider: Provider, replacement: Any) -> AbstractAsyncContextManager[None]:
            """Override `provider` for the time of an `async with` block.

            Resources that the replacement is or needs are started and stopped with the block, where the
            container is started; objects resolved meanwhile get the replacement.
            """
            ...

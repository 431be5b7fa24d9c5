"""What a container is once it is made: dependency-injector's own, with a lifecycle that has an order."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from dependency_injector import containers, providers

from poolhouse.container.graph import branches, named
from poolhouse.container.injecting import asking_of, inject_from, injecting
from poolhouse.container.lifecycle import Lifecycle
from poolhouse.container.limits import limits_of
from poolhouse.container.locating import locate, provider_of
from poolhouse.container.overrides import overridden
from poolhouse.container.plan import plan_resources, plan_start
from poolhouse.container.resolving import resolver as compile_resolver
from poolhouse.container.resources import guard, original
from poolhouse.container.scope import Known, Scope
from poolhouse.container.scoped import Scoped
from poolhouse.container.sealing import seal
from poolhouse.container.supervisor import Body
from poolhouse.container.validating import validate
from poolhouse.container.wired import names_of, wire_others_again, wiring_loudly
from poolhouse.errors import LifecycleError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from contextlib import AbstractContextManager

    from poolhouse._core.lifecycle import LifecycleState
    from poolhouse.container.events import EventT
    from poolhouse.container.injection import Injection
    from poolhouse.container.kinds import Provider
    from poolhouse.container.plan import PlannedResource, StartPlan
    from poolhouse.container.report import StartReport
    from poolhouse.container.validating import Asking
    from poolhouse.errors import ProviderError

R = TypeVar("R")

_log = logging.getLogger("poolhouse.container")

# How many a container remembers at most.
_RESOLVERS = 1_024


class Runtime(containers.DynamicContainer):
    """What `MyContainer()` returns: dependency-injector's container with a lifecycle that has an order."""

    def __init__(self) -> None:
        super().__init__()
        self._lifecycle = Lifecycle(self._plan, subject="the container")
        self._bodies: list[Body] = []
        self._known = Known(self)
        self._resolvers: dict[Any, Callable[[], Any]] = {}
        self._selected_by: Runtime | None = None

    def __repr__(self) -> str:
        return f"<{self.parent_name or type(self).__name__} {self.state.value}>"

    @property
    def state(self) -> LifecycleState:
        return self._governing().state

    @property
    def report(self) -> StartReport | None:
        return self._governing().report

    async def init_resources(self, resource_type: type[Any] = providers.BaseResource) -> None:
        self._refuse_a_kind(resource_type)
        self._refuse_a_part("started or stopped")
        with injecting(self):  # into what is started, and goes on in tasks of its own
            await self._lifecycle.start(limits_of(self))

    async def shutdown_resources(self, resource_type: type[Any] = providers.BaseResource) -> None:
        self._refuse_a_kind(resource_type)
        self._refuse_a_part("started or stopped")
        await self._lifecycle.stop()

    async def __aenter__(self) -> Self:
        await self.init_resources()
        body = Body()
        self._bodies.append(body)
        self._lifecycle.supervisor.on_failure(body.cancel)
        return self

    async def __aexit__(self, *_: object) -> None:
        body = self._bodies.pop()
        self._lifecycle.supervisor.off_failure(body.cancel)
        body.leave()
        await self.shutdown_resources()

    def scope(self, name: str | None = None) -> Scope:
        return Scope(self._known, self._governing(), name)

    def subscribe(self, kind: type[EventT], handler: Callable[[EventT], object]) -> None:
        self._governing().supervisor.events.subscribe(kind, handler)

    def unsubscribe(self, kind: type[EventT], handler: Callable[[EventT], object]) -> None:
        self._governing().supervisor.events.unsubscribe(kind, handler)

    def validate(self, *asking: Asking | Callable[..., Any], files: bool = True) -> tuple[ProviderError, ...]:
        subject = self.parent_name or type(self).__name__
        return validate(self, map(asking_of, asking), subject=subject, files=files, reserved=reserved_by)

    @asynccontextmanager
    async def overriding(self, provider: Provider, replacement: Any) -> AsyncGenerator[None]:
        outermost = self._outermost()

        def plan() -> tuple[PlannedResource, ...]:
            with overridden(provider, replacement):
                return plan_resources(outermost, provider)

        # Others see the replacement only while it is open: between its start and its shutdown.
        async with self._governing().part(plan, limits_of(outermost)):
            with overridden(provider, replacement):
                yield

    def resolver(self, what: Any) -> Callable[[], Any]:
        return self._resolvers.get(what) or self._compiled(what, provider_of(self, what))

    def _compiled(self, what: Any, provider: Provider) -> Callable[[], Any]:
        if len(self._resolvers) >= _RESOLVERS:
            # `service.provided.name` is another provider each time that it is written.
            self._resolvers.clear()
        self._resolvers[what] = made = compile_resolver(provider)
        return made

    def resolve(self, what: Any) -> Any:
        return self.resolver(what)()

    def resolver_of(self, injection: Injection) -> Callable[[], Any]:
        known = self._resolvers.get(injection.target)
        if known is not None:
            return known
        return self._compiled(injection.target, cast("Provider", locate(self, injection.target, place=injection.place)))

    def inject(self, function: Callable[..., R]) -> Callable[..., R]:
        return inject_from(self, function)

    def injecting(self) -> AbstractContextManager[None]:
        return injecting(self)

    def wire(self, *modules: Any, **options: Any) -> None:
        with wiring_loudly(self, self.parent_name or type(self).__name__):
            super().wire(*modules, **{**options, "warn_unresolved": True})

    def unwire(self) -> None:
        names = names_of(self)
        super().unwire()
        wire_others_again(self, names)

    def freeze(self) -> None:
        self._refuse_a_part("frozen")
        for provider in cast("Iterator[Provider]", self.traverse()):
            seal(provider)
            part: object = provider.container if isinstance(provider, providers.Container) else None
            if isinstance(part, Runtime):
                part._resolvers.clear()  # noqa: SLF001 - a container of the same tree
        self._resolvers.clear()

    def guard_resources(self) -> None:
        """Make the use of resources that are not open an error, also of those that have no name."""
        names: dict[Provider, str] = {}
        for name, provider in named(self):
            names.setdefault(provider, name)
        for name, provider, _ in branches(self):
            names.setdefault(provider, name)
            part: object = provider.container if isinstance(provider, providers.Container) else None
            if isinstance(part, Runtime) and cast("Any", provider).parent is None:
                # dependency-injector knows the container of those only that have a name in it.
                part._selected_by = self  # noqa: SLF001 - a container of the same tree
        for resource in cast("Iterator[providers.BaseResource[Any]]", self.traverse(types=[providers.Resource])):
            guard(resource, names.get(resource) or repr(original(resource)), self._lifecycle)
        for provider, name in names.items():
            if isinstance(provider, Scoped):
                provider.name = name

    def _plan(self) -> StartPlan:
        # Named by its class, since a provider may hide the method, which is one of the faults.
        for doubt in Runtime.validate(self, files=False):
            _log.warning("%s", doubt)
        return plan_start(self)

    def _governing(self) -> Lifecycle:
        return self._outermost()._lifecycle  # noqa: SLF001 - a container of the same tree

    def _outermost(self) -> Runtime:
        outermost = self
        while isinstance(holder := cast("Any", outermost).parent, providers.Container):
            above: object = outermost._selected_by or cast("Any", holder).parent
            if not isinstance(above, Runtime):
                break
            outermost = above
        return outermost

    def _refuse_a_kind(self, resource_type: type[Any]) -> None:
        if resource_type is not providers.BaseResource:
            raise LifecycleError(
                f"resources of type {resource_type.__qualname__} cannot be started or stopped alone",
                remedy="Leave the argument out: everything is started in order, and stopped in reverse",
            )

    def _refuse_a_part(self, done: str) -> None:
        if self._outermost() is not self:
            raise LifecycleError(
                f"{self.parent_name} is part of another container, and cannot be {done} alone",
                remedy="Do that with the outermost container",
            )


def reserved_by(kind: type | None) -> frozenset[str]:
    """Return the names by which containers of a class are used, which a provider of the same name would hide."""
    if kind is None or not issubclass(getattr(kind, "instance_type", object), Runtime):
        return frozenset(dir(containers.DynamicContainer))
    # The first that said of what kind its containers are, as others have providers of their own beside that.
    return _reserved([each for each in kind.__mro__ if _makes_a_runtime(each)][-1])


def _makes_a_runtime(kind: type) -> bool:
    return issubclass(vars(kind).get("instance_type", object), Runtime)


@cache
def _reserved(base: type) -> frozenset[str]:
    return frozenset({*dir(base), *dir(Runtime())})

"""The base of an application's containers."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast

from dependency_injector import containers, providers

from poolhouse.container.graph import branches, named
from poolhouse.container.injecting import asking_of, inject_from, injecting
from poolhouse.container.lifecycle import Lifecycle
from poolhouse.container.limits import limits_of
from poolhouse.container.locating import locate, provider_of
from poolhouse.container.plan import plan_resources, plan_start
from poolhouse.container.resolving import resolver as compile_resolver
from poolhouse.container.resources import guard, original
from poolhouse.container.scope import Known, Scope
from poolhouse.container.scoped import Scoped
from poolhouse.container.sealing import seal
from poolhouse.container.supervisor import Body
from poolhouse.container.validating import validate
from poolhouse.container.wired import names_of, wire_others_again, wiring_loudly
from poolhouse.errors import LifecycleError, WiringError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from poolhouse._core.lifecycle import LifecycleState
    from poolhouse.container.background import BackgroundTask
    from poolhouse.container.events import EventT
    from poolhouse.container.graph import Provider
    from poolhouse.container.injection import Injection
    from poolhouse.container.plan import PlannedResource, StartPlan
    from poolhouse.container.replacing import Providing
    from poolhouse.container.report import StartReport
    from poolhouse.container.validating import Asking
    from poolhouse.errors import ProviderError

R = TypeVar("R")
T = TypeVar("T")

_log = logging.getLogger("poolhouse.container")

# How many a container remembers at most.
_RESOLVERS = 1_024


class _Runtime(containers.DynamicContainer):
    """What `MyContainer()` returns: dependency-injector's container with a lifecycle that has an order."""

    def __init__(self) -> None:
        super().__init__()
        self._lifecycle = Lifecycle(self._plan, subject="the container")
        self._bodies: list[Body] = []
        self._known = Known(self)
        self._resolvers: dict[Any, Callable[[], Any]] = {}
        self._selected_by: _Runtime | None = None

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
        return validate(self, map(asking_of, asking), subject=subject, files=files, reserved=_reserved_by)

    @asynccontextmanager
    async def overriding(self, provider: Provider, replacement: Any) -> AsyncGenerator[None]:
        outermost = self._outermost()

        def plan() -> tuple[PlannedResource, ...]:
            with _overridden(provider, replacement):
                return plan_resources(outermost, provider)

        # Others see the replacement only while it is open: between its start and its shutdown.
        async with self._governing().part(plan, limits_of(outermost)):
            with _overridden(provider, replacement):
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
            if isinstance(part, _Runtime):
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
            if isinstance(part, _Runtime) and cast("Any", provider).parent is None:
                # dependency-injector knows the container of those only that have a name in it.
                part._selected_by = self  # noqa: SLF001 - a container of the same tree
        for resource in cast("Iterator[providers.BaseResource[Any]]", self.traverse(types=[providers.Resource])):
            guard(resource, names.get(resource) or repr(original(resource)), self._lifecycle)
        for provider, name in names.items():
            if isinstance(provider, Scoped):
                provider.name = name

    def _plan(self) -> StartPlan:
        # Named by its class, since a provider may hide the method, which is one of the faults.
        for doubt in _Runtime.validate(self, files=False):
            _log.warning("%s", doubt)
        return plan_start(self)

    def _governing(self) -> Lifecycle:
        return self._outermost()._lifecycle  # noqa: SLF001 - a container of the same tree

    def _outermost(self) -> _Runtime:
        outermost = self
        while isinstance(holder := cast("Any", outermost).parent, providers.Container):
            above: object = outermost._selected_by or cast("Any", holder).parent
            if not isinstance(above, _Runtime):
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


@contextmanager
def _overridden(provider: Provider, replacement: Any) -> Generator[None]:
    """Override `provider` for the block; leaving it takes back this override, also from under later ones."""
    cast("Any", provider).override(replacement)
    own: Provider = cast("Any", provider).last_overriding
    try:
        yield
    finally:
        _take_back(provider, own)


def _take_back(provider: Provider, own: Provider) -> None:
    """Remove the override `own`; dependency-injector's own context removes the last one, whosever it is."""
    later: list[Provider] = []
    if own in cast("Any", provider).overridden:
        while (last := cast("Any", provider).last_overriding) is not own:
            later.append(last)
            provider.reset_last_overriding()
        provider.reset_last_overriding()
    for each in reversed(later):
        cast("Any", provider).override(each)


class Container(containers.DeclarativeContainer):
    """Base of an application's containers: dependency-injector's providers with an ordered lifecycle.

    `async with ApplicationContainer() as application` starts everything and stops it. A start opens the
    resources (dependencies first, otherwise in the order of declaration), then applies the migrations of
    all services at once, then opens the resources that may use the database. A resource whose object has
    coroutine methods `open()` and `close()` is driven by them, and is built at any time; all of
    dependency-injector's own kinds work as well, and using one that is not open is a LifecycleError.
    Resolving providers is synchronous, before and after the start. Containers in a container are started
    with the outermost one, and not alone. What a Selector has not chosen, and what only that needs, stays closed.

    A failure or a cancellation of the start stops what had been started, in reverse, and is raised with
    notes of what was being started and what went wrong while stopping. A shutdown stops everything in
    reverse, skips nothing, finishes also when it is cancelled, and raises what went wrong as one group.
    Starting twice, stopping twice, and starting again after a stop work. Containers know nothing of each
    other, so many can live in one process.
    """

    instance_type = _Runtime

    start_timeout: ClassVar[float] = 60.0
    """How many seconds one resource may take to start; migrations have limits of their own.

    This one and `stop_timeout` hold for the resources of the containers inside as well, unless those say otherwise.
    """

    stop_timeout: ClassVar[float] = 30.0
    """How many seconds one resource may take to stop."""

    start_timeouts: ClassVar[Mapping[str, float]] = {}
    """The same for single resources, by their names: `{"search": 300.0}`, also `{"orders.search": 300.0}`."""

    stop_timeouts: ClassVar[Mapping[str, float]] = {}
    """How many seconds single resources may take to stop."""

    drain_timeout: ClassVar[float] = 10.0
    """How many seconds a shutdown waits for scopes that are open, before it closes what they use."""

    slow_after: ClassVar[float] = 5.0
    """After how many seconds a step that still runs is named in the log, and again after each time twice as long."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        taken = sorted(name for name in cls.providers if name in _reserved())
        if taken:
            raise WiringError(
                f"a provider cannot be called {' or '.join(taken)}, since containers have that name for their own",
                place=cls.__qualname__,
                remedy="Give it another name",
            )

    if not TYPE_CHECKING:

        def __new__(cls, **overriding_providers: Any) -> Any:
            """Return a container of copies of the declared providers, some of them overridden."""
            container = super().__new__(cls, **overriding_providers)
            container.guard_resources()
            return container

    if TYPE_CHECKING:
        # In dependency-injector's stubs, every name is a provider of anything; here a mistyped one is an error.
        __getattr__: None  # type: ignore[assignment, misc]  # it is there, for code that does not know the container

        def __init__(self, **overriding_providers: Any) -> None: ...

        @property
        def state(self) -> LifecycleState:
            """Where the container stands."""
            ...

        @property
        def report(self) -> StartReport | None:
            """What the latest start did; None before it."""
            ...

        def validate(self, *asking: Asking | Callable[..., Any], files: bool = True) -> tuple[ProviderError, ...]:
            """Find everything that is wrong with the wiring, before anything is opened and without a database.

            Raises ContainerError with all of it, each with the file and line of its provider, the way to it and a
            remedy. Returns what is legal and most likely mistyped: reads of a schema that is almost a service's, and
            limits of services that have no schema manager. Providers are called only to make schema managers and
            migration sets, with what those need, and to know what Selectors choose.

            Found are dependencies that nothing fills, circles, arguments that do not fit the signature of what is
            called, objects that do not fit the annotations, what has to be awaited where nobody awaits, what must be
            known before the start and is not, pools that nothing opens, schemas and modules that two have, and names
            that hide what containers have themselves. `asking` are routers, functions, and whatever else the container
            fills. Of what Selectors choose among everything is judged; those that choose by the profile have to have
            something for each.
            In doubt it finds nothing: what builtins without a signature take, annotations that only type checkers can
            evaluate, what stand-ins of tests are, and arguments that may come with a call are not judged.

            Every start does this first, without `files`: those of migrations are read by it, and looked into when
            something is pending. With `files`, each of them is checked.
            """
            ...

        async def init_resources(self, resource_type: type[Any] = providers.BaseResource) -> None:
            """Start everything in order; returns when all of it stands."""

        async def shutdown_resources(self, resource_type: type[Any] = providers.BaseResource) -> None:
            """Stop everything in reverse; returns when all of it is closed."""

        async def __aenter__(self) -> Self: ...

        async def __aexit__(self, *_: object) -> None: ...

        def scope(self, name: str | None = None) -> Scope:
            """Return a scope for one unit of work: `async with container.scope() as scope`. See Scope.

            `name` is what a shutdown calls it that has to wait for it; without one, it is that of the running task.
            """
            ...

        def subscribe(self, kind: type[EventT], handler: Callable[[EventT], object]) -> None:
            """Call `handler` with every event of a kind, such as BackgroundTaskCrashed, in the moment it happens.

            It must return soon and not block; what it raises is logged.
            """

        def unsubscribe(self, kind: type[EventT], handler: Callable[[EventT], object]) -> None:
            """Call `handler` no longer; does nothing when it was not."""

        def resolver(self, what: providers.Provider[T] | Callable[..., T]) -> Callable[[], T]:
            """Return a function that resolves a provider, or the one provider that makes objects of a class.

            It gives what a call of the provider gives, several times as fast: the calls of a tree of factories are
            compiled into one function. Overrides are seen at once, whenever and at whichever provider of the tree
            they are made and taken back. Arguments that are changed later (`set_args` and its like) are not. A
            resource that is not open is a LifecycleError, and never opened. Raises WiringError, with the candidates,
            where no provider, or more than one, makes objects of the class, which may be abstract; and for a function.
            """
            ...

        def resolve(self, what: providers.Provider[T] | Callable[..., T]) -> T:
            """Resolve once: `container.resolve(Users)`; see `resolver`."""
            ...

        def resolver_of(self, injection: Injection) -> Callable[[], Any]:
            """Return what an injected parameter is filled with, for integrations; raises WiringError."""
            ...

        def inject(self, function: Callable[..., R]) -> Callable[..., R]:
            """Return a function, or a class, whose parameters marked with `Injected[Type]` this container fills.

            Each is resolved anew at every call, so overrides reach the next one; what is passed by name is not. The
            result is of the same kind as what is given, be that asynchronous, a generator or both, and has the
            parameters that remain. A coroutine function that asks for a transaction, or for what is Scoped, runs in a
            scope of its own at each call. Raises Violations with everything of it that the container cannot fill.
            """
            ...

        def injecting(self) -> AbstractContextManager[None]:
            """Let this container inject into functions marked with `inject` that are called in a `with` block."""
            ...

        def freeze(self) -> None:
            """Let nothing be overridden any more, for good, and make what resolves from now on as fast as by hand.

            Overriding a provider of the container, or taking an override back, is a WiringError from then on, and so is
            resetting a singleton. Call it
            when everything is wired, before routes are bound: resolvers that were made earlier go on asking for
            overrides at each call. Loading values into a Configuration stays possible. Where dependency-injector was
            compiled from its sources without Python's limited API, its providers cannot refuse; then overrides are
            seen as before, and resolvers are no faster.
            """
            ...

        def overriding(
            self, provider: providers.Provider[T], replacement: T | Providing[T]
        ) -> AbstractAsyncContextManager[None]:
            """Override `provider` for the time of an `async with` block, by an object or another provider.

            Resources that the replacement is or needs are started and stopped with the block, where the
            container is started; objects resolved in between get the replacement. Blocks may overlap. What
            fails, or is cancelled, is handled as in a start and a shutdown of the container.
            """
            ...


def background_tasks(container: Container) -> tuple[BackgroundTask, ...]:
    """Return the background tasks of a container that is started, in the order in which they were; else none."""
    lifecycle: Lifecycle = cast("Any", container)._governing()  # noqa: SLF001 - not a method, to leave its name free
    return lifecycle.supervisor.tasks


def _reserved_by(kind: type | None) -> frozenset[str]:
    is_ours = kind is not None and issubclass(kind, Container)
    return _reserved() if is_ours else frozenset(dir(containers.DynamicContainer))


@cache
def _reserved() -> frozenset[str]:
    """Return the names by which containers are used, which a provider of the same name would hide."""
    return frozenset({*dir(Container), *dir(_Runtime())})

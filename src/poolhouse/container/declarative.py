"""The base of an application's containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast

from dependency_injector import containers, providers

from poolhouse.container.runtime import Runtime, reserved_by
from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from poolhouse._core.lifecycle import LifecycleState
    from poolhouse.container.background import BackgroundTask
    from poolhouse.container.events import EventT
    from poolhouse.container.injection import Injection
    from poolhouse.container.lifecycle import Lifecycle
    from poolhouse.container.replacing import Providing
    from poolhouse.container.report import StartReport
    from poolhouse.container.scope import Scope
    from poolhouse.container.validating import Asking
    from poolhouse.errors import ProviderError

R = TypeVar("R")
T = TypeVar("T")


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

    instance_type = Runtime

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
        taken = sorted(name for name in cls.providers if name in reserved_by(Container))
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

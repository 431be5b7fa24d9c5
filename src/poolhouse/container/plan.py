"""What a start will do, decided before any of it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dependency_injector import providers

from poolhouse.container.graph import Graph
from poolhouse.container.kinds import Provider, makes, wants_a_schema
from poolhouse.container.overrides import effective
from poolhouse.container.resources import let_rest
from poolhouse.errors import LifecycleError, WiringError
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dependency_injector import containers


@dataclass(frozen=True, slots=True)
class PlannedResource:
    """A resource to be started, and the dotted name it has in the container."""

    name: str
    provider: providers.BaseResource[Any]


@dataclass(frozen=True, slots=True)
class StartPlan:
    """The phases of a start.

    `before` are the pools and all resources that need none, `after` those that may use the database. Between them
    the migrations are applied, and then those services get their roles whose schema managers these are.
    """

    before: tuple[PlannedResource, ...]
    migrations: tuple[MigrationSet, ...] = ()
    managers: tuple[SchemaManager, ...] = ()
    after: tuple[PlannedResource, ...] = ()


def plan_start(container: containers.Container) -> StartPlan:
    """Decide what a start of `container` does, in which order.

    Raises WiringError for a cycle, an unfilled dependency and a schema that two services claim.
    """
    _forget_modes(container)
    graph = Graph(container)
    _let_rest(graph)
    resources = _resources(graph.order)
    migrations = _migrations(graph)
    earlier = _needs(graph, migrations)
    after = {resource for resource in resources if resource not in earlier and _needs_a_pool(graph, resource)}
    managers = _managers(graph)
    _refuse_shared_schemas(graph, managers)
    return StartPlan(
        before=_planned(graph, (resource for resource in resources if resource not in after)),
        migrations=_sets(graph, migrations),
        managers=tuple(dict.fromkeys(managers.values())),
        after=_planned(graph, (resource for resource in resources if resource in after)),
    )


def plan_migrating(container: containers.Container) -> tuple[tuple[PlannedResource, ...], tuple[MigrationSet, ...]]:
    """Return what must be open for the migration sets of `container`, and the sets; raises as `plan_start` does."""
    _forget_modes(container)
    graph = Graph(container)
    _refuse_shared_schemas(graph, _managers(graph))
    migrations = _migrations(graph)
    needed = _needs(graph, migrations)
    wanted = _planned(graph, (resource for resource in _resources(graph.order) if resource in needed))
    return wanted, _sets(graph, migrations)


def plan_resources(container: containers.Container, root: Provider) -> tuple[PlannedResource, ...]:
    """Return the resources that `root`, as it is in force, is and needs, in the order in which they are started."""
    graph = Graph(container)
    in_force = effective(root)
    known = [*graph.order, *graph.resting]
    if in_force not in known:
        raise WiringError(
            f"the provider that is to be overridden, {root}, is no part of this container",
            remedy="Name it through the container, such as application.users.service",
        )
    wanted = graph.needs(in_force) | {in_force}
    return _planned(graph, (resource for resource in _resources(known) if resource in wanted))


def _let_rest(graph: Graph) -> None:
    for known, is_resting in ((graph.order, False), (graph.resting, True)):
        for resource in _resources(known):
            let_rest(resource, is_resting=is_resting)


def _forget_modes(container: containers.Container) -> None:
    # A provider's mode is set by its first call and stays: calls before this start must not decide it.
    for provider in cast("Iterator[Provider]", container.traverse()):
        provider.reset_async_mode()


def _migrations(graph: Graph) -> list[Provider]:
    return [provider for provider in graph.order if makes(provider, MigrationSet)]


def _sets(graph: Graph, migrations: Iterable[Provider]) -> tuple[MigrationSet, ...]:
    return tuple(dict.fromkeys(_early(graph, provider) for provider in migrations))


def _needs(graph: Graph, providers_of: Iterable[Provider]) -> set[Provider]:
    return set[Provider]().union(*map(graph.needs, providers_of))


def _resources(known: Iterable[Provider]) -> list[providers.BaseResource[Any]]:
    # A ContextLocalResource has one state for each context, and the lifecycle's own context is nobody else's.
    return [
        provider
        for provider in known
        if isinstance(provider, providers.BaseResource) and not isinstance(provider, providers.ContextLocalResource)
    ]


def _planned(graph: Graph, resources: Iterable[providers.BaseResource[Any]]) -> tuple[PlannedResource, ...]:
    return tuple(PlannedResource(graph.name(resource), resource) for resource in resources)


def _needs_a_pool(graph: Graph, provider: Provider) -> bool:
    return any(makes(need, SharedPool) for need in graph.needs(provider))


def _early(graph: Graph, provider: Provider) -> Any:
    """Return what `provider` makes, before anything is open."""
    try:
        return provider()
    except LifecycleError as error:
        raise WiringError(
            f"{graph.name(provider)} must be known before the start, but {error.fact}",
            remedy="Let it depend on resources that are built closed only: classes with coroutines open() and close()",
        ) from None


def _managers(graph: Graph) -> dict[Provider, SchemaManager]:
    found = (provider for provider in graph.order if makes(provider, SchemaManager) and not wants_a_schema(provider))
    return {provider: _early(graph, provider) for provider in found}


def _refuse_shared_schemas(graph: Graph, managers: Mapping[Provider, SchemaManager]) -> None:
    """Two services are two containers; within one, several managers of its schema are the service's own affair."""
    owners: dict[tuple[int, str], list[str]] = {}
    for provider, manager in managers.items():
        services = owners.setdefault((id(manager.pool), manager.schema), [])
        service = graph.service(provider) or "the application"
        if service not in services:
            services.append(service)
    for (_, schema), services in owners.items():
        if len(services) > 1:
            raise _shared(schema, services)


def _shared(schema: str, services: Sequence[str]) -> WiringError:
    return WiringError(
        f"the schema {schema!r} is claimed by more than one service: {' and '.join(services)}",
        remedy="Give each service a schema of its own, and declare what it reads of others with reads=[…]",
    )

"""From a container, which is not started for it, to a picture of it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from poolhouse._core.identifiers import parse_qualified
from poolhouse._core.listing import some_of
from poolhouse._core.picture import Edge, EdgeKind, Node, NodeKind, Picture, picture
from poolhouse._core.roles import role_of
from poolhouse.container.graph import Graph, branches, named
from poolhouse.container.kinds import made_class, makes, wants_a_schema
from poolhouse.container.overrides import effective
from poolhouse.container.plan import plan_start
from poolhouse.container.resources import original
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import ServiceRoles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poolhouse.container import Container
    from poolhouse.container.kinds import Provider


def draw(container: Container) -> Picture:
    """Return the picture of `container`, for which nothing is opened and no database asked.

    A service is a container in it, or, where managers are in the outermost container, whatever those are of. Raises
    WiringError as a start does.
    """
    runtime = cast("Any", container)
    plan = plan_start(runtime)
    drawing = _Drawing(runtime, {each.provider for each in (*plan.before, *plan.after)})
    nodes = [drawing.node(name) for name in drawing.members]
    return picture(runtime.declarative_parent.__qualname__, nodes, [*drawing.needs(), *drawing.reads()])


class _Drawing:
    """What is known of a container's named providers: which node each belongs to, and what it makes early."""

    def __init__(self, container: Any, resources: set[Provider]) -> None:
        self._resources = resources
        self._graph = Graph(container)
        # What Selectors have not chosen is no part of the application as it is.
        resting = {*self._graph.resting}
        every = (*named(container), *((name, provider) for name, provider, _ in branches(container)))
        self._named = [(name, provider) for name, provider in every if effective(provider) not in resting]
        self._reached = {*self._graph.order}
        self._containers = {name.rpartition(".")[0] for name, _ in self._named} - {""}
        self._providers = dict.fromkeys(effective(provider) for _, provider in self._named)
        self._managers = {
            each: cast("SchemaManager", each())
            for each in self._providers
            if makes(each, SchemaManager) and not wants_a_schema(each)
        }
        self._sets = {each: cast("MigrationSet", each()) for each in self._providers if makes(each, MigrationSet)}

    @cached_property
    def members(self) -> dict[str, list[Provider]]:
        """The providers of each node, in the order of their names."""
        found: dict[str, list[Provider]] = {}
        for provider in sorted(self._providers, key=self._graph.name):
            if (node := self._node_of(provider)) is not None:
                found.setdefault(node, []).append(provider)
        return found

    def node(self, name: str) -> Node:
        """Return the node of a name, with what belongs to it."""
        members = self.members[name]
        if name in self._services:
            details = [line for kind in (self._objects, self._schemas, self._migrations) for line in kind(name)]
            return Node(name, NodeKind.SERVICE, tuple(dict.fromkeys(details)))
        (shared,) = members
        details = [self._label(shared)]
        if makes(shared, SharedPool):
            settings = cast("SharedPool", shared()).settings
            details.append(f"{settings.min_size} to {settings.max_size} connections")
            return Node(name, NodeKind.POOL, tuple(details))
        return Node(name, NodeKind.RESOURCE if shared in self._resources else NodeKind.OBJECT, tuple(details))

    def needs(self) -> Iterator[Edge]:
        """Yield what the nodes need of each other; a port tells its name, and what is asked for."""
        ports = dict(self._ports())
        for source, members in self.members.items():
            needed = {need for member in members for need in self._direct(member)}
            needed |= {provider for owner, provider in ports if owner == source}
            for need in needed:
                target = self._node_of(need)
                if target is not None and target != source:
                    label = ports.get((source, need), "")
                    yield Edge(source, target, EdgeKind.NEEDS, label, self._graph.name(need) if label else "")

    def reads(self) -> Iterator[Edge]:
        """Yield what services declare to read of each other's tables."""
        for manager, service in self._managed():
            for read in sorted(manager.reads):
                owner = self._owner(read)
                if owner is not None and owner != service:
                    yield Edge(service, owner, EdgeKind.READS, read)

    @cached_property
    def _services(self) -> set[str]:
        managed = {self._node_of(each) for each in self._providers if makes(each, SchemaManager)}
        return {*self._containers, *(each for each in managed if each is not None)}

    def _node_of(self, provider: Provider) -> str | None:
        name = self._graph.name(provider)
        if provider not in self._providers or name in self._containers or self._label(provider) == "":
            return None
        if owner := name.rpartition(".")[0]:
            return owner
        if provider in self._managers:
            return self._managers[provider].service
        if provider in self._sets:
            return self._sets[provider].db.service
        if makes(provider, SchemaManager):
            return str(getattr(provider, "kwargs", {})["service"])
        made = made_class(provider)
        # Everything needs the settings, which says nothing.
        return None if made is not None and issubclass(made, BaseModel) else name

    def _direct(self, provider: Provider) -> Iterator[Provider]:
        """Yield what one refers to and what has a node, also through what has none."""
        following = [provider]
        passed = {provider}
        while following:
            one = cast("Any", following.pop())
            for need in (effective(each) for each in one.related if each not in one.overridden):
                if self._node_of(need) is not None:
                    yield need
                elif need in self._reached and need not in passed:
                    passed.add(need)
                    following.append(need)

    def _ports(self) -> Iterator[tuple[tuple[str, Provider], str]]:
        """Yield who asks for what by a port, and what to call it; nothing where that is as what fills it."""
        for name, provider in self._named:
            owner, _, own = name.rpartition(".")
            need = effective(provider)
            asked = getattr(provider, "instance_of", None) if need is not provider else None
            if owner and isinstance(asked, type):
                kind = "" if asked is object else f": {asked.__qualname__}"
                yield (owner, need), "" if asked is made_class(need) else f"{own}{kind}"

    def _objects(self, name: str) -> Iterator[str]:
        for each in self.members[name]:
            if each not in self._managers and each not in self._sets and not makes(each, SchemaManager):
                own = self._graph.name(each).removeprefix(f"{name}.")
                yield f"{'resource ' if each in self._resources else ''}{own}: {self._label(each)}"

    def _schemas(self, name: str) -> Iterator[str]:
        for each in self.members[name]:
            if each in self._managers:
                manager = self._managers[each]
                yield f"schema {manager.schema}{_role(manager)}"
                yield from (f"reads {read}" for read in sorted(manager.reads) if self._owner(read) in {None, name})
            elif makes(each, SchemaManager):
                yield f"schemas by name, service {getattr(each, 'kwargs', {})['service']}"

    def _migrations(self, name: str) -> Iterator[str]:
        for migrations in (self._sets[each] for each in self.members[name] if each in self._sets):
            many = migrations.schemas
            where = "" if many is None else f", {'schemas of a query' if isinstance(many, str) else some_of(many)}"
            yield f"migrations in {_relative(migrations.directory)}{where}"

    def _managed(self) -> Iterator[tuple[SchemaManager, str]]:
        for provider, manager in self._managers.items():
            if (node := self._node_of(provider)) is not None:
                yield manager, node

    def _owner(self, read: str) -> str | None:
        schema, _ = parse_qualified(read)
        return next((node for manager, node in self._managed() if manager.schema == schema), None)

    def _label(self, provider: Provider) -> str:
        made = made_class(provider) or original(provider)
        label = getattr(made, "__qualname__", "")
        return label if isinstance(label, str) else ""


def _role(manager: SchemaManager) -> str:
    settings = manager.pool.settings
    if settings.service_roles is ServiceRoles.OFF:
        return ""
    return f", role {role_of(manager.service, settings.role_prefix)}"


def _relative(directory: Path) -> str:
    here = Path.cwd()
    return (directory.relative_to(here) if directory.is_relative_to(here) else directory).as_posix()

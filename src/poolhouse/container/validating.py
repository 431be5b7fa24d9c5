"""Everything that is wrong with a container, found before anything is opened."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from dependency_injector import providers

from poolhouse._core.dependencies import Dependencies
from poolhouse._core.identifiers import parse_qualified
from poolhouse._core.suggestion import nearest
from poolhouse._core.wiring import Finding, Value, judge
from poolhouse.container.kinds import makes, wants_a_schema
from poolhouse.container.limits import idle_limits
from poolhouse.container.places import Places
from poolhouse.container.reading import Reading, read
from poolhouse.container.selecting import Choices
from poolhouse.errors import ContainerError, MigrationFilesError, PoolhouseError, ProviderError, WiringError
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dependency_injector import containers

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse.container.declarative import Container


@dataclass(frozen=True, slots=True)
class Asked:
    """The providers that something calls without arguments, and an error for everything that the container has not."""

    providers: tuple[Callable[[], Any], ...] = ()
    faults: tuple[WiringError, ...] = ()


class Asking(Protocol):
    """What asks a container for things, such as a Router whose endpoints are injected."""

    def asked_of(self, container: Container) -> Asked:
        """Return what it asks `container` for; nothing is called."""
        ...


def validate(
    container: containers.Container,
    asking: Iterable[Asking],
    *,
    subject: str,
    files: bool,
    reserved: Callable[[type | None], frozenset[str]],
) -> tuple[ProviderError, ...]:
    """Return what may be wrong with `container`; raises ContainerError with everything that is.

    `reserved` are the names that containers of a class have for their own.
    """
    asked = [each.asked_of(cast("Container", container)) for each in asking]
    reading = read(container, subject=subject, called=[provider for each in asked for provider in each.providers])
    found = [*reading.findings, *judge(reading.picture), *_hiding(reading, reserved)]
    known = _Known(reading, Choices(container, reading))
    errors = known.build({finding.node for finding in found})
    found += [*_made_anew(reading), *_foreign_pools(reading), *known.doubles()]
    told = _Told(reading)
    violations: list[PoolhouseError] = [told.error(each) for each in sorted(found, key=_order)]
    violations += [told.named(index, error) for index, error in errors]
    violations += idle_limits(container)
    if files:
        violations += _file_faults(known.distinct_sets(), known.unknown_modules())
    violations += [fault for each in asked for fault in each.faults]
    if violations:
        raise ContainerError(subject, violations)
    return tuple(map(told.error, known.doubts()))


def _order(finding: Finding) -> int:
    return finding.place


class _Told:
    """Turns findings into errors that name a file and a line."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._places = Places()

    def error(self, finding: Finding) -> ProviderError:
        return ProviderError(finding.fact, path=finding.path, place=self._place(finding.place), remedy=finding.remedy)

    def named(self, index: int, error: PoolhouseError) -> PoolhouseError:
        """Return the error of what a provider calls, with the place of the provider before its own."""
        picture = self._reading.picture
        within = f"{error.place}: {error.fact}" if error.place else error.fact
        path = picture.path_to(index, picture.callers())
        remedy = error.remedy or "Correct what it is called with"
        return ProviderError(within, path=path, place=self._place(index), remedy=remedy)

    def _place(self, index: int) -> str:
        return self._places(self._reading.sites[index])


def _hiding(reading: Reading, reserved: Callable[[type | None], frozenset[str]]) -> Iterator[Finding]:
    for index, site in enumerate(reading.sites):
        own = reading.picture.nodes[index].name.rpartition(".")[2]
        if own == site.name and site.name in reserved(site.container):
            fact = f"the provider {site.name} hides what containers have of that name for their own"
            yield Finding(index, fact, "Give it another name", (reading.picture.nodes[index].name,))


def _made_anew(reading: Reading) -> Iterator[Finding]:
    """Yield pools that a Factory makes, which is another one for each who asks, and nobody opens any of them."""
    callers = reading.picture.callers()
    for index, provider in enumerate(reading.providers):
        if isinstance(provider, providers.Factory) and makes(provider, SharedPool) and callers[index]:
            name = reading.picture.nodes[index].name
            fact = f"{name} makes another pool for everybody who needs one, and nothing opens them"
            path = reading.picture.path_to(index, callers)
            yield Finding(index, fact, "Make it a Resource: providers.Resource(SharedPool, ...)", path)


def _foreign_pools(reading: Reading) -> Iterator[Finding]:
    nodes = reading.picture.nodes
    pools = [node.name for node, provider in zip(nodes, reading.providers, strict=True) if makes(provider, SharedPool)]
    for index, provider in enumerate(reading.providers):
        if not makes(provider, SchemaManager) or nodes[index].callee is None:
            continue
        given = nodes[index].positional[0] if nodes[index].positional else nodes[index].keywords.get("pool")
        product = given.product if given is not None and given.need is None else None
        if isinstance(product, Value) and isinstance(product.value, SharedPool):
            use = f"Pass {pools[0]}" if pools else "Declare the pool as providers.Resource(SharedPool, ...)"
            fact = f"{nodes[index].name} has a pool that no provider of this container makes, and no start opens"
            yield Finding(index, fact, f"{use}, the provider and not the object", (nodes[index].name,))


@dataclass(slots=True)
class _Known:
    """The schema managers and migration sets, which are made before the start, by the indices of their nodes."""

    reading: Reading
    choices: Choices
    managers: dict[int, SchemaManager] = field(default_factory=dict[int, SchemaManager])
    sets: dict[int, MigrationSet] = field(default_factory=dict[int, MigrationSet])

    def build(self, faulty: set[int]) -> list[tuple[int, PoolhouseError]]:
        """Make all that nothing wrong is in the way of, and return the errors of their own."""
        errors: list[tuple[int, PoolhouseError]] = []
        picture = self.reading.picture
        for index, node in enumerate(picture.nodes):
            if not node.is_early:
                continue
            needed = picture.reached_from(index)
            if needed & faulty or needed & {each for each, _ in errors}:
                continue
            for each in needed:
                # A provider's mode is set by its first call and stays, also when what made it so was overridden since.
                self.reading.providers[each].reset_async_mode()
            try:
                self._keep(index, self.reading.providers[index]())
            except PoolhouseError as error:
                errors.append((index, error))
            except Exception as error:  # noqa: BLE001 - what it says may be a secret; which it is, is told
                fact = f"making {node.name} raised {type(error).__name__}"
                errors.append((index, WiringError(fact, remedy=f"Call {node.name}() to see why")))
        return errors

    def _keep(self, index: int, made: object) -> None:
        if isinstance(made, SchemaManager):
            self.managers[index] = made
        elif isinstance(made, MigrationSet):
            self.sets[index] = made

    def doubles(self) -> Iterator[Finding]:
        """Yield schemas that two services claim, and modules that two migration sets have in one schema.

        Two services are two containers; within one, several managers of its schema are the service's own affair. Of
        what is never in force at once, each may have what the other has.
        """
        owners: dict[tuple[int, str], list[int]] = defaultdict(list)
        for index, manager in self.managers.items():
            earlier = owners[id(manager.pool), manager.schema]
            others = (each for each in earlier if self._service(each) != self._service(index))
            first = next((each for each in others if not self.choices.exclude(each, index)), None)
            earlier.append(index)
            if first is not None:
                services = " and ".join(self._service(each) or "the application" for each in (first, index))
                fact = f"the schema {manager.schema!r} is claimed by more than one service: {services}"
                remedy = "Give each service a schema of its own, and declare what it reads of others with reads=[...]"
                yield Finding(index, fact, remedy, self._path(index))
        for index, other in self._repeated_sets():
            module, schema = self.sets[index].module, self.sets[index].db.schema
            names = f"{self._name(other)} and {self._name(index)}"
            fact = f"two migration sets have module {module!r} and schema {schema!r}: {names}"
            yield Finding(index, fact, "Give each set a module of its own", self._path(index))

    def distinct_sets(self) -> list[list[MigrationSet]]:
        """Return the sets that are in force together, without those whose module and schema another has."""
        repeated = {index for index, _ in self._repeated_sets()}
        distinct = {index: each for index, each in self.sets.items() if index not in repeated}
        worlds = dict.fromkeys(tuple(sorted(world & distinct.keys())) for world in self.choices.worlds())
        return [[distinct[index] for index in world] for world in worlds]

    def doubts(self) -> Iterator[Finding]:
        """Yield what is no fault, since tables and leases need not be a service's, and is most likely mistyped."""
        schemas = {each.schema for each in self.managers.values()} | self._schemas_of_sets()
        for index, manager in self.managers.items():
            for read_table in sorted(manager.reads):
                schema = parse_qualified(read_table)[0]
                close = None if schema in schemas else nearest(schema, schemas)
                if close is not None:
                    fact = f"{self._name(index)} reads {read_table}, and no service has the schema {schema!r}"
                    yield Finding(index, fact, f"Did you mean {close!r}?", self._path(index))
        yield from self._idle_limits()

    def unknown_modules(self) -> Iterator[str]:
        """Yield the modules of the sets that could not be made, as far as their names are written down."""
        for index, (node, provider) in enumerate(zip(self.reading.picture.nodes, self.reading.providers, strict=True)):
            if node.is_early and index not in self.sets and makes(provider, MigrationSet):
                named = node.keywords.get("module")
                directory = node.keywords.get("directory") or next(iter(node.positional[1:]), None)
                for given in (named, directory):
                    if given is not None and isinstance(given.product, Value):
                        yield Path(str(given.product.value)).name

    def _idle_limits(self) -> Iterator[Finding]:
        services = {each.service for each in self.managers.values()} | {*self._tenants()}
        for index, provider in enumerate(self.reading.providers):
            pool = self._pool(index) if makes(provider, SharedPool) else None
            for service in sorted(pool.settings.max_connections) if pool is not None else ():
                if service not in services:
                    close = nearest(service, services)
                    fact = f"max_connections limits the service {service!r}, and no schema manager is of that one"
                    remedy = f"Did you mean {close!r}?" if close else f"There are {', '.join(sorted(services))}"
                    yield Finding(index, fact, remedy, (self._name(index),))

    def _pool(self, index: int) -> SharedPool | None:
        """Return the pool that a node makes, as a schema manager has it."""
        for each, manager in self.managers.items():
            if index in self.reading.picture.reached_from(each):
                return manager.pool if isinstance(cast("object", manager.pool), SharedPool) else None
        return None

    def _tenants(self) -> Iterator[str]:
        for node, provider in zip(self.reading.picture.nodes, self.reading.providers, strict=True):
            given = (
                node.keywords.get("service") if makes(provider, SchemaManager) and wants_a_schema(provider) else None
            )
            if given is not None and isinstance(given.product, Value) and isinstance(given.product.value, str):
                yield given.product.value

    def _schemas_of_sets(self) -> set[str]:
        return {schema for each in self.sets.values() if isinstance(each.schemas, tuple) for schema in each.schemas}

    def _repeated_sets(self) -> Iterator[tuple[int, int]]:
        alike: dict[tuple[int, str, str], list[int]] = defaultdict(list)
        for index, each in self.sets.items():
            earlier = alike[id(each.db.pool), each.module, each.db.schema]
            other = next((one for one in earlier if not self.choices.exclude(one, index)), None)
            earlier.append(index)
            if other is not None:
                yield index, other

    def _service(self, index: int) -> str:
        return self.reading.services[index]

    def _name(self, index: int) -> str:
        return self.reading.picture.nodes[index].name

    def _path(self, index: int) -> tuple[str, ...]:
        return self.reading.picture.path_to(index, self.reading.picture.callers())


def _file_faults(sets: Sequence[Sequence[MigrationSet]], unknown: Iterable[str]) -> Iterator[PoolhouseError]:
    """Yield what is wrong with the files of `sets`, and with what those depend on, as far as it can be read.

    Each of `sets` are those that are in force together. `unknown` are modules whose sets could not be made.
    """
    told: dict[str, PoolhouseError] = {}
    loaded: dict[MigrationSet, LoadedMigrations] = {}
    unread = {*unknown}
    for each in dict.fromkeys(chain.from_iterable(sets)):
        try:
            loaded[each] = each.load()
        except MigrationFilesError as error:
            unread.add(each.module)
            told.update((str(fault), fault) for fault in error.violations)
    for world in sets:
        readable = _readable([(each, loaded[each]) for each in world if each in loaded], unread)
        for together in _linked(readable):
            told.update((str(fault), fault) for fault in Dependencies(together).faults())
    yield from told.values()


def _readable(
    loaded: Sequence[tuple[MigrationSet, LoadedMigrations]], unread: set[str]
) -> list[tuple[MigrationSet, LoadedMigrations]]:
    """Leave out what depends on a module that cannot be read, and so on: nothing can be said of those."""
    readable = [each for each in loaded if not _waits_for(each[1], unread)]
    if len(readable) == len(loaded):
        return readable
    return _readable(readable, unread | {each.module for each, _ in loaded} - {each.module for each, _ in readable})


def _linked(loaded: Sequence[tuple[MigrationSet, LoadedMigrations]]) -> Iterator[list[LoadedMigrations]]:
    """Yield what is migrated together: the sets of one schema on each pool, and with those each set of many."""
    by_pool: dict[int, list[LoadedMigrations]] = defaultdict(list)
    for each, files in loaded:
        if each.schemas is None:
            by_pool[id(each.db.pool)].append(files)
    yield from by_pool.values()
    yield from ([*by_pool[id(each.db.pool)], files] for each, files in loaded if each.schemas is not None)


def _waits_for(loaded: LoadedMigrations, modules: set[str]) -> bool:
    files: tuple[Any, ...] = (*loaded.files, *loaded.repeatables)
    return any(dependency.module in modules for file in files for dependency in file.directives.depends)

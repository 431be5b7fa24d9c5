"""Parts of an application: one service's container, with what it needs or without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from dependency_injector import providers

from poolhouse._core.suggestion import nearest
from poolhouse._core.wiring.callee import read_callee
from poolhouse.container.declarative import Container
from poolhouse.container.graph import named
from poolhouse.container.resources import original
from poolhouse.errors import WiringError
from poolhouse.pool import SharedPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from poolhouse.container.kinds import Provider
    from poolhouse.settings import DatabaseSettings


class Filling(Protocol):
    """What gives objects for dependencies, or providers of some."""

    def is_given(self, service: str, dependency: str) -> bool:
        """Whether it has something for a dependency, whatever else there is for that."""
        ...

    def __call__(self, service: str, dependency: str, wanted: type | None) -> Any:
        """Return something for a dependency of a service; `wanted` is its type, where that is known."""
        ...


def alone(name: str, kind: type[Container], fill: Filling) -> Callable[[DatabaseSettings], Container]:
    """Return what makes a container of nothing but one service and a pool, for a database; `fill` gives all the rest.

    `kind` is the class of the service's container, and `name` what it is called.
    """
    filling: dict[str, Any] = {}
    wants_pool: list[str] = []
    for dependency, wanted in _holes(kind).items():
        if _is_pool(dependency, wanted):
            wants_pool.append(dependency)
        else:
            filling[dependency] = _provided(fill(name, dependency, wanted))

    def make(database: DatabaseSettings) -> Container:
        pool = providers.Resource(SharedPool, database)
        part = providers.Container(kind, **filling, **dict.fromkeys(wants_pool, pool))
        return _class_of(name, {"pool": pool, name: part})()

    return make


def part_of(application: type[Container], name: str, *, is_whole: bool, fill: Filling) -> type[Container]:
    """Return an application that has of `application` one service and those that it needs, to be given `settings`.

    Those are what it needs directly, or, where that `is_whole`, what those need as well, but for what `fill` has
    something else for. What is left out is given by `fill`. Raises WiringError for a service that there is not.
    """
    services = _Services(application, fill)
    included = services.needed_by(name, is_whole=is_whole)
    memo: dict[int, Any] = {}
    declared: dict[str, Any] = {}
    for service in included:
        filling = {
            dependency: _provided(fill(service, dependency, services.wanted(service, dependency)))
            if given is None or services.owners_of(given) - {*included} or fill.is_given(service, dependency)
            else providers.deepcopy(given, memo)
            for dependency, given in services.filling(service).items()
        }
        new: Any = providers.Container(services.kind(service), **filling)
        declared[service] = new
        renewed = dict(named(new.container))
        memo.update({id(old): renewed[path] for path, old in named(services.container(service))})
    for each, provider in application.providers.items():
        # Copies take along what they are in, which is the whole application; what is left out has been copied with it.
        is_service = isinstance(provider, providers.Container)
        if not is_service and (each == "settings" or id(provider) in memo):
            declared[each] = providers.deepcopy(provider, memo)
    return _class_of(name, declared)


def service_in(application: type[Container], name: str) -> type[Container]:
    """Return the class of a service's container, by its name in the application; raises WiringError."""
    return _Services(application, None).kind(name)


class _Services:
    """The containers inside of an application's class, and what fills their dependencies."""

    def __init__(self, application: type[Container], fill: Filling | None) -> None:
        self._application = application
        self._fill = fill
        self._parts: dict[str, Any] = {
            name: provider
            for name, provider in cast("dict[str, Any]", application.providers).items()
            if isinstance(provider, providers.Container)
        }
        self._owners = {inner: name for name in self._parts for _, inner in named(self.container(name))}

    def container(self, service: str) -> Any:
        if service not in self._parts:
            close = nearest(service, self._parts)
            remedy = f"Did you mean {close!r}?" if close else f"It has {', '.join(self._parts)}"
            raise WiringError(f"there is no service {service!r}", place=self._application.__qualname__, remedy=remedy)
        return self._parts[service].container

    def kind(self, service: str) -> type[Container]:
        return cast("type[Container]", self.container(service).declarative_parent)

    def wanted(self, service: str, dependency: str) -> type | None:
        return _wanted(self.kind(service), dependency)

    def filling(self, service: str) -> dict[str, Provider | None]:
        """Return what fills the dependencies of a service, None where nothing does."""
        given = {
            name: cast("Any", provider).last_overriding
            for name, provider in self.container(service).providers.items()
            if isinstance(provider, providers.Dependency)
        }
        return {name: each for name, each in given.items() if each is not None or name in _holes(self.kind(service))}

    def owners_of(self, provider: Provider) -> set[str]:
        """Return the services that a provider is of, or depends on."""
        found: set[str] = set()
        seen: set[Provider] = set()
        waiting = [provider]
        while waiting:
            each = waiting.pop()
            if each in self._owners:
                found.add(self._owners[each])
            elif each not in seen:
                seen.add(each)
                waiting += cast("Any", each).related
        return found

    def needed_by(self, name: str, *, is_whole: bool) -> tuple[str, ...]:
        """Return a service and those that it needs, in the order of their declaration."""
        needed = {name, *self._needs(name)}
        while is_whole and (more := {each for known in needed for each in self._needs(known)} - needed):
            needed |= more
        return tuple(each for each in self._parts if each in needed)

    def _needs(self, service: str) -> Iterator[str]:
        for dependency, given in self.filling(service).items():
            if given is not None and not (self._fill is not None and self._fill.is_given(service, dependency)):
                yield from self.owners_of(given)


def _holes(kind: type[Container]) -> dict[str, type | None]:
    """Return the dependencies that something has to fill, with the types that are wanted, as far as they are known."""
    open_ones = (
        name
        for name, provider in cast("dict[str, Any]", kind.providers).items()
        if isinstance(provider, providers.Dependency)
        and cast("Any", provider).default is None
        and cast("Any", provider).last_overriding is None
    )
    return {name: _wanted(kind, name) for name in open_ones}


def _wanted(kind: type[Container], dependency: str) -> type | None:
    """Return the type of a dependency: the one it is declared with, or that of a parameter that it is passed to."""
    declared = cast("dict[str, Any]", kind.providers)
    wanted = declared[dependency].instance_of
    if wanted is not object:
        return cast("type", wanted)
    for provider in declared.values():
        places = [*enumerate(getattr(provider, "args", ())), *getattr(provider, "kwargs", {}).items()]
        for at, given in places:
            if given is declared[dependency] and callable(original(provider)):
                callee = read_callee(original(provider))
                parameter = callee.parameter(at)
                annotation = callee.annotation(parameter) if parameter is not None else None
                if isinstance(annotation, type):
                    return annotation
    return None


def _is_pool(dependency: str, wanted: type | None) -> bool:
    return dependency == "pool" if wanted is None else issubclass(wanted, SharedPool)


def _provided(given: Any) -> Any:
    return given if providers.is_provider(given) else providers.Object(given)


def _class_of(name: str, declared: Mapping[str, Any]) -> type[Container]:
    title = "".join(part.title() for part in name.split("_"))
    return cast("type[Container]", type(f"SliceOf{title}", (Container,), dict(declared)))

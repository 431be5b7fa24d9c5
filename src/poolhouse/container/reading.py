"""The picture of a container's providers, as they are in force, taken from dependency-injector's kinds."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from dependency_injector import containers, errors, providers, resources

from poolhouse._core.suggestion import nearest
from poolhouse._core.wiring import (
    UNKNOWN,
    Argument,
    Callee,
    Filling,
    Finding,
    Handed,
    Made,
    Need,
    Node,
    Picture,
    Value,
    attribute_of,
    lacks,
    read_callee,
    returned_by,
)
from poolhouse.container.graph import branches_of, choice, related
from poolhouse.container.kinds import ABSTRACT, described, makes, wants_a_schema
from poolhouse.container.overrides import Trail, followed
from poolhouse.container.places import Site
from poolhouse.container.resources import builds_a_handle, original
from poolhouse.container.scoped import Scoped
from poolhouse.container.selecting import wrong_choices
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings, Profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poolhouse._core.wiring import Product
    from poolhouse.container.kinds import Provider

# Our own classes import these for type checkers only.
_OWN = {
    "DatabaseSettings": DatabaseSettings,
    "Iterable": Iterable,
    "Literal": Literal,
    "Path": Path,
    "SchemaManager": SchemaManager,
    "Sequence": Sequence,
    "SharedPool": SharedPool,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A picture, what was found wrong while it was taken, and for each node its provider, its site and its service.

    A service is the dotted name of a container, which is empty for the outermost.
    """

    picture: Picture
    providers: Sequence[Provider]
    sites: Sequence[Site]
    services: Sequence[str]
    findings: Sequence[Finding]


class _Declared(NamedTuple):
    """A provider under a name: its own in a container, or that of a Selector's choice."""

    name: str
    provider: Provider
    site: Site
    service: str


def read(container: containers.Container, *, subject: str, called: Iterable[object] = ()) -> Reading:
    """Take the picture; nothing is called but options of a Configuration, and nothing raises.

    `called` are the providers that are called from outside of the container, without arguments.
    """
    return _Reader(container, called).read(subject)


class _Reader:
    def __init__(self, container: containers.Container, called: Iterable[object]) -> None:
        self._declared = [*_declared(container)]
        self._called_from_outside = {*called}
        self._names: dict[Provider, str] = {}
        self._sites: dict[Provider, Site] = {}
        self._services: dict[Provider, str] = {}
        self._trails: dict[Provider, Trail] = {}
        self._callees: dict[Any, Callee] = {}
        self._products: dict[Provider, Product] = {}
        self._index: dict[Provider, int] = {}
        self._findings: list[Finding] = []

    def read(self, subject: str) -> Reading:
        self._name_all()
        whole = {self._trail(each).end for _, each, *_ in self._declared if each in self._called_from_outside}
        order = [*self._visited()]
        nodes = [self._node(provider, is_asked_for=provider in whole) for provider in order]
        sites = [self._sites[provider] for provider in order]
        picture = Picture(subject, nodes, [*self._fillings()])
        for provider in order:
            self._findings += self._found(provider)
        self._findings += self._override_circles()
        return Reading(picture, order, sites, [self._services[each] for each in order], self._findings)

    def _name_all(self) -> None:
        """Name providers by where they are declared, and what fills a dependency, without a name, by the dependency."""
        for declared in self._declared:
            if not isinstance(declared.provider, providers.Dependency | providers.DependenciesContainer):
                self._put(declared.provider, declared)
        for declared in self._declared:
            self._put(declared.provider, declared)
            self._put(self._trail(declared.provider).end, declared)

    def _put(self, provider: Provider, declared: _Declared) -> None:
        self._names.setdefault(provider, declared.name)
        self._sites.setdefault(provider, declared.site)
        self._services.setdefault(provider, declared.service)

    def _visited(self) -> Iterator[Provider]:
        """Yield every provider that is in force, those that are declared first and in that order."""
        waiting = deque(self._trail(provider).end for _, provider, *_ in self._declared)
        while waiting:
            provider = waiting.popleft()
            if provider in self._index:
                continue
            self._index[provider] = len(self._index)
            yield provider
            for each, _ in related(provider):
                end = self._trail(each).end
                self._sites.setdefault(end, self._sites[provider])
                self._services.setdefault(end, self._services[provider])
                waiting.append(end)

    def _trail(self, provider: Provider) -> Trail:
        if provider not in self._trails:
            self._trails[provider] = followed(provider)
        return self._trails[provider]

    def _name(self, provider: Provider) -> str:  # noqa: PLR0911 - one for each kind
        if provider in self._names:
            return self._names[provider]
        of: Any = provider
        match provider:
            case providers.ConfigurationOption():
                return cast("str", of.get_name())
            case providers.ProvidedInstance():
                # No step of its own in what is drawn.
                return self._name(of.provides)
            case providers.AttributeGetter():
                return f"{self._provided(of.provides)}.{of.name}"
            case providers.ItemGetter():
                return f"{self._provided(of.provides)}[{of.name!r}]"
            case providers.MethodCaller():
                return f"{self._name(of.provides)}()"
            case providers.Delegate() if of.provides is not None:
                return f"{self._name(of.provides)}.provider"
            case _:
                return described(provider)

    def _provided(self, base: Provider) -> str:
        return f"{self._name(base)}.provided" if isinstance(base, providers.ProvidedInstance) else self._name(base)

    def _need(self, provider: Provider) -> Need:
        return self._through(self._trail(provider))

    def _through(self, trail: Trail, *, skipping: int = 0) -> Need:
        return Need(self._index[trail.end], tuple(map(self._name, trail.passed[skipping:])))

    def _node(self, provider: Provider, *, is_asked_for: bool) -> Node:
        name = self._name(provider)
        if self._trail(provider).circle:
            return Node(name)
        if isinstance(provider, (providers.Dependency, *ABSTRACT)):
            declared: Any = provider
            wanted = declared.instance_of if isinstance(provider, providers.Dependency) else declared.provides
            return Node(name, wanted=wanted if isinstance(wanted, type) else None, is_hole=True)
        callee = self._callee(provider)
        args: tuple[Any, ...] = cast("Any", provider).args if callee else ()
        kwargs: dict[str, Any] = cast("Any", provider).kwargs if callee else {}
        is_resource = isinstance(provider, providers.BaseResource)
        is_handle = isinstance(provider, providers.BaseResource) and builds_a_handle(provider)
        is_local = isinstance(provider, providers.ContextLocalResource)
        is_early = makes(provider, MigrationSet) or (makes(provider, SchemaManager) and not wants_a_schema(provider))
        return Node(
            name,
            self._product(provider),
            callee,
            tuple(map(self._argument, args)),
            {key: self._argument(each) for key, each in kwargs.items()},
            self._needs(provider),
            is_opened=is_resource and not is_handle and not is_local,
            is_early=is_early,
            is_awaited=_is_awaited(provider, callee),
            awaits=is_resource and not is_handle,
            is_scoped=isinstance(provider, Scoped),
            is_kept=is_early or (is_resource and not is_local) or _is_kept(provider),
            is_whole=is_early or is_resource or is_asked_for or isinstance(provider, providers.BaseSingleton),
            hands_on=isinstance(provider, providers.Selector),
        )

    def _needs(self, provider: Provider) -> tuple[Need, ...]:
        if isinstance(provider, providers.Container | providers.DependenciesContainer | providers.Aggregate):
            # They have other providers, and call none of them to be made themselves.
            return ()
        return tuple(self._need(each) for each, is_called in related(provider) if is_called)

    def _argument(self, given: Any) -> Argument:
        if not providers.is_provider(given):
            return Argument(Value(given))
        if providers.is_delegated(given):
            return Argument(self._handed(given))
        trail = self._trail(given)
        return Argument(self._product(trail.end), self._need(given), trail.is_stand_in, self._branches(trail.end))

    def _branches(self, provider: Provider, passed: frozenset[Provider] = frozenset()) -> tuple[Argument, ...]:
        trails = {trail.end: trail for trail in (self._trail(each) for _, each in branches_of(provider))}
        return tuple(
            Argument(
                self._product(end), self._through(trail), trail.is_stand_in, self._branches(end, passed | {provider})
            )
            for end, trail in trails.items()
            if end not in passed
        )

    def _callee(self, provider: Provider) -> Callee | None:
        target = original(provider) if _calls(provider) else None
        if target is None or not callable(target) or providers.is_provider(target):
            return None
        is_class_of_resource = isinstance(target, type) and issubclass(target, resources.Resource | _ASYNC_RESOURCE)
        if isinstance(provider, providers.BaseResource) and is_class_of_resource:
            return read_callee(cast("Any", target).init, is_bound=False)
        key = target if getattr(type(target), "__hash__", None) else id(target)
        if key not in self._callees:
            is_own = (getattr(target, "__module__", None) or "").startswith("poolhouse.")
            self._callees[key] = read_callee(target, namespace=_OWN if is_own else None)
        return self._callees[key]

    def _product(self, provider: Provider) -> Product:
        if provider not in self._products:
            # Unknown meanwhile: a provider may be handed over to something that it needs itself.
            self._products[provider] = UNKNOWN
            self._products[provider] = self._made(provider)
        return self._products[provider]

    def _made(self, provider: Provider) -> Product:  # noqa: PLR0911 - one for each kind
        match provider:
            case providers.Configuration() | providers.DependenciesContainer():
                return UNKNOWN
            case providers.Object():
                value = cast("object", provider.provides)
                return UNKNOWN if providers.is_provider(value) else Value(value)
            case providers.List():
                return Made(list)
            case providers.Dict():
                return Made(dict)
            case providers.Delegate():
                return self._handed(cast("Any", provider).provides)
            case providers.ProvidedInstance():
                return self._declared_product(cast("Any", provider).provides)
            case providers.AttributeGetter():
                getter = cast("Any", provider)
                return attribute_of(self._declared_product(getter.provides), getter.name)
            case _:
                callee = self._callee(provider)
                is_entered = isinstance(provider, providers.BaseResource) and not builds_a_handle(provider)
                return UNKNOWN if callee is None else returned_by(callee, is_entered=is_entered)

    def _handed(self, provider: Provider | None) -> Product:
        return UNKNOWN if provider is None else Handed(_called(self._declared_product(provider)))

    def _declared_product(self, provider: Provider) -> Product:
        """Return what a provider makes, unknown where a stand-in does so, which need not be like what it stands for."""
        trail = self._trail(provider)
        return UNKNOWN if trail.is_stand_in else self._product(trail.end)

    def _fillings(self) -> Iterator[Filling]:
        for name, provider, *_ in self._declared:
            trail = self._trail(provider)
            if isinstance(provider, providers.Dependency) and trail.end is not provider and not trail.circle:
                wanted = cast("Any", provider).instance_of
                branches = self._branches(trail.end)
                argument = Argument(self._product(trail.end), self._through(trail, skipping=1), branches=branches)
                yield Filling(name, wanted if isinstance(wanted, type) else None, argument, self._index[trail.end])

    def _found(self, provider: Provider) -> Iterator[Finding]:
        """Yield what only dependency-injector's own kinds can have wrong."""
        index, name = self._index[provider], self._name(provider)
        if isinstance(provider, providers.AttributeGetter):
            getter = cast("Any", provider)
            base = self._declared_product(getter.provides)
            known = lacks(base, getter.name)
            if known is not None:
                close = nearest(getter.name, known)
                remedy = f"Did you mean {close}?" if close else f"It has {', '.join(known)}"
                fact = f"{base} has no attribute {getter.name!r}"
                yield Finding(index, fact, remedy, (self._name(getter.provides), f"provided.{getter.name}"))
        elif isinstance(provider, providers.ConfigurationOption):
            yield from self._unset(index, provider)
        elif isinstance(provider, providers.Selector):
            yield from self._unselectable(index, provider)
        elif _calls(provider) and not isinstance(provider, ABSTRACT) and original(provider) is None:
            yield Finding(index, f"{name} has nothing to call", f"Give {name} a class or a function", (name,))

    def _unset(self, index: int, option: Any) -> Iterator[Finding]:
        try:
            option()
        except errors.Error:
            name: str = option.get_name()
            remedy = "Load it before the start, or leave out what requires it"
            yield Finding(index, f"the configuration option {name} is required, and not set", remedy, (name,))
        except Exception:  # noqa: BLE001, S110 - it is not to be judged here what else a value may be
            pass

    def _unselectable(self, index: int, selector: Any) -> Iterator[Finding]:
        name, chosen = self._name(selector), choice(selector)
        product = UNKNOWN if selector.selector is None else self._declared_product(selector.selector)
        is_by_profile = isinstance(product, Made) and issubclass(product.kind, Profile)
        wrong = wrong_choices(
            name, selector.providers, chosen, is_by_profile=is_by_profile or isinstance(chosen, Profile)
        )
        yield from (Finding(index, fact, remedy, (name,)) for fact, remedy in wrong)

    def _override_circles(self) -> Iterator[Finding]:
        told: set[frozenset[Provider]] = set()
        for trail in (*self._trails.values(),):
            together = frozenset(trail.circle)
            if together and together not in told and trail.end in self._index:
                told.add(together)
                path = tuple(map(self._name, trail.circle))
                fact, remedy = "providers override each other in a circle", "Take one of the overrides back"
                yield Finding(self._index[trail.end], fact, remedy, path)


_ASYNC_RESOURCE: Any = resources.AsyncResource
_CALLING = (providers.Callable, providers.Factory, providers.BaseSingleton, providers.BaseResource)


def _declared(container: containers.Container, prefix: str = "") -> Iterator[_Declared]:
    kind: type | None = getattr(container, "declarative_parent", None)
    for name, provider in container.providers.items():
        site = Site(kind, name if kind else f"{prefix}{name}")
        yield _Declared(f"{prefix}{name}", provider, site, prefix.rstrip("."))
        if isinstance(provider, providers.Container):
            yield from _declared(provider.container, f"{prefix}{name}.")
        for branch, each in branches_of(provider):
            yield _Declared(f"{prefix}{name}.{branch}", each, site, prefix.rstrip("."))
            if isinstance(each, providers.Container):
                yield from _declared(cast("containers.Container", each.container), f"{prefix}{name}.{branch}.")


def _calls(provider: Provider) -> bool:
    return isinstance(provider, _CALLING)


def _is_kept(provider: Provider) -> bool:
    # dependency-injector's singletons of each context live as long as that, which may be a scope.
    is_local = isinstance(provider, providers.ContextLocalSingleton)
    return isinstance(provider, providers.BaseSingleton) and not is_local


def _called(product: Product) -> Made | Value | None:
    return None if isinstance(product, Handed) else product


def _is_awaited(provider: Provider, callee: Callee | None) -> bool:
    is_local = isinstance(provider, providers.ContextLocalResource) and not isinstance(provider, Scoped)
    if callee is None or (isinstance(provider, providers.BaseResource) and not is_local):
        return False
    written = getattr(cast("Any", type(callee.target)), "__call__", None)  # noqa: B004 - its code is wanted
    is_coroutine = any(map(inspect.iscoroutinefunction, (callee.target, written)))
    return is_coroutine or (isinstance(provider, providers.BaseResource) and inspect.isasyncgenfunction(callee.target))

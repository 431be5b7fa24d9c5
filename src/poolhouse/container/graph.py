"""The graph of providers as it is in force: overrides followed, dependencies first, in the order of declaration.

dependency-injector's own traversal pops from a set, so its order differs from run to run.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from dependency_injector import containers, providers

from poolhouse._core.selection import in_force, reached
from poolhouse.container.kinds import ABSTRACT, described, has_a_schema
from poolhouse.container.overrides import effective
from poolhouse.container.resources import builds_a_handle, original
from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from poolhouse.container.kinds import Provider


def named(container: containers.Container, prefix: str = "") -> Iterator[tuple[str, Provider]]:
    """Yield every provider of the container and of those inside it with its dotted name, in declaration order."""
    for name, provider in container.providers.items():
        yield f"{prefix}{name}", provider
        if isinstance(provider, providers.Container):
            yield from named(provider.container, f"{prefix}{name}.")


class Graph:
    """All providers that a container can reach, as they are in force when it is built.

    `order` has each effective provider once, after everything it needs; otherwise it follows the
    declaration. `resting` has, in the same order, what nothing needs but branches that no Selector has chosen.
    Building it raises WiringError for a cycle, drawn, and for a dependency that nothing fills.
    """

    def __init__(self, container: containers.Container) -> None:
        self._names: dict[Provider, str] = {}
        self._services: dict[Provider, str] = {}
        self.order: list[Provider] = []
        self.resting: list[Provider] = []
        self._needs: dict[Provider, tuple[Provider, ...]] = {}
        self._handed: dict[Provider, list[Provider]] = {}
        self._unselected: dict[Provider, list[Provider]] = {}
        self._later: list[Provider] = []
        for name, provider in named(container):
            if not isinstance(provider, providers.Dependency | providers.DependenciesContainer):
                self._name(provider, name)
        for name, provider in named(container):
            self._name(effective(provider), name)
        for name, provider, service in branches(container):
            self._name(effective(provider), name, service)
        self._walk(container.providers.values())
        # What is only handed over, to be called later, or not selected, must stand as well, but nothing waits for it.
        while self._later:
            self._walk([self._later.pop(0)])
        if self._unselected:
            self._let_rest([*map(effective, container.providers.values())])

    def name(self, provider: Provider) -> str:
        """Return the dotted name under which the container has `provider`, or what it makes where it has no name."""
        return self._names.get(provider) or described(provider)

    def service(self, provider: Provider) -> str:
        """Return the name of the container that has `provider`, or has what needs it; empty for the outermost."""
        return self._services[provider]

    def needs(self, provider: Provider) -> set[Provider]:
        """Return everything that `provider` depends on, directly or not."""
        found: set[Provider] = set()
        following = [provider]
        while following:
            new = [need for need in self._needs[following.pop()] if need not in found]
            found.update(new)
            following += new
        return found

    def _name(self, provider: Provider, name: str, service: str | None = None) -> None:
        self._names.setdefault(provider, name)
        self._services.setdefault(provider, name.rpartition(".")[0] if service is None else service)

    def _walk(self, roots: Iterable[Provider]) -> None:
        """Visit everything below `roots`; a loop and no recursion, since chains of providers may be long."""
        for root in map(effective, roots):
            path: dict[Provider, Iterator[Provider]] = {}
            if root not in self._needs:
                path[root] = self._visit(root)
            while path:
                provider, needs = next(reversed(path.items()))
                need = next(needs, None)
                if need is None:
                    del path[provider]
                    self.order.append(provider)
                elif need in path:
                    raise self._circle(list(path), need)
                elif need not in self._needs:
                    self._services.setdefault(need, self._services.get(provider, ""))
                    path[need] = self._visit(need)

    def _visit(self, provider: Provider) -> Iterator[Provider]:
        self._refuse_hole(provider)
        direct: list[Provider] = []
        out = unselected(provider)
        for each, is_called in related(provider):
            if each in out:
                self._unselected.setdefault(provider, []).append(effective(each))
                self._later.append(each)
            elif is_called:
                direct.append(effective(each))
            else:
                self._handed.setdefault(provider, []).append(effective(each))
                self._later.append(each)
        self._needs[provider] = tuple(direct)
        self._services.setdefault(provider, "")
        return iter(direct)

    def _let_rest(self, declared: Sequence[Provider]) -> None:
        needs = {each: (*self._needs[each], *self._handed.get(each, ())) for each in self.order}
        active = in_force(declared, needs, self._unselected, always=filter(has_a_schema, declared))
        self.resting = [each for each in self.order if each not in active]
        self.order = [each for each in self.order if each in active]

    def _circle(self, path: list[Provider], again: Provider) -> WiringError:
        drawn = " -> ".join(map(self.name, [*path[path.index(again) :], again]))
        return WiringError(f"providers need each other in a circle: {drawn}", remedy="Cut it with `x.provider`")

    def _refuse_hole(self, provider: Provider) -> None:
        if isinstance(provider, (providers.Dependency, *ABSTRACT)):
            name = self.name(provider)
            raise WiringError(f"the dependency {name} is not filled", remedy=f"Pass it where {name} is declared")


def related(provider: Provider) -> Iterator[tuple[Provider, bool]]:
    """Yield what `provider` refers to, and whether it calls that; the others it hands over as they are."""
    if isinstance(provider, providers.Object) and not isinstance(provider, providers.DependenciesContainer):
        # A provider in it is a value like any other, and none of this container: dependency-injector copies it not.
        return
    hands_over = isinstance(provider, providers.Delegate)
    overriding: tuple[Provider, ...] = cast("Any", provider).overridden
    each: Provider
    for each in cast("Any", provider).related:
        if each not in overriding:
            delegated = providers.is_delegated(each) and not isinstance(provider, providers.Container)
            yield each, not (hands_over or delegated)


def branches(container: containers.Container) -> Iterator[tuple[str, Provider, str]]:
    """Yield what Selectors choose among, and what is in containers among that, each with the container that has it.

    They are called by their Selector and their branch, as "payments.production" and "payments.production.service".
    """
    for name, provider in named(container):
        for branch, each in branches_of(provider):
            at = f"{name}.{branch}"
            yield at, each, name.rpartition(".")[0]
            if isinstance(each, providers.Container):
                inner = cast("containers.Container", each.container)
                yield from ((found, one, found.rpartition(".")[0]) for found, one in named(inner, f"{at}."))
                yield from (
                    (f"{at}.{found}", one, f"{at}.{owner}".rstrip(".")) for found, one, owner in branches(inner)
                )


def branches_of(provider: Provider) -> Iterator[tuple[str, Provider]]:
    """Yield what a Selector chooses among, by the choice; nothing for others."""
    known: Mapping[str, Provider] = provider.providers if isinstance(provider, providers.Selector) else {}
    yield from known.items()


def unselected(provider: Provider) -> frozenset[Provider]:
    """Return those of a Selector's providers that it does not choose now; none where only a start can tell."""
    known = dict(branches_of(provider))
    chosen = choice(provider) if known else None
    if not isinstance(chosen, str) or chosen not in known:
        return frozenset()
    return frozenset(known.values()) - {known[chosen]}


def choice(selector: Provider) -> object:
    """Return by what a Selector chooses now; None where only a start can tell, or nobody."""
    chooser: Provider | None = cast("Any", selector).selector
    try:
        if chooser is None or any(map(_only_a_start_tells, reached([effective(chooser)], _followed))):
            return None
        return chooser()
    except Exception:  # noqa: BLE001 - whoever needs what it chooses is told
        return None


def _followed(provider: Provider) -> Iterator[Provider]:
    return (effective(each) for each, is_called in related(provider) if is_called)


def _only_a_start_tells(provider: Provider) -> bool:
    if isinstance(provider, providers.BaseResource):
        return not builds_a_handle(provider)
    return isinstance(provider, providers.Coroutine) or inspect.iscoroutinefunction(original(provider))

"""The graph of providers as it is in force: overrides followed, dependencies first, in the order of declaration.

dependency-injector's own traversal pops from a set, so its order differs from run to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

from dependency_injector import containers, providers

from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from collections.abc import Iterator

# dependency-injector's stubs leave the parameter of Provider out, hence the casts in this package.
Provider: TypeAlias = "providers.Provider[Any]"


def effective(provider: Provider) -> Provider:
    """Follow overrides and filled dependencies to the provider that a call would really use."""
    while True:
        following: Provider | None = cast("Any", provider).last_overriding
        if following is None and isinstance(provider, providers.Dependency):
            following = cast("Any", provider).default
        if following is None:
            return provider
        provider = following


def named(container: containers.Container, prefix: str = "") -> Iterator[tuple[str, Provider]]:
    """Yield every provider of the container and of those inside it with its dotted name, in declaration order."""
    for name, provider in container.providers.items():
        yield f"{prefix}{name}", provider
        if isinstance(provider, providers.Container):
            yield from named(provider.container, f"{prefix}{name}.")


class Graph:
    """All providers that a container can reach, as they are in force when it is built.

    `order` has each effective provider once, after everything it needs; otherwise it follows the
    declaration. Building it raises WiringError for a cycle, drawn, and for a dependency that nothing fills.
    """

    def __init__(self, container: containers.Container) -> None:
        self._names: dict[Provider, str] = {}
        self.order: list[Provider] = []
        self._needs: dict[Provider, frozenset[Provider]] = {}
        for name, provider in named(container):
            if not isinstance(provider, providers.Dependency | providers.DependenciesContainer):
                self._names[provider] = name
        for name, provider in named(container):
            self._names.setdefault(effective(provider), name)
        for provider in container.providers.values():
            self._visit(effective(provider), [])

    def name(self, provider: Provider) -> str:
        """Return the dotted name under which the container has `provider`, or what it makes where it has no name."""
        made = getattr(provider, "provides", None)
        return self._names.get(provider) or f"{type(provider).__name__}({getattr(made, '__qualname__', made)})"

    def needs(self, provider: Provider) -> frozenset[Provider]:
        """Return everything that `provider` depends on, directly or not."""
        return self._needs[provider]

    def _visit(self, provider: Provider, path: list[Provider]) -> None:
        if provider in self._needs:
            return
        if provider in path:
            loop = [*path[path.index(provider) :], provider]
            drawn = " -> ".join(map(self.name, loop))
            raise WiringError(f"providers need each other in a circle: {drawn}", remedy="Cut it with `x.provider`")
        self._refuse_hole(provider)
        direct = list(_direct_needs(provider))
        for need in direct:
            self._visit(need, [*path, provider])
        self._needs[provider] = frozenset(direct).union(*(self._needs[need] for need in direct))
        self.order.append(provider)

    def _refuse_hole(self, provider: Provider) -> None:
        if isinstance(provider, providers.Dependency):
            name = self.name(provider)
            raise WiringError(f"the dependency {name} is not filled", remedy=f"Pass it where {name} is declared")


def _direct_needs(provider: Provider) -> Iterator[Provider]:
    # `x.provider` (Delegate) hands over the provider, not what it makes: it imposes no order and may close a circle.
    if type(provider) is providers.Delegate:
        return
    overriding: tuple[Provider, ...] = cast("Any", provider).overridden
    related: Provider
    for related in cast("Any", provider).related:
        if related not in overriding:
            yield effective(related)


def made_class(provider: Provider) -> type[Any] | None:
    """Return the class of what `provider` makes, as far as it can be known without calling it."""
    if isinstance(provider, providers.Object):
        return type(cast("object", provider.provides))
    made = getattr(provider, "provides", None)
    return cast("type[Any]", made) if isinstance(made, type) else None


def makes(provider: Provider, kind: type[Any]) -> bool:
    """Whether `provider` makes instances of `kind`."""
    made = made_class(provider)
    return made is not None and issubclass(made, kind)

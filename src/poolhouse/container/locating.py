"""Finding things in a container: by class, by name, by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from dependency_injector import containers, providers

from poolhouse._core.suggestion import nearest
from poolhouse.container.graph import Graph, named
from poolhouse.container.kinds import Provider, made_class, makes
from poolhouse.errors import WiringError
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool

if TYPE_CHECKING:
    from collections.abc import Callable


T = TypeVar("T")


@overload
def locate(container: containers.Container, target: str, *, place: str) -> Callable[[], Any]: ...


@overload
def locate(container: containers.Container, target: Callable[..., T], *, place: str) -> Callable[[], T]: ...


def locate(container: containers.Container, target: Callable[..., Any] | str, *, place: str) -> Callable[[], Any]:
    """Return the provider to call for `target`: a class that one provider makes, or a dotted name.

    Names are those of the container and of the containers in it, such as "users.service". Overrides in
    force at the time of a call are honoured by it. Raises WiringError with the candidates when nothing, or
    more than one thing, fits; `place` says in it who asked.
    """
    if isinstance(target, str):
        return _by_name(container, target, place)
    return _by_class(container, cast("type[Any]", target), place)


def provider_of(container: containers.Container, what: Provider | Callable[..., Any]) -> Provider:
    """Return `what` where it is a provider, and else the one that makes objects of that class."""
    if providers.is_provider(what):
        return cast("Provider", what)
    if isinstance(what, type):
        return cast("Provider", _by_class(container, what, f"resolving {what.__qualname__}"))
    raise WiringError(
        f"{what!r} is neither a provider nor a class, and cannot be resolved",
        remedy="Pass a provider of the container, such as application.users.service, or a class, such as Users",
    )


def _by_name(container: containers.Container, name: str, place: str) -> Callable[[], Any]:
    known = dict(named(container))
    if name in known:
        return known[name]
    close = nearest(name, known)
    remedy = f"Did you mean {close!r}?" if close else f"It has {', '.join(sorted(known))}"
    raise WiringError(f"the container has no provider {name!r}", place=place, remedy=remedy)


def _by_class(container: containers.Container, kind: type[Any], place: str) -> Callable[[], Any]:
    wanted = getattr(kind, "__qualname__", None) or str(kind)
    classes: dict[Provider, type[Any]] = {}
    found: dict[Provider, str] = {}
    for name, provider in named(container):
        made = None if isinstance(provider, providers.Dependency) else made_class(provider)
        if made is not None:
            classes[provider] = made
            if _is_a(made, kind):
                found.setdefault(provider, name)
    if len(found) == 1:
        return next(iter(found))
    if found:
        names = ", ".join(found.values())
        remedy = f'Say which by its name, such as Inject("{next(iter(found.values()))}")'
        raise WiringError(f"{wanted} is made by several providers: {names}", place=place, remedy=remedy)
    close = nearest(wanted, (made.__qualname__ for made in classes.values()))
    meant = f"Did you mean {close}? Otherwise declare" if close else "Declare"
    remedy = f"{meant} a provider that makes it, or say a provider's name"
    raise WiringError(f"no provider of the container makes {wanted}", place=place, remedy=remedy)


def _is_a(made: type[Any], kind: type[Any]) -> bool:
    try:
        return issubclass(made, kind)
    except TypeError:  # a protocol that is none at run time, or has other members than methods
        return kind in made.__mro__


def pools(container: containers.Container) -> tuple[SharedPool, ...]:
    """Return the shared pools in force, each once, those that others need first."""
    return cast("tuple[SharedPool, ...]", _made(Graph(container), SharedPool))


def migration_sets(container: containers.Container) -> tuple[MigrationSet, ...]:
    """Return the migration sets in force, each once, in the order in which they are applied."""
    return cast("tuple[MigrationSet, ...]", _made(Graph(container), MigrationSet))


def _made(graph: Graph, kind: type[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(provider() for provider in graph.order if makes(provider, kind)))

"""Finding things in a container: by class, by name, by kind."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_origin, overload

from dependency_injector import containers, providers

from poolhouse._core.suggestion import nearest
from poolhouse._core.wiring.annotations import named as written_as
from poolhouse.container.graph import Graph, named
from poolhouse.container.kinds import Provider, made_class, makes
from poolhouse.container.resources import original
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
    if isinstance(what, type) or generic_of(what) is not None:
        return cast("Provider", _by_class(container, cast("Any", what), f"resolving {written_as(what)}"))
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
    wanted = written_as(kind)
    classes: dict[Provider, type[Any]] = {}
    found: dict[Provider, str] = {}
    for name, provider in named(container):
        made = None if isinstance(provider, providers.Dependency) else made_class(provider)
        if made is not None:
            classes[provider] = made
            if _is_a(made, kind) and _has_arguments(provider, kind):
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


def generic_of(kind: object) -> type[Any] | None:
    """Return the class of which `kind` is one with arguments, such as Repository of `Repository[User]`; else None."""
    origin: object = get_origin(kind)
    return cast("type[Any]", origin) if isinstance(origin, type) and origin is not UnionType else None


def _is_a(made: type[Any], kind: type[Any]) -> bool:
    # Of what is generic, the arguments are nothing that a class knows.
    asked_for = generic_of(kind) or kind
    try:
        return issubclass(made, asked_for)
    except TypeError:  # a protocol that is none at run time, or has other members than methods
        return asked_for in made.__mro__


def _has_arguments(provider: Provider, kind: type[Any]) -> bool:
    """Whether `Repository[User]` may be what a provider makes, by what it calls and what that derives from."""
    generic = generic_of(kind)
    called: Any = original(provider)
    derived: tuple[type[Any], ...] = getattr(generic_of(called) or called, "__mro__", ())
    written: list[Any] = [called, *(base for each in derived for base in vars(each).get("__orig_bases__", ()))]
    said = [each for each in written if generic is not None and get_origin(each) is generic and not each.__parameters__]
    return not said or kind in said


def pools(container: containers.Container) -> tuple[SharedPool, ...]:
    """Return the shared pools in force, each once, those that others need first."""
    return cast("tuple[SharedPool, ...]", _made(Graph(container), SharedPool))


def migration_sets(container: containers.Container) -> tuple[MigrationSet, ...]:
    """Return the migration sets in force, each once, in the order in which they are applied."""
    return cast("tuple[MigrationSet, ...]", _made(Graph(container), MigrationSet))


def _made(graph: Graph, kind: type[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(provider() for provider in graph.order if makes(provider, kind)))

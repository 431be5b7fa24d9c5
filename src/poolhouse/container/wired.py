"""dependency-injector's own wiring of modules: markers that lead nowhere are errors, and an unwiring ends one's own.

It patches modules, so that a function has one container at a time, the one that was wired to it last.
"""

from __future__ import annotations

import warnings
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from dependency_injector import containers, providers, wiring

from poolhouse.errors import Violations, WiringError

if TYPE_CHECKING:
    from collections.abc import Generator

# In the order in which they were wired, so that the last one wins again when they are wired anew.
_wired: list[weakref.ref[containers.DynamicContainer]] = []


@contextmanager
def wiring_loudly(container: containers.DynamicContainer, subject: str) -> Generator[None]:
    """Wire in the block, and raise Violations with every marker that the container cannot resolve, nothing being wired.

    dependency-injector would pass such a marker on, as if it were the object.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", wiring.UnresolvedMarkerWarning)
        yield
    _forget_selves(container)
    unresolved = [each for each in caught if issubclass(each.category, wiring.UnresolvedMarkerWarning)]
    for each in caught:
        if each not in unresolved:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    _wired[:] = [each for each in _wired if each() not in (None, container)]
    _wired.append(weakref.ref(container))
    if unresolved:
        container.unwire()
        raise Violations(
            f"the wiring of {subject}", map(_fault, dict.fromkeys(str(each.message) for each in unresolved))
        )


def wire_others_again(container: containers.DynamicContainer, names: frozenset[str]) -> None:
    """Wire the other containers to the modules that `container` was wired to and is no more, as they were before."""
    _wired[:] = [each for each in _wired if each() not in (None, container)]
    for other in filter(None, (each() for each in _wired)):
        if any(_overlap(one, another) for one in names for another in names_of(other)):
            of: Any = other
            cast("Any", wiring).wire(of, modules=of.wired_to_modules, packages=of.wired_to_packages)
            _forget_selves(other)


def names_of(container: containers.DynamicContainer) -> frozenset[str]:
    """Return the names of the modules and packages that the container is wired to."""
    of: Any = container
    return frozenset(each.__name__ for each in (*of.wired_to_modules, *of.wired_to_packages))


def _forget_selves(container: containers.Container) -> None:
    """Take away what wiring adds to the providers of containers and of their classes: the container itself."""
    for of in (container, getattr(container, "declarative_parent", None)):
        if of is None:
            continue
        of.providers.pop("__self__", None)
        for provider in of.providers.values():
            if isinstance(provider, providers.Container):
                _forget_selves(cast("Any", provider).container)


def _overlap(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _fault(said: str) -> WiringError:
    marker, _, place = said.removeprefix("Unresolved marker ").partition(" in ")
    return WiringError(
        f"the marker of {marker} leads to no provider of this container",
        place=place,
        remedy="Name a provider that it has: poolhouse graph shows them, or container.providers",
    )

"""Which ports a provider is passed to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dependency_injector import providers

from poolhouse._core.wiring.protocols import is_protocol
from poolhouse.container.graph import named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dependency_injector import containers

    from poolhouse.container.kinds import Provider


def ports_filled_by(container: containers.Container, provider: Provider) -> Iterator[tuple[str, type]]:
    """Yield the dependencies that a provider fills, by name, with the Protocol that each of them asks for."""
    for name, each in named(container):
        if isinstance(each, providers.Dependency) and provider in _filling(each):
            wanted: Any = cast("Any", each).instance_of
            if is_protocol(wanted):
                yield name, wanted


def made_by(replacement: Any) -> object:
    """Return what a replacement of a provider gives, or its class where that is known without calling it; else None."""
    if not providers.is_provider(replacement):
        return replacement
    made = getattr(replacement, "provides", None)
    return made if isinstance(made, type) or isinstance(replacement, providers.Object) else None


def _filling(dependency: Provider) -> Iterator[Provider]:
    """Yield what a dependency is filled with, and what that is overridden by, one after another."""
    seen: set[Provider] = set()
    following: Provider | None = cast("Any", dependency).last_overriding
    while following is not None and following not in seen:
        seen.add(following)
        yield following
        following = cast("Any", following).last_overriding

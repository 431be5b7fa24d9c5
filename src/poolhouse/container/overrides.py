"""What counts in place of a provider: what overrides it, or fills the dependency that it is."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dependency_injector import providers

from poolhouse.container.kinds import ABSTRACT, described
from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from collections.abc import Generator

    from poolhouse.container.kinds import Provider


@dataclass(frozen=True, slots=True)
class Trail:
    """From a provider over what overrides it, and fills dependencies, to the one that a call would really use.

    `passed` are those before the end, and `circle` is drawn where there is no end. The end `is_stand_in` where what it
    takes the place of could have been called itself.
    """

    end: Provider
    passed: tuple[Provider, ...] = ()
    is_stand_in: bool = False
    circle: tuple[Provider, ...] = ()


def followed(provider: Provider) -> Trail:
    """Follow overrides and filled dependencies from a provider on."""
    passed: dict[Provider, None] = {}
    is_stand_in = False
    while provider not in passed:
        following = _following(provider)
        if following is None:
            return Trail(provider, tuple(passed), is_stand_in)
        passed[provider] = None
        is_stand_in = is_stand_in or not isinstance(provider, (providers.Dependency, *ABSTRACT))
        provider = following
    return Trail(provider, circle=(*passed, provider))


def effective(provider: Provider) -> Provider:
    """Return the end of a provider's trail; raises WiringError where it is a circle."""
    trail = followed(provider)
    if trail.circle:
        drawn = " -> ".join(map(described, trail.circle))
        fact = f"providers override each other in a circle: {drawn}"
        raise WiringError(fact, remedy="Take one of the overrides back")
    return trail.end


def _following(provider: Provider) -> Provider | None:
    if isinstance(provider, providers.Container):
        # Its override is spread over its parts, each of which is overridden itself.
        return None
    overriding: Provider | None = cast("Any", provider).last_overriding
    if overriding is None and isinstance(provider, providers.Dependency):
        return cast("Provider | None", cast("Any", provider).default)
    return overriding


@contextmanager
def overridden(provider: Provider, replacement: Any) -> Generator[None]:
    """Override `provider` for the block; leaving it takes back this override, also from under later ones."""
    cast("Any", provider).override(replacement)
    own: Provider = cast("Any", provider).last_overriding
    try:
        yield
    finally:
        _take_back(provider, own)


def _take_back(provider: Provider, own: Provider) -> None:
    """Remove the override `own`; dependency-injector's own context removes the last one, whosever it is."""
    later: list[Provider] = []
    if own in cast("Any", provider).overridden:
        while (last := cast("Any", provider).last_overriding) is not own:
            later.append(last)
            provider.reset_last_overriding()
        provider.reset_last_overriding()
    for each in reversed(later):
        cast("Any", provider).override(each)

"""Providers that refuse to be overridden, or to make another object in the place of their one, from some moment on."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, cast

from dependency_injector import providers

from poolhouse.container.kinds import described
from poolhouse.container.resources import builds_a_handle
from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from poolhouse.container.kinds import Provider

_KINDS: dict[type, type] = {}


def seal(provider: Provider) -> bool:
    """Make every change of the overrides of `provider` an error, whoever makes it; False where that is not possible.

    A provider has no hook for that, but may become of another class, one that refuses. dependency-injector's wheels
    allow it; where it was compiled without the limited API of Python, classes are fixed.
    """
    if is_sealed(provider):
        return True
    if isinstance(provider, (providers.Configuration, providers.ConfigurationOption)):
        # Loading values, which is no change of the wiring, is an override to them.
        return False
    try:
        cast("Any", provider).__class__ = _sealed(cast("Any", type(provider)))
    except TypeError:
        return False
    return True


def is_sealed(provider: Provider) -> bool:
    """Whether the provider refuses to be overridden."""
    return type(provider) in _KINDS


def kind_of(provider: Provider) -> type:
    """Return the class of a provider as it was declared."""
    return _KINDS.get(type(provider), type(provider))


@cache
def _sealed(kind: type[Any]) -> type[Any]:
    """Derive the class that refuses, of the same layout and the same name."""

    def refuse(provider: Any, *_: object) -> NoReturn:
        raise WiringError(
            f"{described(provider)} cannot be overridden, nor an override of it taken back: its container is frozen",
            remedy="Do that before freeze(), or build another container: App(name=replacement)",
        )

    def refuse_to_reset(provider: Any) -> NoReturn:
        raise WiringError(
            f"the object of {described(provider)} stays, since its container is frozen",
            remedy="Build another container for another object",
        )

    def shutdown(provider: Any) -> Any:
        return refuse_to_reset(provider) if builds_a_handle(provider) else cast("Any", kind).shutdown(provider)

    members: dict[str, Any] = {"__slots__": (), "__module__": kind.__module__}
    members |= dict.fromkeys(("override", "reset_last_overriding", "reset_override"), refuse)
    if issubclass(kind, providers.BaseSingleton):
        members |= dict.fromkeys(("reset", "full_reset"), refuse_to_reset)
    if issubclass(kind, providers.BaseResource):
        members["shutdown"] = shutdown
    sealed = type(kind.__name__, (cast("Any", kind),), members)
    _KINDS[sealed] = kind
    return sealed

"""Providers that refuse to be overridden, from some moment on."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, cast

from dependency_injector import providers

from poolhouse.container.graph import described
from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from poolhouse.container.graph import Provider

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

    members: dict[str, Any] = {"__slots__": (), "__module__": kind.__module__}
    changing = dict.fromkeys(("override", "reset_last_overriding", "reset_override"), refuse)
    sealed = type(kind.__name__, (kind,), {**members, **changing})
    _KINDS[sealed] = kind
    return sealed

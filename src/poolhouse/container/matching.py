"""What fills a parameter that is injected, which has to be what its annotation says."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from dependency_injector import providers, resources

from poolhouse._core.wiring.annotations import fits, named, reason
from poolhouse._core.wiring.callee import read_callee
from poolhouse._core.wiring.products import UNKNOWN, Value, returned_by
from poolhouse.container.locating import locate
from poolhouse.container.overrides import followed
from poolhouse.container.resources import builds_a_handle, original
from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from dependency_injector import containers

    from poolhouse._core.wiring.products import Product
    from poolhouse.container.injection import Injection
    from poolhouse.container.kinds import Provider

_JUDGED = (providers.Callable, providers.Factory, providers.BaseSingleton, providers.BaseResource)
_MAKES_ANOTHER: Any = (resources.Resource, cast("Any", resources).AsyncResource)


def match(container: containers.Container, injection: Injection) -> Provider:
    """Return the provider that fills a parameter.

    Raises WiringError where there is none, as `locate` does, and where the one of that name surely makes something else
    than is asked for. What has taken the place of it in a test may be of any class.
    """
    provider = cast("Provider", locate(container, injection.target, place=injection.place))
    trail = followed(provider)
    product = UNKNOWN if trail.is_stand_in or trail.circle else _made(trail.end)
    if isinstance(injection.target, str) and not fits(product, injection.asked_for):
        wanted = named(injection.asked_for)
        why = reason(product, injection.asked_for)
        raise WiringError(
            f"{injection.parameter} is to be {wanted}, and {injection.target} gives {product}{why and f': {why}'}",
            place=injection.place,
            remedy=f"Name a provider that gives {wanted}, or correct the annotation",
        )
    return provider


def _made(provider: Provider) -> Product:
    if isinstance(provider, providers.Object):
        value = cast("object", provider.provides)
        return UNKNOWN if providers.is_provider(value) else Value(value)
    target = original(provider) if isinstance(provider, _JUDGED) else None
    is_of_class = isinstance(target, type) and issubclass(target, _MAKES_ANOTHER)
    is_resource = isinstance(provider, providers.BaseResource)
    # Whether who is injected with something to await wants to await it is for nobody to say.
    is_awaited = not is_resource and inspect.iscoroutinefunction(target)
    if target is None or not callable(target) or is_of_class or is_awaited:
        return UNKNOWN
    return returned_by(read_callee(target), is_entered=is_resource and not builds_a_handle(cast("Any", provider)))

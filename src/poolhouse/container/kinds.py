"""dependency-injector's kinds of providers: what one of them makes, and what it is called where it has no name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast, get_origin

from dependency_injector import providers

from poolhouse.container.resources import original
from poolhouse.migrations import MigrationSet
from poolhouse.schema import SchemaManager

if TYPE_CHECKING:
    from collections.abc import Mapping

# dependency-injector's stubs leave the parameter of Provider out, hence the casts in this package.
Provider: TypeAlias = "providers.Provider[Any]"

ABSTRACT = (
    providers.AbstractCallable,
    providers.AbstractCoroutine,
    providers.AbstractFactory,
    providers.AbstractSingleton,
)

# They have every attribute that is asked for, as a provider of their own.
_ASKED_FOR_ANYTHING = (
    providers.AttributeGetter,
    providers.ConfigurationOption,
    providers.ItemGetter,
    providers.MethodCaller,
    providers.ProvidedInstance,
)


def described(provider: Provider) -> str:
    """Return what a provider without a name is called: by its kind and what it makes, and never by a value in it."""
    kind = type(provider).__name__
    if isinstance(provider, (providers.Object, *_ASKED_FOR_ANYTHING)):
        return kind
    within: str | None = getattr(provider, "parent_name", None)
    made = original(provider)
    return within or (kind if made is None else f"{kind}({getattr(made, '__qualname__', type(made).__qualname__)})")


def made_class(provider: Provider) -> type[Any] | None:
    """Return the class of what `provider` makes, as far as it can be known without calling it."""
    if isinstance(provider, providers.Object):
        return type(cast("object", provider.provides))
    made: Any = None if isinstance(provider, _ASKED_FOR_ANYTHING) else original(provider)
    # `Repository[User]` makes what is a Repository.
    kind: object = get_origin(made) or made
    return cast("type[Any]", kind) if isinstance(kind, type) else None


def makes(provider: Provider, kind: type[Any]) -> bool:
    """Whether `provider` makes instances of `kind`."""
    made = made_class(provider)
    return made is not None and issubclass(made, kind)


def has_a_schema(provider: Provider) -> bool:
    """Whether `provider` makes what a schema is made of or used by, which is the application's in every profile."""
    return makes(provider, SchemaManager) or makes(provider, MigrationSet)


def wants_a_schema(provider: Provider) -> bool:
    """Whether it makes managers for a service's many schemas, each for the one that it is called with."""
    given: Mapping[str, Any] = getattr(provider, "kwargs", {})
    return "service" in given and "schema" not in given

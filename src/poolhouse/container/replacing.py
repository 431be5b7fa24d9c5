"""What may take the place of a provider, as type checkers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from dependency_injector import providers

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

ProviderOf: TypeAlias = "providers.Provider[T]"


class Providing(Protocol[T_co]):
    """A provider of a type or of a subtype; dependency-injector's own are of exactly one type."""

    @property
    def provided(self) -> providers.ProvidedInstance:
        """What tells it from a function."""
        ...

    def __call__(self, *args: Any, **kwargs: Any) -> T_co:
        """Return what is provided."""
        ...

"""Containers in a container, whose providers type checkers know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from dependency_injector import providers

if TYPE_CHECKING:
    from poolhouse.container.declarative import Container

ContainerT = TypeVar("ContainerT", bound="Container")


class Part(providers.Container[ContainerT]):
    """A container in a container, such as that of a service: `users = Part(UsersContainer, pool=pool)`.

    It is dependency-injector's `providers.Container`, and does what that does. But type checkers know what is in it: of
    an application, `application.users.service` is the provider that UsersContainer declares, and `resolve`,
    `overriding` and calls of it know its type. What is given by name fills the dependencies of the container, and
    overrides its other providers.
    """

    if TYPE_CHECKING:

        def __init__(self, container_cls: type[ContainerT], **overriding_providers: Any) -> None: ...

        # What an application has of it. In the body of the class that declares it, it is itself.
        def __get__(self, holder: object, kind: type[Any] | None = None) -> ContainerT: ...

        def __getattr__(self, name: str) -> providers.Provider[Any]: ...

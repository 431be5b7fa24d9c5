"""Providers that are overridden: by what provides the same type, or a subtype of it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, assert_type
from unittest.mock import Mock

from dependency_injector import providers

from poolhouse import Container, DatabaseSettings, Part, SharedPool


class Accounts(Protocol):
    async def exists(self, user_id: int) -> bool: ...


class Everybody:
    async def exists(self, user_id: int) -> bool:
        return user_id > 0


class Misfit:
    async def exists(self, user_id: str) -> bool:
        return bool(user_id)


class Search: ...


class EmptySearch(Search): ...


async def opened() -> AsyncIterator[EmptySearch]:
    yield EmptySearch()


class Orders(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    users = providers.Dependency(instance_of=Accounts)  # type: ignore[type-abstract]  # a port is asked for, not built
    search = providers.Resource(Search)
    limit = providers.Object(10)
    unknown: providers.Provider[Any] = providers.Dependency()


class Application(Container):
    pool = providers.Resource(SharedPool, DatabaseSettings())
    orders = Part(Orders, pool=pool, users=providers.Factory(Everybody))


application = Application()
orders = application.orders


async def overridden(pool: SharedPool) -> None:
    assert_type(orders.overriding(orders.pool, pool), AbstractAsyncContextManager[None])
    async with (
        orders.overriding(orders.users, Everybody()),
        application.overriding(application.orders.users, providers.Factory(Everybody)),
        orders.overriding(orders.search, EmptySearch()),
        orders.overriding(orders.search, providers.Resource(opened)),
        orders.overriding(orders.limit, 5),
        orders.overriding(orders.unknown, Misfit()),
        orders.overriding(orders.search, Mock(spec=Search)),
    ):
        assert_type(orders.users(), Accounts)


# What is wrong


def replaced_by_something_else() -> None:
    orders.overriding(orders.pool, Search())  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    orders.overriding(orders.users, Misfit())  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    application.overriding(application.orders.users, providers.Factory(Misfit))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    orders.overriding(orders.search, EmptySearch)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    orders.overriding(Search, EmptySearch())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    orders.overriding(orders.limit, "5")  # type: ignore[misc]  # pyright: ignore[reportArgumentType]

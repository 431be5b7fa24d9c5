"""The fixtures of the test kit, as the author of a test annotates them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol, assert_type

import pytest
from anyio.from_thread import BlockingPortal
from dependency_injector import providers

from poolhouse import ApplicationSettings, Container, DatabaseSettings, SharedPool
from poolhouse.testing import (
    Bridge,
    Isolation,
    Overriding,
    QuerySummary,
    RecordedQueries,
    RecordedQuery,
    Slice,
    SliceOf,
    Stub,
)


class Accounts(Protocol):
    async def exists(self, user_id: int) -> bool: ...


class Everybody:
    async def exists(self, user_id: int) -> bool:
        return user_id > 0


class Orders:
    async def count(self) -> int:
        return 0


class OrdersContainer(Container):
    users = providers.Dependency(instance_of=Accounts)  # type: ignore[type-abstract]  # a port is asked for, not built
    service = providers.Factory(Orders)


class Application(Container):
    orders = providers.Factory(Orders)
    users = providers.Dependency(instance_of=Accounts)  # type: ignore[type-abstract]  # a port is asked for, not built


@pytest.fixture(scope="session")
def application_container() -> Callable[..., Container]:
    return Application


@pytest.fixture(scope="session")
def application_settings() -> ApplicationSettings:
    return ApplicationSettings(profile="test")


async def test_orders_are_counted(application: Application) -> None:
    assert_type(application.orders(), Orders)
    assert await application.orders().count() == 0


async def test_a_provider_is_overridden(application: Application, overriding: Overriding) -> None:
    await overriding(application.users, Everybody())
    async with overriding(application.users, providers.Factory(Everybody)):
        pass


async def test_a_service_stands_alone(slice_of: SliceOf) -> None:
    assert_type(slice_of(OrdersContainer), AbstractAsyncContextManager[Slice[OrdersContainer]])
    async with slice_of(OrdersContainer, users=Everybody()) as orders:
        assert_type(orders.container.service(), Orders)
        assert_type(orders.application, Container)
        assert_type(orders.stub(Accounts), Stub[Accounts])
        assert_type(orders.stubs, Mapping[str, Stub[Any]])
    async with slice_of("orders", extent="direct") as named:
        assert_type(named, Slice[Any])


def test_queries_are_recorded(queries: RecordedQueries) -> None:
    assert_type(list(queries), list[RecordedQuery])
    assert_type(queries.of("orders"), tuple[RecordedQuery, ...])
    assert_type(queries.summary(), tuple[QuerySummary, ...])
    context: AbstractContextManager[None] = queries.each_at_most(1)
    with context:
        assert_type(len(queries), int)


def test_nothing_is_asynchronous(application: Application, bridge: Bridge) -> None:
    assert_type(bridge.run(application.orders().count()), int)
    assert_type(bridge.enter(Application()), Application)
    assert_type(bridge.portal, BlockingPortal)


def test_databases_are_made(
    postgres: str,
    database: str,
    database_settings: DatabaseSettings,
    new_database: Callable[[], AbstractContextManager[str]],
) -> None:
    with new_database() as dsn:
        assert_type(dsn, str)
    assert_type(SharedPool(database_settings), SharedPool)
    assert postgres != database


def test_isolation_is_one_of_two(isolation: Isolation) -> None:
    assert isolation in {Isolation.ROLLBACK, Isolation.CLONE}


# What is wrong


async def replaced_by_something_else(application: Application, overriding: Overriding, slice_of: SliceOf) -> None:
    await overriding(application.users, Orders())  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    await overriding(application.orders, providers.Factory(Everybody))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with overriding(application.users, Everybody()):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    slice_of(Orders)  # type: ignore[type-var]  # pyright: ignore[reportCallIssue, reportArgumentType]
    slice_of("orders", extent="whole")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


async def used_wrongly(application: Application, bridge: Bridge, slice_of: SliceOf) -> None:
    bridge.run(application.orders())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    application.order()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    async with slice_of(OrdersContainer) as orders:
        orders.container.servise()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

"""Objects that live as long as a scope, transactions of services, and tasks in the background."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, assert_type

from dependency_injector import providers

from poolhouse import SchemaManager, SharedPool
from poolhouse.container import (
    BackgroundTask,
    BackgroundTaskCrashed,
    Container,
    InTransaction,
    Scope,
    Scoped,
    Transactional,
    background_tasks,
)
from poolhouse.schema import Connection


class Basket: ...


class Orders:
    def __init__(self, db: SchemaManager) -> None:
        self.db = db

    async def deliver(self) -> None: ...


async def opened() -> AsyncIterator[Basket]:
    yield Basket()


def made() -> Iterator[Basket]:
    yield Basket()


class Application(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="orders")
    orders = providers.Factory(Orders, db)
    delivery = providers.Resource(BackgroundTask, orders.provided.deliver, on_crash="stop")
    basket = Scoped(Basket)
    awaited = Scoped(opened)
    generated = Scoped(made)
    transaction = Scoped(SchemaManager.transaction, db)


application = Application()


async def work() -> None:
    async with application.scope("work") as scope:
        assert_type(scope, Scope)
        assert_type(await scope.resolve(application.basket), Basket)
        assert_type(await scope.resolve(application.awaited), Basket)
        assert_type(await scope.resolve(application.generated), Basket)
        assert_type(await scope.resolve(application.transaction), Connection)
        assert_type(await scope.resolve(Orders), Orders)
        assert_type(await scope.begin(application.orders, isolation="serializable"), Orders)


async def place(orders: Transactional[Orders]) -> None:
    assert_type(orders, Orders)


async def retry(orders: Annotated[Orders, InTransaction(retries=3, rollback_on=range(500, 600))]) -> None:
    assert_type(orders, Orders)


def tell(crash: BackgroundTaskCrashed) -> None:
    assert_type(crash.restart_in, float | None)


application.subscribe(BackgroundTaskCrashed, tell)
assert_type(background_tasks(application), tuple[BackgroundTask, ...])

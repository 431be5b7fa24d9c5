"""The wiring of orders."""

from dependency_injector import providers

from poolhouse.container import Container
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from services.orders import Orders
from services.orders.ports import Accounts


class OrdersContainer(Container):
    """Orders, and whatever satisfies their port."""

    pool = providers.Dependency(instance_of=SharedPool)
    users = providers.Dependency(instance_of=Accounts)  # type: ignore[type-abstract] # a port is asked for, not built
    db = providers.Factory(SchemaManager, pool, schema="orders")
    migrations = providers.Factory(MigrationSet, db, "migrations/orders")
    service = providers.Factory(Orders, db, users)

"""The wiring of payments."""

from dependency_injector import providers

from poolhouse.container import Container
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from services.payments import Payments
from services.payments.ports import PayableOrders


class PaymentsContainer(Container):
    """Payments, and whatever satisfies their port."""

    pool = providers.Dependency(instance_of=SharedPool)
    orders = providers.Dependency(instance_of=PayableOrders)  # type: ignore[type-abstract] # a port is asked for, not built
    db = providers.Factory(SchemaManager, pool, schema="payments")
    migrations = providers.Factory(MigrationSet, db, "migrations/payments")
    service = providers.Factory(Payments, db, orders)

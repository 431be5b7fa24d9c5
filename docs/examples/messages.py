"""The queue of examples/worker as a service of an application, and a service that is a resource; tests run both."""

from __future__ import annotations

from typing import ClassVar

from dependency_injector import providers

from examples.worker.main import HERE, Craft, Jobs
from poolhouse.container import BackgroundTask, Container
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager

JOBS = HERE / "migrations" / "jobs"


class MessagesContainer(Container):
    """The wiring of a service whose jobs are messages, and whose craft is to send them."""

    pool = providers.Dependency(instance_of=SharedPool)
    mailbox: providers.Dependency[Craft] = providers.Dependency()
    db = providers.Factory(SchemaManager, pool, schema="messages")
    migrations = providers.Factory(MigrationSet, db, JOBS, module="messages")
    service = providers.Factory(Jobs, db, mailbox)
    delivery = providers.Resource(BackgroundTask, service.provided.work)


class Prices:
    """Knows all prices by heart, from its start to its stop."""

    def __init__(self, db: SchemaManager) -> None:
        self._db = db
        self._known: dict[str, int] = {}

    async def open(self) -> None:
        """Learn the prices; the migrations have been applied by then."""
        rows = await self._db.fetch("SELECT sku, price FROM {{tables.prices}}")
        self._known = {row["sku"]: row["price"] for row in rows}

    async def close(self) -> None:
        """Forget them."""
        self._known.clear()

    def of(self, sku: str) -> int:
        """Return the price of an article."""
        return self._known[sku]


class PricesContainer(Container):
    """The wiring of a service that is a resource itself."""

    start_timeouts: ClassVar = {"service": 300.0}
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="prices")
    migrations = providers.Factory(MigrationSet, db, "migrations/prices")
    service = providers.Resource(Prices, db)

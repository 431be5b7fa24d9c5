"""A service that sends messages in the background, and how it is wired; tests run it."""

from __future__ import annotations

import asyncio
from typing import ClassVar, Protocol

from dependency_injector import providers

from poolhouse.container import BackgroundTask, Container, uninterrupted
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager


class Mailbox(Protocol):
    """Where messages go."""

    async def send(self, text: str) -> None:
        """Send one."""
        ...


class Messages:
    """Takes messages, and sends them later."""

    def __init__(self, db: SchemaManager, mailbox: Mailbox) -> None:
        self._db = db
        self._mailbox = mailbox

    async def add(self, text: str) -> None:
        """Take a message; in a transaction of this service, it is sent when that is committed."""
        await self._db.execute("INSERT INTO {{tables.messages}} (text) VALUES ($1)", text)

    async def deliver(self) -> None:
        """Send messages as they come."""
        while True:
            with uninterrupted():
                is_sent = await self._deliver_next()
            if not is_sent:
                await asyncio.sleep(1)

    async def _deliver_next(self) -> bool:
        async with self._db.transaction():
            message = await self._db.fetchrow(
                """
                DELETE FROM {{tables.messages}} WHERE id = (
                    SELECT id FROM {{tables.messages}} ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1
                ) RETURNING text
                """
            )
            if message is not None:
                await self._mailbox.send(message["text"])
            return message is not None


class MessagesContainer(Container):
    """The wiring of the service."""

    pool = providers.Dependency(instance_of=SharedPool)
    mailbox: providers.Dependency[Mailbox] = providers.Dependency()
    db = providers.Factory(SchemaManager, pool, schema="messages")
    migrations = providers.Factory(MigrationSet, db, "migrations/messages")
    service = providers.Factory(Messages, db, mailbox)
    delivery = providers.Resource(BackgroundTask, service.provided.deliver)


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

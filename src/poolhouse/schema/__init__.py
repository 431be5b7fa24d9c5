"""A service's view of the shared pool: its schema, its templates, asyncpg's vocabulary."""

from poolhouse.schema.connection import Connection, Isolation, Transaction
from poolhouse.schema.manager import SchemaManager
from poolhouse.schema.notifications import Notification

__all__ = ["Connection", "Isolation", "Notification", "SchemaManager", "Transaction"]

"""A service's view of the shared pool: its schema, its templates, asyncpg's vocabulary."""

from asyncpg import Record

from poolhouse.schema.attempts import Attempt, Attempts
from poolhouse.schema.connection import Connection, Isolation, Transaction
from poolhouse.schema.cursor import Cursor, CursorFactory
from poolhouse.schema.manager import SchemaManager
from poolhouse.schema.notifications import Notification, Notifications
from poolhouse.schema.rows import RowModel

__all__ = [
    "Attempt",
    "Attempts",
    "Connection",
    "Cursor",
    "CursorFactory",
    "Isolation",
    "Notification",
    "Notifications",
    "Record",
    "RowModel",
    "SchemaManager",
    "Transaction",
]

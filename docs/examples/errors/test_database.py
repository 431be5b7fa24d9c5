"""Errors of statements, each raised by the server for its section."""

from __future__ import annotations

from contextlib import suppress

import pytest

from poolhouse import SchemaManager
from poolhouse.errors import (
    CheckViolationError,
    ConnectionLostError,
    DatabaseError,
    DataError,
    ForeignKeyViolationError,
    InFailedSqlTransactionError,
    IntegrityConstraintViolationError,
    LockNotAvailableError,
    NotNullViolationError,
    QueryTimeoutError,
    ReadOnlyError,
    TransactionRollbackError,
    UniqueViolationError,
    UsageError,
)

TABLES = """
CREATE SCHEMA orders;
CREATE TABLE orders.orders (
    id int PRIMARY KEY, user_id int NOT NULL, total int NOT NULL CHECK (total >= 0),
    reserved int4range, EXCLUDE USING gist (reserved WITH &&)
);
CREATE TABLE orders.items (order_id int REFERENCES orders.orders);
INSERT INTO orders.orders VALUES (1, 7, 100, '[1,9)');
"""
INSERT = "INSERT INTO {{tables.orders}} (id, user_id, total, reserved) VALUES ($1, $2, $3, $4::text::int4range)"
RAISE = "UPDATE {{tables.orders}} SET total = total + 1 WHERE id = 1"


@pytest.fixture
async def orders(pool, admin):
    await admin.execute(TABLES)
    return SchemaManager(pool, schema="orders")


async def test_a_table_that_is_not_there(orders, told):
    with told(DatabaseError):
        await orders.fetch("SELECT * FROM {{tables.ordres}}")


@pytest.mark.parametrize(
    ("error", "row"),
    [
        (IntegrityConstraintViolationError, (2, 7, 100, "[5,6)")),
        (UniqueViolationError, (1, 7, 100, None)),
        (NotNullViolationError, (2, None, 100, None)),
        (CheckViolationError, (2, 7, -1, None)),
        (DataError, (2, 7, "a lot", None)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_row_that_cannot_be(orders, told, error, row):
    with told(error):
        await orders.execute(INSERT, *row)


async def test_a_row_that_refers_to_none(orders, told):
    with told(ForeignKeyViolationError):
        await orders.execute("INSERT INTO {{tables.items}} VALUES (2)")


async def test_a_write_in_a_transaction_that_only_reads(orders, told):
    with told(ReadOnlyError):
        async with orders.transaction(readonly=True):
            await orders.execute(RAISE)


async def test_a_transaction_that_came_too_late(orders, admin, told):
    with told(TransactionRollbackError):
        async with orders.transaction(isolation="repeatable_read"):
            await orders.fetch("SELECT total FROM {{tables.orders}}")
            await admin.execute("UPDATE orders.orders SET total = 0")
            await orders.execute(RAISE)


async def test_a_transaction_that_goes_on_after_a_failure(orders, told):
    with told(InFailedSqlTransactionError):
        async with orders.transaction():
            with suppress(UniqueViolationError):
                await orders.execute(INSERT, 1, 7, 100, None)
            await orders.execute(RAISE)


async def test_a_lock_that_somebody_has(orders, admin, told):
    async with admin.transaction():
        await admin.execute("SELECT * FROM orders.orders FOR UPDATE")
        with told(LockNotAvailableError):
            await orders.fetch("SELECT * FROM {{tables.orders}} FOR UPDATE NOWAIT")


async def test_a_statement_that_takes_too_long(orders, told):
    with told(QueryTimeoutError):
        await orders.fetch("SELECT pg_sleep(60)", timeout=0.25)


async def test_a_connection_that_is_ended(orders, told):
    with told(ConnectionLostError):
        await orders.fetch("SELECT pg_terminate_backend(pg_backend_pid())")


async def test_a_call_that_the_driver_refuses(orders, told):
    transaction = orders.transaction()
    async with transaction:
        pass
    with told(UsageError):
        await transaction.__aenter__()

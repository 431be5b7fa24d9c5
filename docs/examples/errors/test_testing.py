"""Errors of the test kit, each raised for its section."""

from __future__ import annotations

from contextlib import suppress

from poolhouse import SchemaManager
from poolhouse.errors import (
    ForeignDatabaseError,
    PortError,
    RepeatedQueriesError,
    UnansweredCallError,
    UndoneCommitError,
)
from poolhouse.testing import Stub
from poolhouse.testing.databases import check_own
from poolhouse.testing.rollback.rolled_back import RolledBack
from services.orders.ports import Accounts


def test_a_database_of_somebody_else(told):
    with told(ForeignDatabaseError):
        check_own("postgresql://shop:geheim@db.internal:5432/shop")


def test_a_stand_in_that_does_not_fit(told):
    with told(PortError):
        Stub(Accounts).answer(Accounts.exists).returns("yes")


async def test_a_call_without_an_answer(told):
    with told(UnansweredCallError):
        await Stub(Accounts).port.exists(7)


async def test_a_query_for_each_row(application, queries, told):
    users = application.users.service()
    with told(RepeatedQueriesError), queries.each_at_most(1):
        for user_id in (1, 2, 3):
            await users.exists(user_id)


async def test_a_commit_that_was_undone(open_pool, admin, told):
    pool = await open_pool(service_roles="off")
    await admin.execute("CREATE SCHEMA payments")
    stage = await RolledBack(pool).__aenter__()
    with suppress(ZeroDivisionError):
        async with SchemaManager(pool, schema="orders").transaction():
            await SchemaManager(pool, schema="payments").execute("CREATE TABLE payments.receipts (id int)")
            raise ZeroDivisionError
    with told(UndoneCommitError):
        await stage.__aexit__(None, None, None)

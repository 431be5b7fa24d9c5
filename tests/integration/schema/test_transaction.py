"""Transactions: who is part of one, what they promise, and how they end."""
# ruff: noqa: PT012 - what a transaction raises, it raises at the end of a block

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from poolhouse.errors import (
    CheckViolationError,
    ConnectionLostError,
    DataError,
    ForeignKeyViolationError,
    InFailedSqlTransactionError,
    ReadOnlyError,
    TransactionRollbackError,
    UniqueViolationError,
    UsageError,
)
from poolhouse.schema import SchemaManager

INSERT = "INSERT INTO {{tables.items}} VALUES ($1)"


class Trouble(Exception):
    """The block's own."""


async def test_a_block_that_ends_well_is_committed(db, ids):
    async with db.transaction():
        await db.execute(INSERT, 1)
        assert await ids(db) == []

    assert await ids(db) == [1]


async def test_a_block_that_raises_is_rolled_back_and_its_error_passes_unchanged(db, ids):
    trouble = Trouble()

    with pytest.raises(Trouble) as caught:
        async with db.transaction():
            await db.execute(INSERT, 1)
            raise trouble

    assert caught.value is trouble
    assert trouble.__context__ is None
    assert await ids(db) == []


async def test_an_error_of_the_server_rolls_back(db, ids):
    with pytest.raises(UniqueViolationError):
        async with db.transaction():
            await db.execute(INSERT, 1)
            await db.execute(INSERT, 1)

    assert await ids(db) == []


async def test_the_connection_that_a_transaction_gives_is_the_one_its_queries_join(db):
    async with db.transaction() as connection:
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        assert await db.fetchval("SELECT pg_backend_pid()") == pid
        async with db.acquire() as held:
            assert await held.fetchval("SELECT pg_backend_pid()") == pid


@pytest.mark.parametrize(
    ("isolation", "name"),
    [
        (None, "read committed"),
        ("read_uncommitted", "read uncommitted"),
        ("read_committed", "read committed"),
        ("repeatable_read", "repeatable read"),
        ("serializable", "serializable"),
    ],
)
async def test_the_isolation_asked_for_is_the_servers(db, isolation, name):
    async with db.transaction(isolation=isolation):
        assert await db.fetchval("SHOW transaction_isolation") == name


async def test_read_committed_sees_what_others_commit_and_repeatable_read_does_not(db, observer):
    seen = {}
    for number, isolation in enumerate(("read_committed", "repeatable_read")):
        async with db.transaction(isolation=isolation):
            before = await db.fetchval("SELECT count(*) FROM {{tables.items}}")
            await observer.execute(db.render(INSERT), number)
            seen[isolation] = await db.fetchval("SELECT count(*) FROM {{tables.items}}") - before

    assert seen == {"read_committed": 1, "repeatable_read": 0}


async def test_serializable_refuses_a_write_skew_and_says_that_it_can_be_tried_again(db, ids):
    arrived = asyncio.Barrier(2)

    async def add(number):
        async with db.transaction(isolation="serializable"):
            await db.fetchval("SELECT sum(id) FROM {{tables.items}}")
            await arrived.wait()
            await db.execute(INSERT, number)

    outcomes = await asyncio.gather(add(1), add(2), return_exceptions=True)

    (failure,) = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(failure, TransactionRollbackError)
    assert failure.retryable
    assert failure.sqlstate == "40001"
    assert len(await ids(db)) == 1


async def test_an_isolation_that_there_is_not_is_refused_before_anything_is_asked_of_the_server(db):
    with pytest.raises(UsageError, match=r"there is no isolation level 'SERIALIZABLE'\. Use one of read_uncommitted, "):
        db.transaction(isolation="SERIALIZABLE")


async def test_a_readonly_transaction_cannot_write(db):
    with pytest.raises(ReadOnlyError):
        async with db.transaction(readonly=True):
            assert await db.fetchval("SHOW transaction_read_only") == "on"
            await db.execute(INSERT, 1)


async def test_a_deferrable_transaction_is_one(db):
    async with db.transaction(isolation="serializable", readonly=True, deferrable=True):
        assert await db.fetchval("SHOW transaction_deferrable") == "on"


async def test_a_nested_transaction_is_a_savepoint(db, ids):
    async with db.transaction():
        await db.execute(INSERT, 1)
        with pytest.raises(Trouble):
            async with db.transaction():
                await db.execute(INSERT, 2)
                raise Trouble
        async with db.transaction():
            await db.execute(INSERT, 3)

    assert await ids(db) == [1, 3]


async def test_savepoints_nest_deeply(db, ids):
    async with db.transaction(), db.transaction():
        with pytest.raises(Trouble):
            async with db.transaction():
                async with db.transaction():
                    await db.execute(INSERT, 1)
                raise Trouble
        await db.execute(INSERT, 2)

    assert await ids(db) == [2]


async def test_an_error_caught_outside_its_savepoint_leaves_the_rest(db, ids):
    async with db.transaction():
        await db.execute(INSERT, 1)
        with pytest.raises(UniqueViolationError):
            async with db.transaction():
                await db.execute(INSERT, 1)
        await db.execute(INSERT, 2)

    assert await ids(db) == [1, 2]


async def test_modes_belong_to_the_outermost_transaction(db):
    async with db.transaction():
        for modes in ({"isolation": "serializable"}, {"readonly": True}, {"deferrable": True}):
            with pytest.raises(UsageError, match="nested in another"):
                async with db.transaction(**modes):
                    pass
        assert await db.fetchval("SELECT 1") == 1


async def test_an_error_swallowed_where_it_happened_commits_nothing_and_says_so(db, ids):
    with pytest.raises(InFailedSqlTransactionError, match="rolled back instead of committed") as caught:
        async with db.transaction():
            await db.execute(INSERT, 1)
            with pytest.raises(UniqueViolationError):
                await db.execute(INSERT, 1)

    assert caught.value.sqlstate == "25P02"
    assert await ids(db) == []


async def test_an_error_swallowed_in_a_savepoint_loses_the_savepoint_alone(db, ids):
    async with db.transaction():
        await db.execute(INSERT, 1)
        with pytest.raises(InFailedSqlTransactionError):
            async with db.transaction():
                await db.execute(INSERT, 2)
                with pytest.raises(UniqueViolationError):
                    await db.execute(INSERT, 2)
        await db.execute(INSERT, 3)

    assert await ids(db) == [1, 3]


async def test_after_a_swallowed_error_every_statement_is_refused(db):
    with pytest.raises(InFailedSqlTransactionError):
        async with db.transaction():
            with pytest.raises(DataError):
                await db.execute("SELECT 1 / 0")
            await db.fetchval("SELECT 1")


async def test_what_the_driver_refused_by_itself_may_be_swallowed(db, ids):
    async with db.transaction():
        await db.execute(INSERT, 1)
        with pytest.raises(DataError):
            await db.execute(INSERT, "two")
        with pytest.raises(UsageError):
            await db.execute("SELECT $1::int", 1, 2)

    assert await ids(db) == [1]


@pytest.mark.parametrize(
    "use",
    [
        lambda db: db.executemany(INSERT, [*((number,) for number in range(20_000)), ("x",)]),
        lambda db: db.copy_records_to_table("items", records=[(1, "a"), ("x", "b")]),
        lambda db: db.copy_records_to_table("items", records=[(1, "a"), (2, 3)]),
    ],
)
async def test_rows_sent_before_one_was_refused_are_never_committed(db, ids, use):
    with pytest.raises(InFailedSqlTransactionError):
        async with db.transaction():
            with pytest.raises(DataError):
                await use(db)

    assert await ids(db) == []


async def test_a_statement_that_was_cancelled_and_swallowed_commits_nothing(db, ids):
    with pytest.raises(InFailedSqlTransactionError):
        async with db.transaction():
            await db.execute(INSERT, 1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await db.execute("SELECT pg_sleep(9)")

    assert await ids(db) == []


async def test_other_managers_of_the_same_schema_and_pool_join(db, pool, ids):
    other = SchemaManager(pool, schema=db.schema, reads=["users.accounts"])
    with pytest.raises(Trouble):
        async with db.transaction():
            await other.execute(INSERT, 1)
            async with other.transaction():
                await other.execute(INSERT, 2)
            raise Trouble

    assert await ids(db) == []


async def test_other_schemas_do_not_join(new_schema, ids):
    users, orders = await new_schema(), await new_schema()
    with pytest.raises(Trouble):
        async with users.transaction():
            await users.execute(INSERT, 1)
            await orders.execute(INSERT, 1)
            raise Trouble

    assert (await ids(users), await ids(orders)) == ([], [1])


async def test_transactions_of_two_schemas_may_be_open_in_one_task(new_schema, ids):
    users, orders = await new_schema(), await new_schema()
    with pytest.raises(Trouble):
        async with users.transaction():
            async with orders.transaction():
                await users.execute(INSERT, 1)
                await orders.execute(INSERT, 1)
            raise Trouble

    assert (await ids(users), await ids(orders)) == ([], [1])


async def test_transactions_of_two_schemas_need_not_end_in_reverse_order(new_schema, ids):
    users, orders = await new_schema(), await new_schema()
    first, second = AsyncExitStack(), AsyncExitStack()
    await first.enter_async_context(users.transaction())
    await second.enter_async_context(orders.transaction())

    await first.aclose()
    await users.execute(INSERT, 1)
    await orders.execute(INSERT, 2)

    assert (await ids(users), await ids(orders)) == ([1], [])
    await second.aclose()
    assert await ids(orders) == [2]


async def test_child_tasks_do_not_join(db, ids):
    async def child():
        await db.execute(INSERT, 2)

    with pytest.raises(Trouble):
        async with db.transaction():
            await db.execute(INSERT, 1)
            await asyncio.create_task(child())
            await asyncio.gather(db.execute(INSERT, 3), db.execute(INSERT, 4))
            async with asyncio.TaskGroup() as group:
                group.create_task(db.execute(INSERT, 5))
            raise Trouble

    assert await ids(db) == [2, 3, 4, 5]


async def test_a_child_task_has_a_transaction_of_its_own(db, ids):
    async def child():
        async with db.transaction():
            await db.execute(INSERT, 2)

    with pytest.raises(Trouble):
        async with db.transaction():
            await db.execute(INSERT, 1)
            await asyncio.create_task(child())
            assert await db.fetchval("SELECT array_agg(id ORDER BY id) FROM {{tables.items}}") == [1, 2]
            raise Trouble

    assert await ids(db) == [2]


async def test_tasks_at_the_same_time_are_independent(db, ids):
    async def work(number):
        async with db.transaction():
            await db.execute(INSERT, number)
            if number % 3 == 0:
                raise Trouble
            assert await db.fetchval("SELECT count(*) FROM {{tables.items}} WHERE id = $1", number) == 1

    outcomes = await asyncio.gather(*(work(number) for number in range(30)), return_exceptions=True)

    assert sum(isinstance(outcome, Trouble) for outcome in outcomes) == 10
    assert await ids(db) == [number for number in range(30) if number % 3]


async def test_a_constraint_that_is_checked_at_the_commit_fails_there(db, ids):
    await db.execute(
        "CREATE TABLE {{tables.parts}} (item int REFERENCES {{tables.items}} DEFERRABLE INITIALLY DEFERRED)"
    )

    with pytest.raises(ForeignKeyViolationError) as caught:
        async with db.transaction():
            await db.execute("INSERT INTO {{tables.parts}} VALUES (42)")

    assert caught.value.constraint == "parts_item_fkey"
    assert "42" not in str(caught.value).replace(db.schema, "")
    assert await db.fetchval("SELECT count(*) FROM {{tables.parts}}") == 0


async def test_a_transaction_on_a_held_connection_is_joined_too(db, ids):
    async with db.acquire() as connection:
        with pytest.raises(Trouble):
            async with connection.transaction():
                await db.execute(INSERT, 1)
                await connection.execute(INSERT, 2)
                raise Trouble
        async with connection.transaction():
            await db.execute(INSERT, 3)
        await connection.execute(INSERT, 4)
        assert await ids(db) == [3, 4]


async def test_a_held_connection_may_have_one_transaction_after_another_that_failed(db, ids):
    async with db.acquire() as connection:
        with pytest.raises(UniqueViolationError):
            await connection.execute("INSERT INTO {{tables.items}} VALUES (1), (1)")
        async with connection.transaction():
            await connection.execute(INSERT, 1)
        with pytest.raises(InFailedSqlTransactionError):
            async with connection.transaction():
                with pytest.raises(UniqueViolationError):
                    await connection.execute(INSERT, 1)
        async with connection.transaction():
            await connection.execute(INSERT, 2)

    assert await ids(db) == [1, 2]


async def test_giving_back_by_hand_inside_a_transaction_does_nothing(db, ids):
    async with db.transaction():
        connection = await db.acquire()
        await connection.execute(INSERT, 1)
        await db.release(connection)
        await db.execute(INSERT, 2)

    assert await ids(db) == [1, 2]


async def test_a_transaction_begun_by_hand_is_undone_when_its_connection_goes_back(db, ids):
    async with db.acquire() as connection:
        await connection.execute("BEGIN")
        await connection.execute(INSERT, 1)
        async with connection.transaction():
            await connection.execute(INSERT, 2)

    assert await ids(db) == []
    assert await db.fetchval("SELECT 1") == 1


async def test_a_transaction_object_opens_one_transaction(db):
    transaction = db.transaction()
    async with transaction:
        pass

    with pytest.raises(UsageError, match=r"Call transaction\(\) again"):
        async with transaction:
            pass


async def test_a_transaction_whose_connection_is_lost_is_not_committed_and_says_so(db, observer, ids):
    with pytest.raises(ConnectionLostError):
        async with db.transaction() as connection:
            await db.execute(INSERT, 1)
            await observer.execute("SELECT pg_terminate_backend($1, 5000)", connection.raw.get_server_pid())

    assert await ids(db) == []
    assert await db.fetchval("SELECT 1") == 1


async def test_the_blocks_error_passes_when_the_connection_is_lost_besides(db, observer):
    with pytest.raises(Trouble):
        async with db.transaction() as connection:
            await observer.execute("SELECT pg_terminate_backend($1, 5000)", connection.raw.get_server_pid())
            raise Trouble

    assert await db.fetchval("SELECT 1") == 1


async def test_a_check_that_fails_names_the_constraint(db):
    await db.execute("ALTER TABLE {{tables.items}} ADD CONSTRAINT small CHECK (id < 100)")

    with pytest.raises(CheckViolationError) as caught:
        await db.execute(INSERT, 4711)

    assert (caught.value.constraint, caught.value.table, caught.value.schema) == ("small", "items", db.schema)
    assert "4711" not in str(caught.value)

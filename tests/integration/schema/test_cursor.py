"""Cursors: through a result step by step."""
# ruff: noqa: PT012 - cursors live, and raise, inside the block of a transaction

from __future__ import annotations

import asyncio

import pytest

from poolhouse.errors import DataError, InFailedSqlTransactionError, PoolhouseError, QueryTimeoutError, UsageError

SERIES = "SELECT generate_series(1, $1) AS n"


async def test_a_cursor_is_iterated_over(db):
    async with db.transaction():
        assert [row["n"] async for row in db.cursor(SERIES, 120, prefetch=7)] == list(range(1, 121))


async def test_a_cursor_of_no_rows_ends_at_once(db):
    async with db.transaction():
        assert [row async for row in db.cursor("SELECT 1 WHERE false")] == []


async def test_a_cursor_may_be_left_early_and_the_transaction_goes_on(db):
    async with db.transaction():
        async for row in db.cursor(SERIES, 100, prefetch=10):
            if row["n"] == 5:
                break
        assert await db.fetchval("SELECT 1") == 1


async def test_queries_may_be_made_between_the_rows(db):
    async with db.transaction():
        sums = [await db.fetchval("SELECT $1::int + 1", row["n"]) async for row in db.cursor(SERIES, 20, prefetch=3)]

    assert sums == list(range(2, 22))


async def test_a_cursor_is_moved_by_hand(db):
    async with db.transaction() as connection:
        cursor = await connection.cursor(SERIES, 10)
        assert (await cursor.fetchrow())["n"] == 1
        assert await cursor.forward(3) == 3
        assert [row["n"] for row in await cursor.fetch(2)] == [5, 6]
        assert [row["n"] for row in await cursor.fetch(99)] == [7, 8, 9, 10]
        assert await cursor.fetchrow() is None
        assert await cursor.forward(1) == 0


async def test_a_cursor_sees_templates(db):
    await db.execute("INSERT INTO {{tables.items}} VALUES (1)")

    async with db.transaction():
        assert [row["id"] async for row in db.cursor("SELECT id FROM {{tables.items}}")] == [1]


async def test_a_cursor_without_a_transaction_is_a_fault_of_use(db):
    with pytest.raises(UsageError, match=r"this task has none open\. Use it inside"):
        db.cursor("SELECT 1")
    async with db.acquire() as connection:
        with pytest.raises(UsageError, match="there is none"):
            connection.cursor("SELECT 1")


async def test_a_child_task_cannot_move_through_its_parents_transaction(db):
    async def child():
        return db.cursor("SELECT 1")

    async with db.transaction():
        with pytest.raises(UsageError):
            await asyncio.create_task(child())


async def test_a_cursor_does_not_outlive_its_transaction(db):
    async with db.transaction():
        factory = db.cursor(SERIES, 10)
        cursor = await db.cursor(SERIES, 10)

    with pytest.raises(UsageError):
        await cursor.fetch(1)
    with pytest.raises(UsageError):
        await factory
    with pytest.raises(UsageError):
        await anext(aiter(factory))


async def test_a_cursor_has_a_time_limit_for_each_message(db):
    async with db.acquire() as connection:
        with pytest.raises(QueryTimeoutError):
            async with connection.transaction():
                async for _ in connection.cursor("SELECT pg_sleep(9)", timeout=0.05):
                    pass


@pytest.mark.parametrize(
    ("query", "argument"),
    [("SELECT $1::text::int", "c4n4ry"), ("SELECT $1::int", "c4n4ry"), ("SELECT ($1::text)::regclass", "c4n4ry")],
)
async def test_an_error_of_a_cursor_is_ours_and_shows_no_argument(db, query, argument):
    for use in ("iterate", "await"):
        with pytest.raises(PoolhouseError) as caught:
            async with db.transaction():
                if use == "iterate":
                    async for _ in db.cursor(query, argument):
                        pass
                else:
                    await (await db.cursor(query, argument)).fetch(1)
        assert argument not in f"{caught.value!r}{caught.value}"


async def test_an_error_of_a_cursor_that_is_swallowed_commits_nothing(db, ids):
    with pytest.raises(InFailedSqlTransactionError):
        async with db.transaction():
            await db.execute("INSERT INTO {{tables.items}} VALUES (1)")
            with pytest.raises(DataError):
                async for _ in db.cursor("SELECT 1 / (5 - generate_series(1, 9))", prefetch=2):
                    pass

    assert await ids(db) == []

"""Cancelled at every await that there is, the pool is whole and nothing is half done."""

from __future__ import annotations

import asyncio
import io
import time
from itertools import count

import pytest

from poolhouse.errors import InFailedSqlTransactionError, PoolhouseError
from tests.integration.moments import Interrupted, interrupt, until

INSERT = "INSERT INTO {{tables.items}} VALUES ($1)"


@pytest.fixture
def whole(pool, observer):
    """Return a check that the pool has all it had, and the server nothing open."""

    async def check():
        await until(lambda: pool.statistics().in_use == 0)
        statistics = pool.statistics()
        assert statistics.waiting == 0
        assert statistics.idle == statistics.size
        query = "SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name, $1) AND state <> 'idle'"
        name = pool.settings.application_name
        deadline = time.monotonic() + 5
        # The server learns late of a connection that was cut.
        while await observer.fetchval(query, name):
            assert time.monotonic() < deadline
        leases = [await pool.acquire("check", timeout=1) for _ in range(statistics.max_size)]
        for lease in leases:
            await pool.release(lease)

    return check


async def iterate(db):
    async with db.transaction():
        return [row async for row in db.cursor("SELECT generate_series(1, 9)", prefetch=4)]


@pytest.mark.parametrize(
    "use",
    [
        lambda db: db.fetchval("SELECT 1"),
        lambda db: db.execute("SELECT pg_sleep(0.002)", timeout=1),
        lambda db: db.executemany(INSERT, [(number,) for number in range(100, 110)]),
        lambda db: db.fetchmany("SELECT $1::int", [(1,), (2,)]),
        lambda db: db.copy_records_to_table("items", records=[(1, "a")]),
        lambda db: db.copy_to_table("items", source=io.BytesIO(b"1\ta\n")),
        lambda db: db.copy_from_query("SELECT generate_series(1, 9)", output=io.BytesIO()),
        iterate,
    ],
    ids=["fetchval", "execute", "executemany", "fetchmany", "records", "copy in", "copy out", "cursor"],
)
async def test_a_statement_can_be_cancelled_anywhere(db, whole, use):
    for at in count(1):
        await db.execute("TRUNCATE {{tables.items}}")
        was_interrupted, outcome = await interrupt(use(db), at=at)
        await whole()
        if not was_interrupted:
            break
        assert isinstance(outcome, asyncio.CancelledError)
    assert not isinstance(outcome, BaseException)
    assert at > 1


async def test_a_transaction_can_be_cancelled_anywhere_and_is_whole_or_nothing(db, whole, ids):
    async def run():
        async with db.transaction():
            await db.execute(INSERT, 1)
            async with db.transaction():
                await db.execute(INSERT, 2)
            await db.execute(INSERT, 3)

    for at in count(1):
        await db.execute("TRUNCATE {{tables.items}}")
        was_interrupted, outcome = await interrupt(run(), at=at)
        await whole()
        assert await ids(db) in ([], [1, 2, 3])
        if not was_interrupted:
            break
        assert isinstance(outcome, asyncio.CancelledError)
    assert outcome is None
    assert at == 8
    assert await ids(db) == [1, 2, 3]


async def test_a_transaction_that_rolls_back_can_be_cancelled_anywhere(db, whole, ids):
    async def run():
        async with db.transaction():
            await db.execute(INSERT, 1)
            raise ZeroDivisionError

    for at in count(1):
        was_interrupted, outcome = await interrupt(run(), at=at)
        await whole()
        assert await ids(db) == []
        if not was_interrupted:
            break
        assert isinstance(outcome, asyncio.CancelledError)
    assert isinstance(outcome, ZeroDivisionError)


async def interrupt_here(work, *, at):
    """Cancel `work` at its `at`-th await, as `interrupt` does, but in the task that runs already, and swallow it."""
    interrupted = Interrupted(work, at=at)
    try:
        await interrupted
    except asyncio.CancelledError:
        asyncio.current_task().uncancel()
    return interrupted.was_interrupted


async def test_a_savepoint_can_be_cancelled_anywhere_and_what_is_around_it_commits_all_or_nothing(db, whole, ids):
    async def savepoint():
        async with db.transaction():
            await db.execute(INSERT, 2)

    async def run(at):
        async with db.transaction():
            await db.execute(INSERT, 1)
            reached.append(await interrupt_here(savepoint(), at=at))

    outcomes = []
    for at in count(1):
        reached: list[bool] = []
        await db.execute("TRUNCATE {{tables.items}}")
        (outcome,) = await asyncio.gather(asyncio.create_task(run(at)), return_exceptions=True)
        await whole()
        # Whoever is not told otherwise finds what they did: the server may have aborted all of it.
        seen = await ids(db)
        assert seen in ([1], [1, 2]) if outcome is None else seen == []
        if not reached[0]:
            break
        outcomes.append(outcome)
    # SAVEPOINT and RELEASE, which nothing undoes that comes after them.
    assert isinstance(outcomes[0], InFailedSqlTransactionError)
    assert isinstance(outcomes[-1], InFailedSqlTransactionError)
    assert await ids(db) == [1, 2]


async def test_a_held_connection_can_go_on_after_a_transaction_on_it_was_cancelled_anywhere(db, whole, ids):
    for at in count(1):
        await db.execute("TRUNCATE {{tables.items}}")
        async with db.acquire() as connection:

            async def run(connection=connection):
                async with connection.transaction():
                    await connection.execute(INSERT, 1)

            was_interrupted = await interrupt_here(run(), at=at)
            try:
                async with connection.transaction():
                    await connection.execute(INSERT, 2)
                went_on = True
            except PoolhouseError:
                went_on = False
        await whole()
        # Either it says that it could not go on, or what it then did is there.
        assert (2 in await ids(db)) == went_on
        if not was_interrupted:
            break
    assert await ids(db) == [1, 2]


async def test_listening_can_be_cancelled_anywhere(db, whole):
    async def run():
        async with db.listen("a", "b") as notifications:
            await db.execute("NOTIFY a, 'x'")
            return (await anext(notifications)).payload

    for at in count(1):
        was_interrupted, outcome = await interrupt(run(), at=at)
        await whole()
        if not was_interrupted:
            break
        assert isinstance(outcome, asyncio.CancelledError)
    assert outcome == "x"


async def test_acquiring_can_be_cancelled_anywhere(db, whole):
    async def run():
        async with db.acquire() as connection:
            return await connection.fetchval("SELECT 1")

    for at in count(1):
        was_interrupted, outcome = await interrupt(run(), at=at)
        await whole()
        if not was_interrupted:
            break
        assert isinstance(outcome, asyncio.CancelledError)
    assert outcome == 1

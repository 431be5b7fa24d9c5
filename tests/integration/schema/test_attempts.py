"""Transactions that are run again where the server rolled them back in favour of others."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from poolhouse.errors import (
    ConnectionLostError,
    InFailedSqlTransactionError,
    TransactionRollbackError,
    UniqueViolationError,
    UsageError,
)
from tests.integration.moments import until

ADD = "UPDATE {{tables.items}} SET name = name || '.' WHERE id = 1"
COUNT = "SELECT count(*) FROM {{tables.items}}"


@pytest.fixture
async def item(db):
    await db.execute("INSERT INTO {{tables.items}} VALUES (1, 'thing')")


@pytest.fixture
def interfere(db, observer):
    """Change, from elsewhere, what a transaction that has begun is about to change."""

    async def interfere():
        await observer.execute(db.render(ADD))

    return interfere


@pytest.fixture
async def short_pauses(monkeypatch):
    monkeypatch.setattr("poolhouse.schema.attempts._FIRST_PAUSE", 0.001)


async def test_a_block_that_nobody_is_in_the_way_of_is_run_once(db, ids):
    runs = 0
    async for transaction in db.transaction(retries=3):
        async with transaction as connection:
            runs += 1
            await connection.execute("INSERT INTO {{tables.items}} VALUES (1)")

    assert (runs, await ids(db)) == (1, [1])


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_a_serialization_failure_runs_the_block_again(db, item, interfere, observer, isolation):
    runs = []
    async for transaction in db.transaction(retries=3, isolation=isolation):
        async with transaction:
            runs.append(await db.fetchval("SELECT name FROM {{tables.items}}"))
            if len(runs) <= 2:
                await interfere()
            await db.execute(ADD)

    # Each run is a transaction of its own, which sees what was in the way of the one before.
    assert runs == ["thing", "thing.", "thing.."]
    assert await observer.fetchval(db.render("SELECT name FROM {{tables.items}}")) == "thing..."


async def test_the_isolation_asked_for_holds_in_each_run(db, item, interfere):
    levels = []
    async for transaction in db.transaction(retries=1, isolation="repeatable_read"):
        async with transaction as connection:
            levels.append(await connection.fetchval("SELECT current_setting('transaction_isolation')"))
            if len(levels) == 1:
                await interfere()
            await connection.execute(ADD)

    assert levels == ["repeatable read"] * 2


async def test_a_serialization_failure_in_the_commit_runs_the_block_again(db, observer, ids):
    runs = 0
    async for transaction in db.transaction(retries=3, isolation="serializable"):
        async with transaction as connection:
            runs += 1
            seen = await connection.fetchval(COUNT)
            if runs == 1:
                # Both see what the other has not written yet; whoever commits first wins.
                async with observer.transaction(isolation="serializable"):
                    assert await observer.fetchval(db.render(COUNT)) == 0
                    await observer.execute(db.render("INSERT INTO {{tables.items}} VALUES (100)"))
                    await connection.execute("INSERT INTO {{tables.items}} VALUES ($1)", seen + 1)
                assert await connection.fetchval("SELECT 1") == 1
            else:
                await connection.execute("INSERT INTO {{tables.items}} VALUES ($1)", seen + 1)

    assert runs == 2
    assert await ids(db) == [2, 100]


async def test_a_deadlock_runs_the_block_of_the_one_who_was_chosen_again(db, observer):
    await db.execute("INSERT INTO {{tables.items}} VALUES (1), (2)")
    change = db.render("UPDATE {{tables.items}} SET name = name || $2 WHERE id = $1")
    runs = 0
    async for transaction in db.transaction(retries=3):
        async with transaction as connection:
            runs += 1
            # Who waits for a shorter time finds the deadlock, and is the one who gives way.
            await connection.execute("SET LOCAL deadlock_timeout = '1ms'")
            if runs == 1:
                other = observer.transaction()
                await other.start()
                await observer.execute(change, 2, "o")
                await connection.execute(change, 1, "x")
                waiting = asyncio.create_task(observer.execute(change, 1, "o"))
                while not await waits(db, observer.get_server_pid()):
                    pass
            else:
                await waiting
                await other.commit()
                await connection.execute(change, 1, "x")
            await connection.execute(change, 2, "x")

    assert runs == 2
    assert {row["name"] for row in await db.fetch("SELECT name FROM {{tables.items}}")} == {"thingox"}


async def waits(db, pid):
    """Whether a backend waits for a lock; asked by another task, and so on another connection."""
    return await asyncio.create_task(db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = $1", pid))


@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_after_so_many_retries_the_error_is_raised(db, item, interfere, pool, short_pauses, retries):
    runs = 0

    async def change():
        nonlocal runs
        async for transaction in db.transaction(retries=retries, isolation="repeatable_read"):
            async with transaction:
                runs += 1
                await db.fetchval("SELECT name FROM {{tables.items}}")
                await interfere()
                await db.execute(ADD)

    with pytest.raises(TransactionRollbackError) as caught:
        await change()

    assert runs == retries + 1
    assert (caught.value.sqlstate, caught.value.retryable) == ("40001", True)
    assert await db.fetchval("SELECT name FROM {{tables.items}}") == "thing" + "." * runs
    assert pool.statistics().in_use == 0


async def test_any_other_error_passes_and_the_block_is_not_run_again(db, ids):
    runs = []

    async def fail():
        async for transaction in db.transaction(retries=3):
            async with transaction:
                runs.append(await db.execute("INSERT INTO {{tables.items}} VALUES (1)"))
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert (len(runs), await ids(db)) == (1, [])


async def test_any_other_error_of_the_server_passes(db, item, ids):
    runs = []

    async def fail():
        async for transaction in db.transaction(retries=3):
            async with transaction:
                runs.append(transaction)
                await db.execute("INSERT INTO {{tables.items}} VALUES (1)")

    with pytest.raises(UniqueViolationError):
        await fail()

    assert (len(runs), await ids(db)) == (1, [1])


async def test_a_lost_connection_passes_since_the_commit_may_have_been_done(db, observer):
    pids = []

    async def be_lost():
        async for transaction in db.transaction(retries=3):
            async with transaction as connection:
                pids.append(await connection.fetchval("SELECT pg_backend_pid()"))
                await observer.execute("SELECT pg_terminate_backend($1, 5000)", pids[-1])
                await connection.fetchval("SELECT 1")

    with pytest.raises(ConnectionLostError):
        await be_lost()

    assert len(pids) == 1


async def test_a_conflict_that_the_block_swallows_is_not_run_again_and_said_so(db, item, interfere):
    runs = []

    async def swallow():
        async for transaction in db.transaction(retries=3, isolation="repeatable_read"):
            async with transaction:
                runs.append(await db.fetchval("SELECT name FROM {{tables.items}}"))
                await interfere()
                with suppress(TransactionRollbackError):
                    await db.execute(ADD)

    with pytest.raises(InFailedSqlTransactionError, match="swallowed"):
        await swallow()

    assert runs == ["thing"]


async def test_a_conflict_in_a_savepoint_runs_the_whole_block_again(db, item, interfere):
    runs = 0
    async for transaction in db.transaction(retries=3, isolation="repeatable_read"):
        async with transaction:
            runs += 1
            await db.fetchval("SELECT 1 FROM {{tables.items}}")
            if runs == 1:
                await interfere()
            async with db.transaction():
                await db.execute(ADD)

    assert runs == 2
    assert await db.fetchval("SELECT name FROM {{tables.items}}") == "thing.."


async def test_inside_another_transaction_there_are_no_retries(db, ids):
    async with db.transaction():
        with pytest.raises(UsageError, match=r"savepoint cannot be run again .*outermost"):
            db.transaction(retries=3)
        await db.execute("INSERT INTO {{tables.items}} VALUES (1)")

    assert await ids(db) == [1]


async def test_the_retries_of_another_service_inside_a_transaction_are_its_own(db, new_schema, item, interfere):
    other = await new_schema()
    runs = 0
    async with other.transaction():
        async for transaction in db.transaction(retries=3, isolation="repeatable_read"):
            async with transaction:
                runs += 1
                await db.fetchval("SELECT 1 FROM {{tables.items}}")
                if runs == 1:
                    await interfere()
                await db.execute(ADD)

    assert runs == 2


async def test_there_cannot_be_fewer_than_no_retries(db):
    with pytest.raises(UsageError, match="-1 retries"):
        db.transaction(retries=-1)


async def test_the_result_may_be_returned_out_of_the_block(db, ids):
    async def add():
        async for transaction in db.transaction(retries=3):
            async with transaction:
                return await db.fetchval("INSERT INTO {{tables.items}} VALUES (1) RETURNING id")
        return None

    assert await add() == 1
    assert await ids(db) == [1]


async def test_a_transaction_that_is_not_entered_ends_the_retries(db):
    assert [type(transaction).__name__ async for transaction in db.transaction(retries=3)] == ["Attempt"]


async def test_between_two_runs_no_connection_is_held_and_the_pause_can_be_cancelled(
    db, item, interfere, pool, monkeypatch
):
    monkeypatch.setattr("poolhouse.schema.attempts._FIRST_PAUSE", 60)
    runs = 0

    async def change():
        nonlocal runs
        async for transaction in db.transaction(retries=3, isolation="repeatable_read"):
            async with transaction:
                runs += 1
                await db.fetchval("SELECT 1 FROM {{tables.items}}")
                await interfere()
                await db.execute(ADD)

    changing = asyncio.create_task(change())
    await until(lambda: runs == 1 and not pool.statistics().in_use)

    changing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await changing
    assert runs == 1
    assert pool.statistics().in_use == 0


async def test_a_block_that_is_cancelled_is_not_run_again(db, ids, pool):
    runs = 0
    begun = asyncio.Event()

    async def change():
        nonlocal runs
        async for transaction in db.transaction(retries=3):
            async with transaction:
                runs += 1
                await db.execute("INSERT INTO {{tables.items}} VALUES (1)")
                begun.set()
                await asyncio.Event().wait()

    changing = asyncio.create_task(change())
    await begun.wait()
    changing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await changing

    assert (runs, await ids(db)) == (1, [])


async def test_many_that_are_in_each_others_way_all_come_through(db, item, short_pauses):
    async def add():
        async for transaction in db.transaction(retries=50, isolation="serializable"):
            async with transaction:
                await db.execute(ADD)

    await asyncio.gather(*(add() for _ in range(8)))

    assert await db.fetchval("SELECT name FROM {{tables.items}}") == "thing" + "." * 8

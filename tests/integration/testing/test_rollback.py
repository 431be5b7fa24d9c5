from __future__ import annotations

import asyncio

import pytest

from poolhouse._core.savepoints import COUNT_WRITING
from poolhouse.errors import (
    CheckViolationError,
    ForeignKeyViolationError,
    InFailedSqlTransactionError,
    InsufficientPrivilegeError,
    PoolStateError,
    QueryTimeoutError,
    ReadOnlyError,
    TransactionRollbackError,
    UniqueViolationError,
)
from poolhouse.schema import SchemaManager
from poolhouse.testing.rollback.rolled_back import RolledBack


async def test_nothing_of_a_test_is_left(pool, users, orders, observer, insert):
    async with RolledBack(pool):
        await insert(users, 1)
        async with orders.transaction():
            await insert(orders, 1)
    assert await observer.fetchval("SELECT count(*) FROM users.users") == 0
    assert await observer.fetchval("SELECT count(*) FROM orders.orders") == 0


async def test_the_pool_is_as_before(pool, users, insert, ids):
    async with RolledBack(pool):
        await insert(users, 1)
    await insert(users, 2)
    assert await ids(users) == [2]
    assert pool.ready is not None
    assert pool.statistics().in_use == 0


async def test_the_same_connection_serves_one_test_after_another(pool, users, insert):
    async with RolledBack(pool):
        await insert(users, 1)
    opened = pool.statistics().opened
    for _ in range(5):
        async with RolledBack(pool):
            await insert(users, 1)
    assert pool.statistics().opened == opened


async def test_services_speak_for_their_own_roles(stage, users, orders):
    assert await users.fetchval("SELECT current_user") == users.pool.roles["users"]
    async with orders.transaction():
        assert await orders.fetchval("SELECT current_user") == orders.pool.roles["orders"]
    with pytest.raises(InsufficientPrivilegeError):
        await users.fetch("SELECT * FROM orders.orders")


async def test_a_service_sees_what_another_has_committed(stage, pool, users, orders, observer, insert):
    await observer.execute(f'GRANT USAGE ON SCHEMA users TO "{pool.roles["orders"]}"')
    await observer.execute(f'GRANT SELECT ON users.users TO "{pool.roles["orders"]}"')
    reading = SchemaManager(pool, schema="orders", reads=["users.users"])
    async with users.transaction():
        await insert(users, 1)
    assert await reading.fetchval("SELECT id FROM {{tables.users.users}}") == 1


async def test_an_error_undoes_its_own_statement_alone(stage, users, insert, ids):
    await insert(users, 1)
    with pytest.raises(UniqueViolationError):
        await insert(users, 2, 1)
    with pytest.raises(CheckViolationError):
        await users.execute("INSERT INTO {{tables.users}} VALUES ($1, $2)", 3, "")
    assert await ids(users) == [1]


async def test_a_transaction_that_raises_is_undone_alone(stage, users, insert, ids, fail):
    await insert(users, 1)
    await fail(users, insert(users, 2))
    assert await ids(users) == [1]


async def test_a_transaction_within_a_transaction_is_undone_alone(stage, users, insert, ids, fail):
    async with users.transaction():
        await insert(users, 1)
        await fail(users, insert(users, 2))
        await insert(users, 3)
    assert await ids(users) == [1, 3]


async def test_after_an_error_in_a_transaction_nothing_works_in_it(stage, users, insert, ids):
    transaction = users.transaction()
    await transaction.__aenter__()
    with pytest.raises(CheckViolationError):
        await users.execute("INSERT INTO {{tables.users}} VALUES (1, '')")
    with pytest.raises(InFailedSqlTransactionError):
        await insert(users, 2)
    with pytest.raises(InFailedSqlTransactionError, match="was swallowed"):
        await transaction.__aexit__(None, None, None)
    assert await ids(users) == []


async def test_a_deferred_constraint_is_checked_when_its_transaction_ends(stage, orders, ids):
    with pytest.raises(ForeignKeyViolationError):
        async with orders.transaction():
            await orders.execute("INSERT INTO {{tables.orders}} VALUES (2, 1)")
    async with orders.transaction():
        await orders.execute("INSERT INTO {{tables.orders}} VALUES (2, 1)")
        await orders.execute("INSERT INTO {{tables.orders}} VALUES (1)")
    assert await ids(orders) == [1, 2]


async def test_a_deferred_constraint_is_checked_when_its_statement_ends(stage, orders, ids):
    with pytest.raises(ForeignKeyViolationError):
        await orders.execute("INSERT INTO {{tables.orders}} VALUES (2, 1)")
    assert await ids(orders) == []


async def test_constraints_are_deferred_in_the_transaction_that_says_so_alone(stage, orders):
    async with orders.transaction():
        await orders.execute("INSERT INTO {{tables.orders}} (id, amount) VALUES (1, 1), (2, 2)")
    async with orders.transaction():
        await orders.execute("SET CONSTRAINTS ALL DEFERRED")
        await orders.execute("UPDATE {{tables.orders}} SET amount = 2 WHERE id = 1")
        await orders.execute("UPDATE {{tables.orders}} SET amount = 1 WHERE id = 2")
    swap = "UPDATE {{tables.orders}} SET amount = 2 WHERE id = 2; UPDATE {{tables.orders}} SET amount = 1 WHERE id = 1"
    with pytest.raises(UniqueViolationError):
        await orders.execute(swap)


async def test_settings_of_a_transaction_end_with_it(stage, users, orders):
    async with users.transaction():
        await users.execute("SET LOCAL work_mem = '7MB'")
        assert await users.fetchval("SHOW work_mem") == "7MB"
    assert await users.fetchval("SHOW work_mem") != "7MB"
    assert await users.fetchval("SELECT set_config('app.user', 'ada', true)") == "ada"
    assert await orders.fetchval("SELECT current_setting('app.user', true)") in {None, ""}


async def test_a_transaction_can_be_for_reading_alone(stage, users, insert, ids):
    with pytest.raises(ReadOnlyError):
        async with users.transaction(readonly=True):
            await insert(users, 1)
    await insert(users, 2)
    assert await ids(users) == [2]


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_one_after_another_is_every_isolation_level(stage, users, insert, ids, isolation):
    async for transaction in users.transaction(isolation=isolation, retries=2):
        async with transaction:
            await insert(users, 1)
    assert await ids(users) == [1]


async def test_retries_run_again(stage, users, insert, ids):
    runs = 0
    async for transaction in users.transaction(retries=2):
        async with transaction:
            runs += 1
            await insert(users, runs)
            if runs < 3:
                raise TransactionRollbackError("two were in each other's way")
    assert await ids(users) == [3]


async def test_tasks_side_by_side_take_turns(stage, users, insert, ids):
    inside = 0

    async def register(number):
        nonlocal inside
        async with users.transaction():
            inside += 1
            assert inside == 1
            await insert(users, number)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(register(number) for number in range(20)))
    assert len(await ids(users)) == 20


async def test_statements_side_by_side_take_turns(stage, users, orders, insert, ids):
    await asyncio.gather(*(insert(db, number) for db in (users, orders) for number in range(20)))
    assert len(await ids(users)) == len(await ids(orders)) == 20


async def test_who_waits_is_not_passed_over_by_who_comes_again_and_again(stage, users, orders):
    asked, begun = 0, asyncio.Event()

    async def ask_without_end():
        nonlocal asked
        while True:
            await users.fetchval("SELECT 1")
            asked += 1
            begun.set()

    greedy = asyncio.create_task(ask_without_end())
    await begun.wait()
    async with asyncio.timeout(30):
        for _ in range(5):
            before = asked
            await orders.fetchval("SELECT 1")
            assert asked - before <= 2
    greedy.cancel()
    with pytest.raises(asyncio.CancelledError):
        await greedy


async def test_one_of_many_who_are_in_each_others_way_succeeds(stage, users, insert):
    outcomes = await asyncio.gather(*(insert(users, 1) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(each, UniqueViolationError) for each in outcomes) == 9


@pytest.fixture
def until_it_sleeps(stage, observer):
    """Wait until the server is at a statement that can be cancelled."""

    async def wait():
        asleep = "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $1"
        while not await observer.fetchval(asleep, stage.connection.get_server_pid()):  # noqa: ASYNC110 - of a server
            await asyncio.sleep(0.005)

    return wait


async def test_a_transaction_that_ran_into_a_timeout_is_not_in_the_way_of_what_comes_next(stage, users, insert, ids):
    async def work():
        async with users.transaction():
            await insert(users, 1)
            await users.execute("SELECT pg_sleep(60)", timeout=0.05)

    with pytest.raises(QueryTimeoutError):
        await work()
    await insert(users, 2)
    assert await ids(users) == [2]


async def test_a_cancelled_statement_leaves_the_rest(stage, users, insert, ids, until_it_sleeps):
    await insert(users, 1)
    with pytest.raises(QueryTimeoutError):
        await users.execute("SELECT pg_sleep(10)", timeout=0.05)
    sleeping = asyncio.create_task(users.execute("SELECT pg_sleep(10)"))
    await until_it_sleeps()
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    assert await ids(users) == [1]


@pytest.mark.parametrize("nth", [1, 2], ids=["before its end is sent", "while its end is sent"])
async def test_a_cancelled_commit_leaves_the_transaction_around_it(stage, users, orders, monkeypatch, nth):
    send, sent = stage.send, []

    async def send_and_cancel(message):
        if sent or message == COUNT_WRITING:
            sent.append(message)
            if len(sent) == nth:
                inner.cancel()
        return await send(message)

    async with users.transaction():
        monkeypatch.setattr(stage, "send", send_and_cancel)
        inner = asyncio.create_task(orders.fetchval("SELECT 1"))
        with pytest.raises(asyncio.CancelledError):
            await inner
        assert await users.fetchval("SELECT current_user") == users.pool.roles["users"]


async def test_a_cancelled_transaction_is_undone(stage, users, insert, ids, until_it_sleeps):
    async def sleep():
        async with users.transaction():
            await insert(users, 1)
            await users.execute("SELECT pg_sleep(10)")

    sleeping = asyncio.create_task(sleep())
    await until_it_sleeps()
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    assert await ids(users) == []


async def test_a_transaction_that_is_left_open_is_undone_with_the_test(pool, users, insert, ids):
    async def hold():
        async with users.transaction():
            await insert(users, 1)
            begun.set()
            await over.wait()

    begun, over = asyncio.Event(), asyncio.Event()
    async with RolledBack(pool):
        holding = asyncio.create_task(hold())
        await begun.wait()
    over.set()
    with pytest.raises(Exception, match="was lost"):
        await holding
    assert await ids(users) == []
    assert pool.statistics().in_use == 0


async def test_a_transaction_that_is_committed_when_the_test_ends_is_waited_for(pool, users, insert, monkeypatch):
    stage, committing = RolledBack(pool), asyncio.Event()
    await stage.begin()
    close = stage.close

    async def close_and_tell(savepoint):
        committing.set()
        await close(savepoint)

    monkeypatch.setattr(stage, "close", close_and_tell)

    async def work():
        async with users.transaction():
            await insert(users, 1)

    worker = asyncio.create_task(work())
    await committing.wait()
    connection = stage.connection
    await stage.end()
    await worker
    assert not connection.is_closed()


async def test_copies_cursors_and_rows_work(stage, users):
    await users.copy_records_to_table("users", records=[(1, "Ada"), (2, "Bob")])
    async with users.transaction() as connection:
        names = [row["name"] async for row in connection.cursor("SELECT name FROM {{tables.users}} ORDER BY id")]
        found = await connection.fetchmany("SELECT name FROM {{tables.users}} WHERE id = $1", [(2,), (1,)])
    assert names == ["Ada", "Bob"]
    assert [row["name"] for row in found] == ["Bob", "Ada"]
    copied = bytearray()

    async def write(data):
        copied.extend(data)

    await users.copy_from_query("SELECT name FROM {{tables.users}} ORDER BY id", output=write)
    assert copied == b"Ada\nBob\n"


async def test_a_connection_is_held_for_several_statements(stage, users, insert, ids):
    async with users.acquire() as connection:
        await connection.execute("INSERT INTO {{tables.users}} VALUES (1)")
        await insert(users, 2)
        async with connection.transaction():
            await connection.execute("INSERT INTO {{tables.users}} VALUES (3)")
    assert await ids(users) == [1, 2, 3]


async def test_the_pool_answers_checks(stage, pool, users):
    await pool.check()
    async with users.transaction():
        await pool.check()


async def test_a_table_that_was_changed_is_read_again(stage, pool, users, ids):
    owner = SchemaManager(pool, schema="users", service="poolhouse")
    assert await owner.fetch("SELECT * FROM {{tables.users}}") == []
    await owner.execute("ALTER TABLE {{tables.users}} ADD COLUMN email text")
    assert await owner.fetch("SELECT * FROM {{tables.users}}") == []


async def test_one_test_is_rolled_back_at_a_time(stage, pool):
    with pytest.raises(PoolStateError, match="stands in"):
        async with RolledBack(pool):
            pass


async def test_closing_the_pool_ends_the_test(pool, users, observer, insert):
    async with RolledBack(pool):
        await insert(users, 1)
        await pool.close()
        assert not pool.is_open
    assert await observer.fetchval("SELECT count(*) FROM users.users") == 0

from __future__ import annotations

import asyncio

import pytest

from poolhouse.errors import CheckViolationError, UndoneCommitError, UsageError
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.testing.rollback.rolled_back import RolledBack

REMEDY = r"@pytest\.mark\.clone"


@pytest.mark.parametrize(
    ("statement", "about"),
    [
        ("SET work_mem = '7MB'", "what SET leaves in the session"),
        ("SELECT set_config('app.user', 'ada', false)", "a function that it calls leaves"),
        ("SELECT pg_advisory_lock(1)", "a function that it calls leaves"),
        ("CREATE TEMP TABLE basket (id int) ON COMMIT DROP", "what CREATE leaves"),
        ("LISTEN news", "what LISTEN leaves"),
        ("BEGIN", "what BEGIN leaves"),
        ("COMMIT", "what COMMIT leaves"),
        ("VACUUM {{tables.users}}", "VACUUM cannot run in a transaction"),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "isolation level"),
    ],
)
async def test_what_cannot_be_had_is_refused(stage, users, statement, about):
    with pytest.raises(UsageError, match=f"service 'users': in a test that is rolled back, .*{about}.*{REMEDY}"):
        await users.execute(statement)
    assert await users.fetchval("SELECT 1") == 1


async def test_what_was_refused_is_taken_down(stage, users):
    with pytest.raises(UsageError) as refused:
        await users.execute("LISTEN news")
    assert stage.refusals == [refused.value]


async def test_nobody_can_listen(stage, users):
    with pytest.raises(UsageError, match=f"nobody can listen, here on 'news'.*{REMEDY}"):
        async with users.listen("news"):
            pass


async def test_the_driver_s_own_connection_is_not_to_be_had(stage, users):
    async with users.acquire() as connection:
        with pytest.raises(UsageError, match=f"driver's own connection.*{REMEDY}"):
            _ = connection.raw


async def test_who_waits_for_a_transaction_too_long_is_told_which(database_settings, observer):
    pool = SharedPool(database_settings.model_copy(update={"acquire_timeout": 0.05, "service_roles": "off"}))
    await pool.open()
    users = SchemaManager(pool, schema="users")
    over = asyncio.Event()

    async def wait():
        async with users.transaction():
            begun.set()
            await over.wait()

    begun = asyncio.Event()
    async with RolledBack(pool):
        waiting = asyncio.create_task(wait())
        await begun.wait()
        told = (
            rf"take turns, and a transaction of service 'users', opened at .*{__name__.split('.')[-1]}\.py:\d+, did not"
        )
        with pytest.raises(UsageError, match=told):
            await users.fetchval("SELECT 1")
        over.set()
        await waiting
    await pool.close()


# Inside of a transaction


async def test_another_service_works_inside_of_a_transaction(stage, users, orders, insert, ids):
    async with users.transaction():
        await insert(users, 1)
        await insert(orders, 1)
        async with orders.transaction():
            await insert(orders, 2)
        assert await users.fetchval("SELECT current_user") == users.pool.roles["users"]
    assert (await ids(users), await ids(orders)) == ([1], [1, 2])


async def test_tasks_of_another_service_take_turns_inside_of_a_transaction(stage, users, orders, insert, ids):
    async with users.transaction():
        inserting = [asyncio.create_task(insert(orders, number)) for number in range(10)]
        await insert(users, 1)
        await asyncio.gather(*inserting)
    assert (len(await ids(orders)), await ids(users)) == (10, [1])


async def test_what_another_service_has_committed_inside_of_a_transaction_must_not_be_undone(
    pool, users, orders, insert, fail
):
    stage = await RolledBack(pool).__aenter__()
    await fail(users, insert(orders, 1))
    with pytest.raises(UndoneCommitError, match=f"one of service 'users' has undone a commit of 'orders'.*{REMEDY}"):
        await stage.__aexit__(None, None, None)


async def test_nor_by_a_savepoint_that_is_undone(pool, users, orders, insert, fail):
    stage = await RolledBack(pool).__aenter__()
    async with users.transaction():
        await fail(users, insert(orders, 1))
    with pytest.raises(UndoneCommitError, match="one of service 'users'"):
        await stage.__aexit__(None, None, None)


async def test_what_another_service_has_read_inside_of_a_transaction_may_be_undone(
    pool, users, orders, insert, ids, fail
):
    async def read():
        async with orders.transaction():
            return await ids(orders)

    async with RolledBack(pool):
        await fail(users, insert(users, 1), ids(orders), read())


async def test_what_another_service_has_rolled_back_itself_may_be_undone(pool, users, orders, insert, fail):
    async with RolledBack(pool):
        await fail(users, fail(orders, insert(orders, 1)))


async def test_a_task_cannot_join_its_parent_s_transaction(stage, users, ids):
    async with users.transaction():
        with pytest.raises(UsageError, match=rf"another task cannot .*{__name__.split('.')[-1]}\.py:\d+.*{REMEDY}"):
            await asyncio.create_task(ids(users))


async def test_a_second_connection_cannot_be_used_inside_of_a_transaction(stage, users):
    async with users.acquire() as connection, users.transaction():
        with pytest.raises(UsageError, match=f"another connection cannot .*{REMEDY}"):
            await connection.fetchval("SELECT 1")


async def test_transactions_cannot_overlap(stage, users, orders):
    with pytest.raises(UsageError, match=f"inside of one of service 'orders'.*{REMEDY}"):
        async with users.transaction(), orders.transaction():
            await users.fetchval("SELECT 1")


async def test_what_is_not_committed_cannot_be_read(stage, pool, users, insert):
    reading = SchemaManager(pool, schema="orders", reads=["users.users"])
    async with users.transaction():
        await insert(users, 1)
        with pytest.raises(UsageError, match=f"where it would see what is not committed.*{REMEDY}"):
            await reading.fetch("SELECT * FROM {{tables.users.users}}")


async def test_settings_of_one_transaction_are_not_those_of_another(stage, users, orders):
    async with users.transaction():
        with pytest.raises(UsageError, match=f"settings cannot be changed inside.*{REMEDY}"):
            await orders.fetchval("SELECT set_config('app.user', 'ada', true)")
        await users.execute("SET LOCAL work_mem = '7MB'")
        with pytest.raises(UsageError, match=f"that has changed settings.*{REMEDY}"):
            await orders.fetchval("SELECT 1")


async def test_inside_of_a_failed_transaction_nothing_works(stage, users, orders, ids):
    transaction = users.transaction()
    await transaction.__aenter__()
    with pytest.raises(CheckViolationError) as failed:
        await users.execute("INSERT INTO {{tables.users}} VALUES (1, '')")
    with pytest.raises(UsageError, match=f"that has failed.*{REMEDY}"):
        await ids(orders)
    await transaction.__aexit__(CheckViolationError, failed.value, None)
    assert await ids(orders) == []


async def test_a_connection_that_was_lost_ends_the_test(pool, users, observer, insert):
    async with RolledBack(pool) as stage:
        pid = stage.connection.get_server_pid()
        await observer.execute(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(Exception, match="was lost"):
            await insert(users, 1)
        with pytest.raises(UsageError, match=f"the connection was lost, and all.*{REMEDY}"):
            await insert(users, 1)
    assert await users.fetchval("SELECT count(*) FROM {{tables.users}}") == 0

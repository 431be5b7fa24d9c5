"""What a pool does besides lending: connecting again, keeping time, and telling who waits in vain."""

from __future__ import annotations

import asyncio
import time
import tracemalloc

import pytest

from poolhouse.errors import ConnectionLostError, PoolStateError, ServerUnavailableError, UsageError
from poolhouse.pool import SessionReset, SharedPool
from poolhouse.pool.pooling import Pooling
from poolhouse.schema import SchemaManager
from poolhouse.schema.statements import compile_statement
from tests.integration.moments import until


async def test_one_refused_attempt_does_not_turn_away_those_whom_another_serves(open_pool, gate):
    pool = await open_pool(dsn=gate.dsn, min_size=0, max_size=2)
    gate.cut()
    await until(lambda: pool.statistics().size == 0)
    before = set(gate._writers)
    gate.hold()
    taking = [asyncio.create_task(SchemaManager(pool, schema="users").fetchval("SELECT 1")) for _ in range(2)]
    await until(lambda: len(gate._writers - before) == 2)

    refused = (gate._writers - before).pop()
    refused.transport.abort()
    done, _ = await asyncio.wait(taking, timeout=0.05)

    assert not done
    gate.let_pass()
    assert await asyncio.gather(*taking) == [1, 1]


async def test_once_a_server_is_back_nobody_waits_for_the_pause_after_a_refusal(open_pool, gate):
    pool = await open_pool(dsn=gate.dsn, min_size=0, max_size=2)
    db = SchemaManager(pool, schema="users")
    port = gate.port
    await gate.close()
    await until(lambda: pool.statistics().size == 0)
    for _ in range(8):
        with pytest.raises((ServerUnavailableError, ConnectionLostError)):
            await db.fetchval("SELECT 1")
    await gate.open(port)

    async with db.acquire():
        begun = time.monotonic()
        await db.fetchval("SELECT 1")

    # The pause is from one second to two by now.
    assert time.monotonic() - begun < 0.5


async def test_a_role_set_by_who_is_told_of_a_reset_counts_from_the_next_use(open_pool):
    pool = await open_pool(min_size=1, max_size=1)
    db = SchemaManager(pool, schema="users")
    pool.subscribe(SessionReset, lambda _: pool.set_roles({"users": "pg_monitor"}))
    await db.execute("SET work_mem = '12MB'")
    await until(lambda: pool.statistics().in_use == 0)

    assert await db.fetchval("SELECT current_user") == "pg_monitor"


async def test_whoever_waits_in_vain_gets_an_error_of_his_own(open_pool, gate):
    pool = await open_pool(dsn=gate.dsn, min_size=0, max_size=3)
    await gate.close()
    await until(lambda: pool.statistics().size == 0)

    one, other = await asyncio.gather(*(pool.acquire("users") for _ in range(2)), return_exceptions=True)

    assert isinstance(one, ServerUnavailableError)
    assert str(one) == str(other)
    assert one is not other


async def test_a_hand_off_to_somebody_without_time_to_wait_spoils_no_connection(open_pool, gate):
    pool = await open_pool(dsn=gate.dsn, max_size=1)
    users, orders = SchemaManager(pool, schema="users"), SchemaManager(pool, schema="orders")
    pid = await users.fetchval("SELECT pg_backend_pid()")
    gate.hold()
    taking = asyncio.create_task(pool.acquire("orders", timeout=0))
    await gate.arrived.wait()

    # As long as a busy server may need.
    await asyncio.sleep(0.02)
    gate.let_pass()

    await pool.release(await taking)
    assert await orders.fetchval("SELECT pg_backend_pid()") == pid


async def test_what_nobody_foresaw_in_connecting_is_not_tried_again_without_a_pause(open_pool, monkeypatch):
    pool = await open_pool(max_size=1)
    attempts = []

    async def connect(_pooling):
        attempts.append(1)
        raise RuntimeError("cannot schedule new futures after shutdown")

    monkeypatch.setattr(Pooling, "connect", connect)
    async with pool.lease("users") as use:
        use.connection.terminate()

    with pytest.raises(ServerUnavailableError, match="unforeseen way \\(RuntimeError\\)"):
        await SchemaManager(pool, schema="users").fetchval("SELECT 1")
    assert len(attempts) < 4


async def test_a_connection_comes_back_also_where_its_statement_s_error_cannot_be_told(open_pool, monkeypatch):
    pool = await open_pool(max_size=1)

    def translate(*_args, **_options):
        raise RecursionError

    with monkeypatch.context() as patched:
        patched.setattr("poolhouse.pool.leases.translate", translate)
        with pytest.raises(RecursionError):
            await SchemaManager(pool, schema="users").fetchval("SELECT 1 / 0")

    assert pool.statistics().in_use == 0


def test_long_statements_are_not_kept_by_the_thousand():
    made = (f"SELECT '{'x' * 30_000}', {number}" for number in range(60))
    tracemalloc.start()
    for query in made:
        compile_statement(query, "users", frozenset())
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept < 20 * 30_000


async def test_a_transaction_that_is_left_twice_ends_nobody_else_s(open_pool):
    pool = await open_pool(max_size=1)
    db = SchemaManager(pool, schema="users")
    left = db.transaction()
    async with left:
        pass

    async with db.transaction() as connection:
        number = await connection.fetchval("SELECT txid_current()")
        with pytest.raises(UsageError, match="not open"):
            await left.__aexit__(None, None, None)
        assert await connection.fetchval("SELECT txid_current()") == number


async def test_what_is_given_back_in_a_transaction_is_not_handed_on_in_it(open_pool):
    pool = await open_pool(max_size=1)
    db = SchemaManager(pool, schema="users")
    connection = await db.acquire()

    # A transaction is the task's that opened it, so giving back is not held up by one of another task.
    await asyncio.create_task(connection.transaction().__aenter__())
    await db.release(connection)

    assert await db.fetchval("SELECT txid_current()") != await db.fetchval("SELECT txid_current()")


async def test_a_pool_that_is_open_in_another_loop_says_so(settings):
    pool = SharedPool(settings())
    await pool.open()

    async def open_here():
        await pool.open()

    with pytest.raises(PoolStateError, match="another event loop"):
        await asyncio.to_thread(asyncio.run, open_here())
    await pool.close()


async def test_a_connection_given_back_before_its_transaction_ends_is_free_and_the_transaction_says_so(open_pool):
    pool = await open_pool(min_size=1, max_size=1)
    db = SchemaManager(pool, schema="users")
    acquisition = db.acquire()
    connection = await acquisition.__aenter__()
    transaction = connection.transaction()
    await transaction.__aenter__()

    await acquisition.__aexit__(None, None, None)

    await until(lambda: pool.statistics().in_use == 0)
    with pytest.raises(UsageError, match="given back already"):
        await transaction.__aexit__(None, None, None)
    assert await db.fetchval("SELECT pg_current_xact_id_if_assigned() IS NULL")

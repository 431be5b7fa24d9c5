"""Each fault of a network or a server once: what the one who was hit is told, and that the next one is served."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import asyncpg
import pytest

from poolhouse.errors import (
    ConnectionLostError,
    PoolExhaustedError,
    QueryTimeoutError,
    ServerUnavailableError,
)
from poolhouse.schema import SchemaManager
from tests.integration.fault_proxy import BOTH, FaultProxy, Link, Trap, Way
from tests.integration.moments import NOISE, until

LARGE = "SELECT $1::text AS token, number, repeat('x', 300) FROM generate_series(1, 300) AS number"
HAND_OFF = (b"RESET ALL", b"SET ROLE", b"DISCARD")
CANCEL_REQUEST = (b"\0\0\0\x10\x04\xd2\x16\x2e",)
CUTS = pytest.mark.parametrize("cut", [Link.reset, Link.finish], ids=["rst", "fin"])


@pytest.fixture
async def address(postgres):
    connection = await asyncpg.connect(postgres)
    await connection.close()
    return connection._addr


@pytest.fixture
async def proxy(address):
    async with FaultProxy(address) as proxy:
        yield proxy


@pytest.fixture
def open_pool_at(open_pool):
    """Open pools whose connections go through proxies."""

    async def build(*proxies, options="", **changes):
        hosts = ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)
        dsn = f"postgresql://postgres@{hosts}/postgres?sslmode=disable{options}"
        return await open_pool(**{"dsn": dsn, "min_size": 0, "max_size": 1} | changes)

    return build


@pytest.fixture
async def table(postgres):
    """A table of the schema `users`, for what has to be written."""
    connection = await asyncpg.connect(postgres)
    await connection.execute("CREATE SCHEMA users; CREATE TABLE users.faults (id int)")
    yield connection
    await connection.execute("DROP SCHEMA users CASCADE")
    await connection.close()


async def whole(pool, observer):
    """See that services are served, and that pool and server agree on what there is."""
    for service in ("users", "orders"):
        assert await SchemaManager(pool, schema=service).fetchval("SELECT $1::text", service, timeout=2) == service
    await until(lambda: pool.statistics().in_use == 0)
    await observer.sees(0, where="state <> 'idle'")
    # A connection that was being made may still be added.
    deadline = time.monotonic() + 5
    while (pids := len(await observer.pids())) != pool.statistics().size:
        assert time.monotonic() < deadline, f"{pids} connections, and not {pool.statistics().size}"
    statistics = pool.statistics()
    assert (statistics.waiting, statistics.idle) == (0, statistics.size)


@CUTS
async def test_a_statement_whose_connection_is_cut_is_lost_and_retryable(open_pool_at, proxy, observer, cut):
    pool = await open_pool_at(proxy)
    db = SchemaManager(pool, schema="users")
    statement = asyncio.create_task(db.fetchval("SELECT pg_sleep(60)"))
    await observer.sees(1, where="state = 'active'")

    for link in [*proxy.links]:
        cut(link)

    with pytest.raises(ConnectionLostError) as caught:
        await statement
    assert (caught.value.retryable, caught.value.sqlstate, caught.value.service) == (True, None, "users")
    # The server would find out when the statement ends.
    for pid in await observer.pids():
        await observer.end(pid)
    await whole(pool, observer)


@CUTS
@pytest.mark.parametrize("letting", [1, 40, 60_000])
async def test_a_result_that_is_cut_in_the_middle_is_no_result(open_pool_at, proxy, observer, cut, letting):
    pool = await open_pool_at(proxy)
    db = SchemaManager(pool, schema="users")
    await db.fetch(LARGE, "first")
    proxy.trap(Trap(cut, Way.DOWN, letting=letting))

    with pytest.raises(ConnectionLostError):
        await db.fetch(LARGE, "second")

    await whole(pool, observer)


@pytest.mark.parametrize("ways", [BOTH, (Way.UP,), (Way.DOWN,)], ids=["both", "up", "down"])
async def test_in_a_black_hole_a_statement_ends_at_its_limit(open_pool_at, proxy, observer, ways):
    pool = await open_pool_at(proxy)
    db = SchemaManager(pool, schema="users")
    await db.fetchval("SELECT 1")
    for link in proxy.links:
        link.hold(ways)

    with pytest.raises(QueryTimeoutError):
        await db.fetchval("SELECT 2", timeout=0.1)

    proxy.heal()
    await whole(pool, observer)


async def test_a_connection_that_a_router_forgot_costs_one_limit_and_is_replaced(open_pool_at, proxy, observer):
    pool = await open_pool_at(proxy, check_timeout=0.1)
    db = SchemaManager(pool, schema="users")
    await db.fetchval("SELECT 1")
    for link in proxy.links:
        link.forget()

    with pytest.raises(QueryTimeoutError):
        await db.fetchval("SELECT 2", timeout=0.1)

    assert await db.fetchval("SELECT 3", timeout=2) == 3
    await whole(pool, observer)


async def test_a_slow_network_changes_nothing_but_the_time(open_pool_at, proxy, observer):
    pool = await open_pool_at(proxy)
    db = SchemaManager(pool, schema="users")
    proxy.delay = 0.01

    assert await db.fetchval("SELECT $1::text", "here") == "here"

    proxy.heal()
    await whole(pool, observer)


async def test_what_arrives_byte_by_byte_is_put_together_again(open_pool_at, proxy, observer):
    proxy.is_dribbling = True
    pool = await open_pool_at(proxy)
    db = SchemaManager(pool, schema="users")

    rows = await db.fetch(LARGE, "here")

    assert [(row["token"], row["number"]) for row in rows] == [("here", number) for number in range(1, 301)]
    await whole(pool, observer)


async def test_while_connections_are_refused_those_that_stand_go_on(open_pool_at, proxy, observer):
    pool = await open_pool_at(proxy, max_size=2)
    async with pool.lease("users") as lease:
        await proxy.refuse()
        with pytest.raises(ServerUnavailableError, match="connection refused"):
            await pool.acquire("orders", timeout=0.2)
        assert await lease.connection.fetchval("SELECT 1") == 1

    await proxy.listen()

    async with pool.lease("users"), pool.lease("orders"):
        pass
    await whole(pool, observer)


async def test_connections_that_are_reset_as_soon_as_they_stand_are_a_server_unavailable(open_pool_at, proxy, observer):
    pool = await open_pool_at(proxy, max_size=2)
    async with pool.lease("users"):
        proxy.is_rejecting = True
        with pytest.raises(ServerUnavailableError) as caught:
            await pool.acquire("orders", timeout=0.2)

    assert caught.value.retryable
    proxy.heal()
    await whole(pool, observer)


async def test_connections_that_are_never_answered_are_a_server_unavailable(open_pool_at, proxy, observer):
    pool = await open_pool_at(proxy, max_size=2)
    async with pool.lease("users"):
        proxy.is_swallowing = True
        with pytest.raises(ServerUnavailableError, match="no answer in time"):
            await pool.acquire("orders", timeout=0.1)

    proxy.heal()
    await whole(pool, observer)


@CUTS
@pytest.mark.parametrize(("way", "letting"), [(Way.UP, 0), (Way.UP, 10), (Way.DOWN, 1), (Way.DOWN, 9), (Way.DOWN, 200)])
async def test_a_connection_that_is_cut_while_it_is_made_is_made_again(
    open_pool_at, proxy, observer, cut, way, letting
):
    pool = await open_pool_at(proxy, max_size=2)
    async with pool.lease("users"):
        trap = proxy.trap(Trap(cut, way, letting=letting, is_of_new_links=True))
        with suppress(ServerUnavailableError):
            await pool.release(await pool.acquire("orders", timeout=2))

    assert trap.sprung.is_set()
    await whole(pool, observer)


@CUTS
@pytest.mark.parametrize(("letting", "on_answer"), [(0, False), (10, False), (0, True), (7, True)])
async def test_a_hand_off_that_is_cut_hands_nothing_on(open_pool_at, proxy, observer, cut, letting, on_answer):
    pool = await open_pool_at(proxy)
    users, orders = SchemaManager(pool, schema="users"), SchemaManager(pool, schema="orders")
    trap = proxy.trap(Trap(cut, words=HAND_OFF, letting=letting, on_answer=on_answer))
    await users.execute("SELECT set_config('campaign.mark', 'users', false)")
    query = "SELECT coalesce(current_setting('campaign.mark', true), '')"

    with suppress(ConnectionLostError, ServerUnavailableError):
        assert await orders.fetchval(query, timeout=2) == ""
    assert await orders.fetchval(query, timeout=2) == ""

    await asyncio.wait_for(trap.sprung.wait(), 1)
    await whole(pool, observer)


async def test_a_hand_off_that_the_administrator_cancels_is_done_on_another_connection(open_pool, observer):
    pool = await open_pool(max_size=1)
    pool.set_roles({"orders": "pg_monitor"})
    await SchemaManager(pool, schema="users").fetchval("SELECT 1")
    async with observer.connection.transaction():
        await observer.connection.execute("LOCK TABLE pg_authid IN ACCESS EXCLUSIVE MODE")
        statement = asyncio.create_task(SchemaManager(pool, schema="orders").fetchval("SELECT current_user::text"))
        await observer.sees(1, where="wait_event_type = 'Lock'")
        await observer.connection.execute("SELECT pg_cancel_backend($1)", (await observer.pids())[0])

    assert await statement == "pg_monitor"
    await whole(pool, observer)


async def test_a_hand_off_that_is_never_answered_ends_at_the_limit(open_pool_at, proxy, observer):
    pool = await open_pool_at(proxy, connect_timeout=0.1)
    users, orders = SchemaManager(pool, schema="users"), SchemaManager(pool, schema="orders")
    trap = proxy.trap(Trap(Link.hold, words=HAND_OFF))
    await users.fetchval("SELECT 1")
    begun = time.monotonic()

    with suppress(QueryTimeoutError, ServerUnavailableError, ConnectionLostError, PoolExhaustedError):
        assert await orders.fetchval("SELECT 1", timeout=0.2) == 1

    assert time.monotonic() - begun < 0.24 + NOISE
    assert trap.sprung.is_set()
    proxy.heal()
    await whole(pool, observer)


@CUTS
async def test_a_commit_that_never_reached_the_server_is_lost(open_pool_at, proxy, observer, table, cut):
    pool = await open_pool_at(proxy)
    db = SchemaManager(pool, schema="users")
    proxy.trap(Trap(cut, words=(b"COMMIT",)))

    with pytest.raises(ConnectionLostError):
        async with db.transaction():
            await db.execute("INSERT INTO {{tables.faults}} VALUES (1)")

    await whole(pool, observer)
    assert await table.fetchval("SELECT count(*) FROM users.faults") == 0


@CUTS
async def test_a_commit_whose_answer_was_cut_is_lost_to_the_caller_alone(open_pool_at, proxy, observer, table, cut):
    pool = await open_pool_at(proxy)
    db = SchemaManager(pool, schema="users")
    proxy.trap(Trap(cut, words=(b"COMMIT",), on_answer=True))

    with pytest.raises(ConnectionLostError, match="lost") as caught:
        async with db.transaction():
            await db.execute("INSERT INTO {{tables.faults}} VALUES (1)")

    assert caught.value.retryable
    await whole(pool, observer)
    assert await table.fetchval("SELECT count(*) FROM users.faults") == 1


@CUTS
async def test_a_copy_that_is_cut_copies_nothing(open_pool_at, proxy, observer, table, cut):
    pool = await open_pool_at(proxy)
    db = SchemaManager(pool, schema="users")
    proxy.trap(Trap(cut, words=(b"PGCOPY",), letting=300))

    with pytest.raises(ConnectionLostError):
        await db.copy_records_to_table("faults", records=[(number,) for number in range(1000)])

    await whole(pool, observer)
    assert await table.fetchval("SELECT count(*) FROM users.faults") == 0


@CUTS
async def test_a_copy_out_that_is_cut_says_so(open_pool_at, proxy, observer, cut):
    pool = await open_pool_at(proxy)
    db = SchemaManager(pool, schema="users")
    await db.fetchval("SELECT 1")
    proxy.trap(Trap(cut, words=(b"COPY ",), on_answer=True, letting=30))

    async def write(_):
        pass

    with pytest.raises(ConnectionLostError):
        await db.copy_from_query("SELECT generate_series(1, 1000)", output=write)

    await whole(pool, observer)


@pytest.mark.parametrize("act", [Link.reset, Link.hold], ids=["rst", "black hole"])
async def test_nobody_gets_a_statement_whose_cancellation_never_arrived(open_pool_at, proxy, observer, act):
    pool = await open_pool_at(proxy, connect_timeout=0.2)
    db = SchemaManager(pool, schema="users")
    await db.fetchval("SELECT 1")
    trap = proxy.trap(Trap(act, words=CANCEL_REQUEST))

    with pytest.raises(QueryTimeoutError):
        await db.fetchval("SELECT 'late' FROM pg_sleep(0.3)", timeout=0.1)

    assert await db.fetchval("SELECT 'mine'", timeout=2) == "mine"
    await asyncio.wait_for(trap.sprung.wait(), 1)
    proxy.heal()
    await whole(pool, observer)


async def test_a_statement_between_the_last_word_of_a_server_and_its_end_is_lost(open_pool_at, proxy, observer):
    pool = await open_pool_at(proxy)
    db = SchemaManager(pool, schema="users")
    await db.fetchval("SELECT 1")
    trap = proxy.trap(Trap(lambda link: link.hold([Way.DOWN]), Way.DOWN, words=(b"57P01",), letting=1000))
    for pid in await observer.pids():
        await observer.end(pid)
    await asyncio.wait_for(trap.sprung.wait(), 1)
    await asyncio.sleep(0.01)

    with pytest.raises(ConnectionLostError) as caught:
        await db.fetchval("SELECT 2", timeout=0.2)

    assert caught.value.retryable
    proxy.heal()
    await whole(pool, observer)


async def test_a_connection_that_the_server_ends_in_a_statement_is_lost_with_what_the_server_said(open_pool, observer):
    pool = await open_pool(max_size=1)
    statement = asyncio.create_task(SchemaManager(pool, schema="users").fetchval("SELECT pg_sleep(60)"))
    await observer.sees(1, where="state = 'active'")

    await observer.end((await observer.pids())[0])

    with pytest.raises(ConnectionLostError) as caught:
        await statement
    assert caught.value.sqlstate == "57P01"


async def test_a_statement_that_the_administrator_cancels_is_told_as_such(open_pool_at, proxy, observer):
    pool = await open_pool_at(proxy)
    db = SchemaManager(pool, schema="users")
    statement = asyncio.create_task(db.fetchval("SELECT pg_sleep(60)"))
    await observer.sees(1, where="state = 'active'")

    await observer.connection.execute("SELECT pg_cancel_backend($1)", (await observer.pids())[0])

    with pytest.raises(QueryTimeoutError) as caught:
        await statement
    assert caught.value.sqlstate == "57014"
    await whole(pool, observer)


async def test_a_server_that_comes_back_is_found_at_once(open_pool_at, proxy, observer):
    pool = await open_pool_at(proxy, max_size=3)
    async with pool.lease("users"), pool.lease("orders"), pool.lease("payments"):
        await proxy.refuse()
        for link in [*proxy.links]:
            link.reset()
    await until(lambda: pool.statistics().size == 0)
    with pytest.raises(ServerUnavailableError, match="connection refused"):
        await pool.acquire("users", timeout=0.1)

    await proxy.listen()

    await whole(pool, observer)


async def test_of_several_hosts_the_one_that_answers_is_taken(open_pool_at, proxy, address, observer):
    async with FaultProxy(address) as other:
        pool = await open_pool_at(proxy, other, options="&target_session_attrs=read-write")
        assert (proxy.accepted, other.accepted) == (1, 0)

        await proxy.refuse()
        for link in [*proxy.links]:
            link.finish()
        await until(lambda: pool.statistics().size == 0)

        await whole(pool, observer)
        assert other.accepted
        await pool.close()

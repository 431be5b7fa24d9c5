"""Listening on channels of the database."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from poolhouse.errors import ConnectionLostError, IdentifierError, PoolExhaustedError, UsageError
from poolhouse.schema import Notification
from tests.integration.moments import hold_elsewhere, until


@pytest.fixture
def channel():
    return f"jobs {uuid.uuid4().hex}"


async def notify(db, channel, *payloads):
    for payload in payloads:
        await db.execute("SELECT pg_notify($1, $2)", channel, payload)


async def test_what_is_sent_arrives_in_order(db, channel):
    async with db.listen(channel) as notifications:
        pid = await db.fetchval("SELECT pg_backend_pid() FROM pg_notify($1, 'a')", channel)
        await notify(db, channel, "b", "")

        first = await anext(notifications)
        assert first == Notification(channel, "a", pid)
        assert [(await anext(notifications)).payload for _ in range(2)] == ["b", ""]


async def test_iterating_gives_what_arrives(db, channel):
    seen = []
    async with db.listen(channel) as notifications:
        await notify(db, channel, "a", "b", "end")
        async for notification in notifications:
            if notification.payload == "end":
                break
            seen.append(notification.payload)

    assert seen == ["a", "b"]


async def test_several_channels_share_one_connection(db, pool, channel):
    async with db.listen(channel, f"{channel} 2") as notifications:
        assert pool.statistics().in_use == 1
        await notify(db, f"{channel} 2", "x")
        await notify(db, channel, "y")

        assert [((await anext(notifications)).channel) for _ in range(2)] == [f"{channel} 2", channel]


async def test_several_may_listen_on_one_channel(db, channel):
    async with db.listen(channel) as first, db.listen(channel) as second:
        await notify(db, channel, "x")

        assert (await anext(first)).payload == (await anext(second)).payload == "x"


async def test_a_channel_has_any_legal_name(db):
    async with db.listen('We"ird näme') as notifications:
        await notify(db, 'We"ird näme', "x")
        assert (await anext(notifications)).payload == "x"


async def test_a_channel_that_cannot_be_is_refused_at_once(db):
    with pytest.raises(IdentifierError):
        db.listen("x" * 64)
    with pytest.raises(UsageError, match="no channel"):
        db.listen()


async def test_giving_up_waiting_loses_nothing(db, channel):
    async with db.listen(channel) as notifications:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(notifications), 0.02)
        await notify(db, channel, "x")

        assert (await anext(notifications)).payload == "x"


async def test_a_connection_that_is_lost_is_said_after_what_had_arrived(db, pool, observer, channel):
    async with db.listen(channel) as notifications:
        await notify(db, channel, "x")
        await until(lambda: notifications._queue.qsize() == 1)
        query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> $1"
        await observer.execute(query, 0)

        assert (await anext(notifications)).payload == "x"
        for _ in range(2):
            with pytest.raises(ConnectionLostError, match="Listen again") as caught:
                await anext(notifications)
    assert channel in str(caught.value)
    assert pool.statistics().in_use == 0
    async with db.listen(channel):
        pass


async def test_whoever_waits_when_the_connection_is_lost_is_told(db, observer, channel):
    async with db.listen(channel) as notifications:
        waiting = asyncio.create_task(anext(notifications))
        await asyncio.sleep(0)
        await observer.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        )

        with pytest.raises(ConnectionLostError):
            await waiting


async def test_after_the_block_the_connection_listens_no_more(db, pool, observer, channel):
    async with db.listen(channel):
        pass

    leases = [await hold_elsewhere(pool.acquire("check")) for _ in range(5)]
    for lease in leases:
        assert await lease.connection.fetch("SELECT pg_listening_channels()") == []
        await pool.release(lease)


async def test_listening_waits_for_a_connection_like_everything(shared_database):
    from poolhouse.pool import SharedPool
    from poolhouse.schema import SchemaManager
    from poolhouse.settings import DatabaseSettings

    pool = SharedPool(DatabaseSettings(dsn=shared_database, min_size=1, max_size=1, acquire_timeout=0.05))
    await pool.open()
    use = await hold_elsewhere(pool.acquire("others"))
    with pytest.raises(PoolExhaustedError):
        async with SchemaManager(pool, schema="users").listen("a"):
            pass
    await pool.release(use)
    await pool.close()


async def test_a_listener_listens_once(db, channel):
    listener = db.listen(channel)
    async with listener:
        with pytest.raises(UsageError, match="listens already"):
            await listener.__aenter__()

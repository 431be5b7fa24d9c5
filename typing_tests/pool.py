"""The shared pool: opened, looked at, and followed by whoever subscribes."""

from collections.abc import Mapping
from typing import Any, assert_type

import asyncpg
from pydantic import SecretStr

from poolhouse import DatabaseSettings
from poolhouse.container import LifecycleState
from poolhouse.pool import (
    Acquired,
    ConnectionBroken,
    Distribution,
    HandedOff,
    HeldTooLong,
    Lease,
    PoolEvent,
    PoolStatistics,
    Server,
    ServiceStatistics,
    SessionReset,
    SharedPool,
    SlowStatement,
    StatementEnded,
    Use,
    Waited,
)


class Somewhere:
    @property
    def dsn(self) -> str | None:
        return "postgresql://localhost/app"


def built(settings: DatabaseSettings, server: Server) -> None:
    SharedPool(settings, server=server)
    SharedPool(settings, server=Somewhere())


async def lives(pool: SharedPool) -> None:
    assert_type(await pool.open(), None)
    assert_type(await pool.wait(5), None)
    assert_type(await pool.check(), None)
    assert_type(await pool.resize(2, 20), None)
    assert_type(await pool.close(), None)


async def lends(pool: SharedPool) -> None:
    async with pool.lease("orders", timeout=5) as use:
        assert_type(use, Use)
        assert_type(use.lease, Lease)
        assert_type(use.connection, asyncpg.Connection[Any])
    use = await pool.acquire("orders")
    assert_type(await pool.release(use), None)


def is_looked_at(pool: SharedPool) -> None:
    assert_type(pool.is_open, bool)
    assert_type(pool.address, str)
    assert_type(pool.dsn, SecretStr | None)
    assert_type(pool.settings, DatabaseSettings)
    assert_type(pool.roles, Mapping[str, str])
    statistics = pool.statistics()
    assert_type(statistics, PoolStatistics)
    assert_type(statistics.state, LifecycleState)
    assert_type(statistics.services, Mapping[str, ServiceStatistics])
    assert_type(statistics.services["orders"].waits, Distribution)
    assert_type(statistics.waits.count, int)


def tell(event: PoolEvent) -> str:
    if isinstance(event, ConnectionBroken):
        assert_type(event.service, str | None)
        return event.reason
    assert_type(event, Acquired | Waited | HandedOff | SessionReset | StatementEnded | SlowStatement | HeldTooLong)
    return event.service


def note(ended: StatementEnded) -> None:
    assert_type(ended.error, str | None)


def is_followed(pool: SharedPool) -> None:
    pool.subscribe(StatementEnded, note)
    pool.subscribe(ConnectionBroken, tell)
    pool.subscribe(HandedOff, lambda event: assert_type(event, HandedOff))
    pool.unsubscribe(StatementEnded, note)


# What is wrong


def told_of_something_else(pool: SharedPool) -> None:
    pool.subscribe(HandedOff, note)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    pool.subscribe(int, print)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    pool.subscribe(HandedOff)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def misused(pool: SharedPool, settings: DatabaseSettings) -> None:
    SharedPool("postgresql://localhost/app")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    SharedPool(settings, Somewhere())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    async with pool:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    pool.statistics().size = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    with pool.lease("orders"):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass

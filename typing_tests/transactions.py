"""Transactions, once and again, and on a connection that is held."""

from typing import Any, assert_type

import asyncpg

from poolhouse.pool import Use
from poolhouse.schema import Attempt, Attempts, Connection, Isolation, SchemaManager, Transaction


async def begun(db: SchemaManager, level: Isolation) -> None:
    assert_type(db.transaction(), Transaction)
    async with db.transaction(isolation=level, readonly=True, deferrable=True) as connection:
        assert_type(connection, Connection)


async def begun_again(db: SchemaManager) -> None:
    attempts = db.transaction(isolation="serializable", retries=3)
    assert_type(attempts, Attempts)
    async for attempt in attempts:
        assert_type(attempt, Attempt)
        async with attempt as connection:
            assert_type(connection, Connection)


async def held(connection: Connection) -> None:
    assert_type(connection.transaction(isolation="read_committed"), Transaction)
    assert_type(connection.raw, asyncpg.Connection[Any])
    assert_type(connection.use, Use)


# What is wrong


async def begun_wrongly(db: SchemaManager) -> None:
    db.transaction(isolation="serialisable")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    db.transaction("serializable")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    with db.transaction():  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    async with db.transaction(retries=3):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass

"""Queries of a service: rows as Records, or as instances of a class."""

from dataclasses import dataclass
from typing import Any, TypeVar, assert_type

from pydantic import BaseModel

from poolhouse import SchemaManager, SharedPool
from poolhouse.schema import Connection, Cursor, CursorFactory, Notification, Notifications, Record, RowModel

ModelT = TypeVar("ModelT", bound=RowModel)


@dataclass(frozen=True, slots=True)
class User:
    id: int


class Order(BaseModel):
    id: int


class Neither:
    id: int


async def fetched(db: SchemaManager) -> None:
    assert_type(await db.fetch("SELECT 1"), list[Record])
    assert_type(await db.fetch("SELECT $1", 1, into=User), list[User])
    assert_type(await db.fetch("SELECT $1", 1, timeout=5, into=Order), list[Order])
    assert_type(await db.fetchrow("SELECT 1"), Record | None)
    assert_type(await db.fetchrow("SELECT 1", into=User), User | None)
    assert_type(await db.fetchrow("SELECT 1", into=Order), Order | None)
    assert_type(await db.fetchval("SELECT 1", column=0), Any)
    assert_type(await db.fetchmany("SELECT $1", [(1,), (2,)]), list[Record])


async def run(db: SchemaManager) -> None:
    assert_type(await db.execute("DELETE FROM {{tables.users}}"), str)
    assert_type(await db.executemany("SELECT $1", [(1,)]), None)
    assert_type(await db.copy_records_to_table("users", records=[(1,)], columns=["id"]), str)
    assert_type(await db.copy_to_table("users", source="users.csv", format="csv", header=True), str)
    assert_type(await db.copy_from_table("users", output="users.csv", format="csv", force_quote=["id"]), str)
    assert_type(await db.copy_from_query("SELECT 1", output="one.txt"), str)
    assert_type(db.render("SELECT {{schema}}"), str)


def looked_at(db: SchemaManager) -> None:
    assert_type(db.schema, str)
    assert_type(db.service, str)
    assert_type(db.reads, frozenset[str])
    assert_type(db.pool, SharedPool)


async def held(db: SchemaManager) -> None:
    async with db.acquire(timeout=5) as connection:
        assert_type(connection, Connection)
        assert_type(await connection.fetch("SELECT 1", into=User), list[User])
    by_hand = await db.acquire()
    assert_type(by_hand, Connection)
    await db.release(by_hand)


async def moved(db: SchemaManager) -> None:
    rows = db.cursor("SELECT 1", prefetch=50)
    assert_type(rows, CursorFactory)
    async for row in rows:
        assert_type(row, Record)
    cursor = await rows
    assert_type(cursor, Cursor)
    assert_type(await cursor.fetch(5), list[Record])
    assert_type(await cursor.fetchrow(), Record | None)
    assert_type(await cursor.forward(5), int)


async def heard(db: SchemaManager) -> None:
    async with db.listen("jobs", "news") as notifications:
        assert_type(notifications, Notifications)
        async for notification in notifications:
            assert_type(notification, Notification)
            assert_type(notification.payload, str)


async def passed_on(db: SchemaManager, into: type[ModelT]) -> ModelT | None:
    return await db.fetchrow("SELECT 1", into=into)


async def passed(db: SchemaManager) -> None:
    assert_type(await passed_on(db, User), User | None)


# What is wrong


async def made_of_rows(db: SchemaManager) -> None:
    await db.fetch("SELECT 1", into=Neither)  # type: ignore[type-var]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await db.fetchrow("SELECT 1", into=dict)  # type: ignore[type-var]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await db.fetch("SELECT 1", into=User(1))  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await db.fetch("SELECT 1", int=User)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await passed_on(db, Neither)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]


async def used_unchecked(db: SchemaManager) -> None:
    (await db.fetchrow("SELECT 1", into=User)).id  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    (await db.fetch("SELECT 1", into=User))[0].name  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    db.fetch("SELECT 1")[0]  # type: ignore[index]  # pyright: ignore[reportIndexIssue]


async def asked_wrongly(db: SchemaManager) -> None:
    await db.execute(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await db.copy_to_table("users", source="users.csv", format="xml")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await db.copy_to_table("users", source="users.csv", headers=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    db.schema = "others"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    with db.acquire():  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass

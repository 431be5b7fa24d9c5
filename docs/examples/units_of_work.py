"""Transactions and objects for one request, one message, one run of a command; tests run it."""

from collections.abc import AsyncIterator
from typing import Annotated

from dependency_injector import providers
from fastapi import HTTPException

from poolhouse.container import Container, Injected, InTransaction, Part, Scoped, Transactional
from poolhouse.integrations.fastapi import Router
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings


class Seats:
    """Sells the seats of a show."""

    def __init__(self, db: SchemaManager) -> None:
        self._db = db

    async def free(self) -> int:
        """Return how many seats are left."""
        return int(await self._db.fetchval("SELECT count(*) FROM {{tables.seats}} WHERE holder IS NULL"))

    async def take(self, holder: str) -> None:
        """Give a seat to somebody."""
        await self._db.execute(
            """
            UPDATE {{tables.seats}} SET holder = $1
            WHERE number = (SELECT min(number) FROM {{tables.seats}} WHERE holder IS NULL)
            """,
            holder,
        )


class Diary:
    """Collects what happened in one request, and writes it down when that ends well."""

    def __init__(self, db: SchemaManager) -> None:
        self._db = db
        self._lines: list[str] = []

    def note(self, line: str) -> None:
        """Remember a line."""
        self._lines.append(line)

    async def write(self) -> None:
        """Write down what was noted."""
        await self._db.executemany("INSERT INTO {{tables.diary}} (line) VALUES ($1)", [(line,) for line in self._lines])


async def keep_diary(db: SchemaManager) -> AsyncIterator[Diary]:
    """Give a diary that is written at the end, unless an error comes before that."""
    diary = Diary(db)
    yield diary
    await diary.write()


class ShowContainer(Container):
    """The wiring of a service with an object for each scope."""

    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="show")
    migrations = providers.Factory(MigrationSet, db, "migrations/show")
    seats = providers.Factory(Seats, db)
    diary = Scoped(keep_diary, db)


class Application(Container):
    """The whole."""

    settings = providers.Dependency(instance_of=DatabaseSettings)
    pool = providers.Resource(SharedPool, settings)
    show = Part(ShowContainer, pool=pool)


router = Router()


@router.post("/seats")
async def take(holder: str, seats: Transactional[Seats]) -> int:
    """Take a seat, unless that was the last one."""
    await seats.take(holder)
    free = await seats.free()
    if free == 0:
        raise HTTPException(409, "The last seat is not for sale.")
    return free


@router.post("/seats/fair")
async def take_fairly(holder: str, seats: Annotated[Seats, InTransaction(isolation="serializable", retries=3)]) -> int:
    """Take a seat as if nobody else did so at the same time."""
    await seats.take(holder)
    return await seats.free()


@router.post("/attempts")
async def attempt(holder: str, seats: Annotated[Seats, InTransaction(rollback_on=range(500, 600))]) -> None:
    """Note who tried, also where that is refused."""
    await seats.take(holder)
    raise HTTPException(403)


Noted = Annotated[Diary, InTransaction("show.diary")]


@router.post("/visits")
async def visit(name: str, diary: Noted, seats: Injected[Seats]) -> int:
    """Look at the seats, and be noted."""
    diary.note(name)
    return await seats.free()


async def sell(application: Application, holders: list[str]) -> None:
    """Give each of these a seat, or nobody."""
    async with application.scope() as scope:
        seats = await scope.begin(Seats)
        for holder in holders:
            if await seats.free() == 0:
                raise ValueError("There are not enough seats.")
            await seats.take(holder)

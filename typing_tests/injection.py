"""What is injected into functions, and the markers that ask for it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Annotated, assert_type

from dependency_injector import providers
from dependency_injector.wiring import Provide
from dependency_injector.wiring import inject as wired

from poolhouse import SchemaManager, SharedPool
from poolhouse.container import Container, Inject, Injected, InTransaction, Transactional, inject


class Users:
    def __init__(self, db: SchemaManager) -> None:
        self.db = db

    async def count(self) -> int:
        return len(await self.db.fetch("SELECT FROM {{tables.users}}"))


class Application(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="users")
    users = providers.Factory(Users, db)


application = Application()


@inject
async def count(minimum: int, users: Injected[Users]) -> int:
    assert_type(users, Users)
    return max(minimum, await users.count())


@inject
def say(users: Annotated[Users, Inject("users")]) -> str:
    assert_type(users, Users)
    return str(users)


def place(users: Transactional[Users], number: int) -> bytes:
    assert_type(users, Users)
    return bytes(number)


async def each(users: Annotated[Users, InTransaction(isolation="serializable", retries=3)]) -> AsyncIterator[int]:
    yield await users.count()


def numbers(users: Injected[Users]) -> Iterator[Users]:
    yield users


@wired
def tell(users: Annotated[Users, Provide["users"]]) -> str:
    assert_type(users, Users)
    return str(users)


@wired
def tell_all(users: Users = Provide[Application.users]) -> str:
    assert_type(users, Users)
    return str(users)


class Report:
    @inject
    def __init__(self, title: str, users: Injected[Users]) -> None:
        self.title = title
        self.users = users


async def called() -> None:
    assert_type(await count(5), int)
    assert_type(await count(5, users=Users(application.db())), int)
    assert_type(say(), str)
    assert_type(tell_all(), str)
    assert_type(tell(users=Users(application.db())), str)
    assert_type(application.inject(place), Callable[..., bytes])
    assert_type(application.inject(place)(3), bytes)
    assert_type([number async for number in application.inject(each)()], list[int])
    assert_type(next(application.inject(numbers)()), Users)
    assert_type(application.inject(Report)("all").users, Users)
    assert_type(await application.inject(count)(5), int)
    assert_type(application.injecting(), AbstractContextManager[None])
    with application.injecting():
        Report("all")
    waiting: Awaitable[int] = count(5)
    await waiting


# What is wrong


async def another_result() -> None:
    _: str = await count(5)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    say().decode()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    await say()  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


def another_attribute(users: Injected[Users], others: Transactional[Users]) -> None:
    users.cuont()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    others.cuont()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def mistyped_markers() -> None:
    Inject(Users)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    InTransaction("users", "serializable")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    InTransaction(isolation="serialisable")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    InTransaction(retry=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    inject(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

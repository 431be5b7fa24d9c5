"""Functions that are injected into: what they take is known in them, what they return to their callers."""

from collections.abc import AsyncIterator
from typing import Annotated, assert_type

from poolhouse.container import Container, Inject, Injected, Transactional, inject
from poolhouse.integrations.fastapi import Router, create_application


class Users:
    async def count(self) -> int:
        return 1


class Job:
    def __init__(self, path: str, users: Injected[Users]) -> None:
        self.path = path
        self.users = users


def imported(path: str, users: Injected[Users]) -> list[str]:
    assert_type(users, Users)
    return [path]


async def counted(users: Annotated[Users, Inject("users.service")]) -> int:
    assert_type(users, Users)
    return await users.count()


async def changed(users: Transactional[Users]) -> int:
    assert_type(users, Users)
    return await users.count()


async def listed(users: Injected[Users]) -> AsyncIterator[int]:
    yield await users.count()


@inject
async def decorated(name: str, users: Injected[Users]) -> dict[str, int]:
    return {name: await users.count()}


def bind(container: Container) -> None:
    assert_type(container.inject(imported)("x"), list[str])
    assert_type(container.inject(listed)(), AsyncIterator[int])
    assert_type(container.inject(Job)("x"), Job)
    assert_type(inject(imported)("x"), list[str])
    container.validate(imported, counted, decorated, Job, router)


async def call(container: Container) -> None:
    with container.injecting():
        assert_type(await decorated("ann"), dict[str, int])
    assert_type(await container.inject(counted)(), int)
    assert_type(await container.inject(changed)(), int)
    # The function itself takes a fake like any other.
    assert_type(imported("x", Users()), list[str])


router = Router(prefix="/users", problems={KeyError: 404})


@router.get("/{user_id}", responses=router.raises(KeyError))
async def show(user_id: int, users: Injected[Users]) -> int:
    assert_type(users, Users)
    return user_id


create_application(Container(), router, title="Shop")

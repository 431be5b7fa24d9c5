from __future__ import annotations

import asyncio
import warnings
from contextlib import asynccontextmanager

import pytest

from app.main import routers
from poolhouse.integrations.fastapi import create_application
from services.users import NewUser, UserNotFoundError

ADA = NewUser(email="ada@example.com", name="Ada")

twice = pytest.mark.parametrize("nth", [1, 2])


@twice
def test_a_test_need_not_be_asynchronous(application, bridge, nth):
    user = bridge.run(application.users.service().register(ADA))
    assert bridge.run(application.users.service().get(user.id)) == user


@twice
@pytest.mark.clone
def test_it_may_have_a_database_of_its_own(application, bridge, nth):
    user = bridge.run(application.users.service().register(ADA))
    assert bridge.run(application.users.service().get(user.id)) == user


def test_what_is_raised_is_raised(application, bridge):
    with pytest.raises(UserNotFoundError):
        bridge.run(application.users.service().get(1))


@pytest.fixture
def client(application, bridge):
    with warnings.catch_warnings():
        # That there is a newer httpx for it.
        warnings.simplefilter("ignore")
        from starlette.testclient import TestClient
    client = TestClient(create_application(application, *routers))
    client.portal = bridge.portal
    return client


@twice
def test_starlette_s_client_uses_the_same_loop(client, nth):
    response = client.post("/users", json={"email": "ada@example.com", "name": "Ada"})
    assert response.status_code == 201
    assert client.get(f"/users/{response.json()['id']}").json() == response.json()


def test_slices_are_entered(slice_of, bridge):
    users = bridge.enter(slice_of("users"))
    assert bridge.run(users.container.service().register(ADA)).name == "Ada"


def test_overrides_hold_until_the_test_ends(application, overriding, bridge):
    class Nobody:
        async def exists(self, user_id: int) -> bool:
            return user_id < 0

    bridge.run(overriding(application.users.service, Nobody()))
    assert isinstance(application.users.service(), Nobody)


def test_queries_are_recorded(application, queries, bridge):
    bridge.run(application.users.service().exists(1))
    assert len(queries) == 1


@asynccontextmanager
async def task_group():
    # It insists on being left in the task that has entered it.
    async with asyncio.TaskGroup() as group:
        yield group


def test_contexts_are_left_in_the_task_that_entered_them(bridge):
    group = bridge.enter(task_group())
    assert bridge.run(asyncio.sleep(0, group)) is group


def test_a_context_that_cannot_be_entered_says_so(bridge):
    @asynccontextmanager
    async def broken():
        raise ZeroDivisionError
        yield

    with pytest.raises(ZeroDivisionError):
        bridge.enter(broken())

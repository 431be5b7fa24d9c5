"""Tests as an application has them, shown in docs/how-to/tests.md."""

from __future__ import annotations

import warnings

import httpx
import pytest

from app.main import routers
from app.settings import Settings
from poolhouse.integrations.fastapi import create_application
from poolhouse.testing import Stub
from services.orders.ports import Accounts
from services.users import EmailTakenError, NewUser, UserNotFoundError

ADA = NewUser(email="ada@example.com", name="Ada")


async def test_a_registered_user_is_found(application):
    users = application.users.service()
    user = await users.register(ADA)
    assert await users.get(user.id) == user


async def test_an_email_is_taken_once(application):
    users = application.users.service()
    await users.register(ADA)
    with pytest.raises(EmailTakenError):
        await users.register(ADA)


@pytest.fixture
async def http(application):
    transport = httpx.ASGITransport(create_application(application, *routers))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_user_registers_over_http(http):
    response = await http.post("/users", json={"email": "ada@example.com", "name": "Ada"})
    assert response.status_code == 201


@pytest.mark.clone
async def test_news_reaches_whoever_listens(application):
    async with application.users.db().listen("news") as news:
        await application.orders.db().execute("NOTIFY news, 'hello'")
        assert (await anext(news)).payload == "hello"


def test_a_stub_says_what_the_test_says():
    accounts = Stub(Accounts)
    accounts.answer(Accounts.exists).returns(value=True)
    accounts.answer(Accounts.exists).raises(ConnectionError())
    accounts.answer(Accounts.exists).by(lambda user_id: user_id < 100)
    assert accounts.calls(Accounts.exists) == ()


def test_a_user_who_is_not_there_is_not_found(application, bridge):
    with pytest.raises(UserNotFoundError):
        bridge.run(application.users.service().get(7))


def test_starlette_has_a_client_too(application, bridge):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the HTTP library that it prefers
        from starlette.testclient import TestClient

    client = TestClient(create_application(application, *routers))
    client.portal = bridge.portal
    assert client.get("/users/7").status_code == 404


@pytest.fixture(scope="session")
def application_settings():
    return Settings(profile="test", http={"port": 1234})


async def test_settings_are_the_test_s(application):
    assert application.settings().http.port == 1234

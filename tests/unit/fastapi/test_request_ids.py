from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from poolhouse.integrations.fastapi import RequestIds
from poolhouse.logs import current_request


@pytest.fixture
async def client():
    web = FastAPI()
    web.add_middleware(RequestIds)

    @web.get("/")
    async def show() -> str:
        return current_request()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://shop") as client:
        yield client


async def test_a_request_keeps_the_id_that_it_came_with(client):
    answer = await client.get("/", headers={"X-Request-ID": "abc-1"})
    assert (answer.json(), answer.headers["X-Request-ID"]) == ("abc-1", "abc-1")


async def test_a_request_without_one_gets_one_of_its_own(client):
    first, second = [(await client.get("/")).json() for _ in range(2)]
    assert first != second


@pytest.mark.parametrize("given", ["x" * 129, "two words", 'quo"te'])
async def test_one_that_does_not_belong_into_a_log_is_replaced(client, given):
    answer = await client.get("/", headers={"X-Request-ID": given})
    assert answer.json() == answer.headers["X-Request-ID"] != given

from __future__ import annotations

import httpx
import pytest

from examples.starlette_application.main import LinksContainer, application
from poolhouse import ApplicationSettings


@pytest.fixture
async def client(database_settings):
    web = application(LinksContainer(settings=ApplicationSettings(database=database_settings)))
    async with (
        web.router.lifespan_context(web),
        httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://links") as client,
    ):
        yield client


async def test_a_name_leads_to_its_address(client):
    assert (await client.put("/python", content="https://python.example/")).status_code == 201
    answer = await client.get("/python")
    assert (answer.status_code, answer.headers["Location"]) == (307, "https://python.example/")


async def test_a_name_is_given_once(client):
    await client.put("/python", content="https://python.example/")
    assert (await client.put("/python", content="https://elsewhere.example/")).status_code == 409


async def test_an_unknown_name_leads_nowhere(client):
    assert (await client.get("/nowhere")).status_code == 404

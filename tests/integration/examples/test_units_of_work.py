"""What the documentation shows of transactions and objects for one request, on a real server."""

from __future__ import annotations

import asyncio

import asyncpg
import httpx
import pytest

from docs.examples.units_of_work import Application, router, sell
from poolhouse.integrations.fastapi import create_application

TABLES = """
CREATE TABLE {{tables.seats}} (number int PRIMARY KEY, holder text);
INSERT INTO {{tables.seats}} (number) VALUES (1), (2), (3);
CREATE TABLE {{tables.diary}} (line text);
"""


@pytest.fixture
async def application(database_settings, tmp_path, monkeypatch):
    (tmp_path / "migrations" / "show").mkdir(parents=True)
    (tmp_path / "migrations" / "show" / "0001_create.sql").write_text(TABLES)
    monkeypatch.chdir(tmp_path)
    async with Application(settings=database_settings) as application:
        yield application


@pytest.fixture
async def client(application):
    transport = httpx.ASGITransport(create_application(application, router), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
def stored(database):
    async def fetch(sql):
        connection = await asyncpg.connect(database)
        try:
            return [row[0] for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return fetch


HOLDERS = "SELECT holder FROM show.seats WHERE holder IS NOT NULL ORDER BY number"
LINES = "SELECT line FROM show.diary"


async def test_a_request_is_a_transaction_that_an_error_rolls_back(client, stored):
    answers = [await client.post("/seats", params={"holder": name}) for name in ("ada", "eve", "mallory")]
    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert await stored(HOLDERS) == ["ada", "eve"]


async def test_requests_that_are_in_each_others_way_are_answered_again(client, stored):
    answers = await asyncio.gather(*(client.post("/seats/fair", params={"holder": name}) for name in "ab"))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert sorted(await stored(HOLDERS)) == ["a", "b"]


async def test_a_route_may_keep_what_it_did_before_it_refused(client, stored):
    assert (await client.post("/attempts", params={"holder": "eve"})).status_code == 403
    assert await stored(HOLDERS) == ["eve"]


async def test_what_a_scoped_object_does_at_its_end_is_in_the_transaction(client, application, stored):
    assert (await client.post("/visits", params={"name": "ada"})).json() == 3
    assert await stored(LINES) == ["ada"]

    class Broken:
        async def free(self):
            raise ValueError

    with application.show.seats.override(Broken()):
        assert (await client.post("/visits", params={"name": "eve"})).status_code == 500
    assert await stored(LINES) == ["ada"]


async def test_a_worker_sells_all_or_nothing(application, stored):
    await sell(application, ["ada", "eve"])
    with pytest.raises(ValueError, match="not enough seats"):
        await sell(application, ["mallory", "trent"])
    assert await stored(HOLDERS) == ["ada", "eve"]

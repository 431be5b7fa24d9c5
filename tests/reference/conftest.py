from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from app.main import routers
from poolhouse.integrations.fastapi import create_application

MEMBERS = {"type", "title", "status", "detail", "instance"}


@dataclass(frozen=True, slots=True)
class Shop:
    """The application as a client sees it, with words for what most tests begin with."""

    http: httpx.AsyncClient

    async def post(self, path, body, **headers):
        # Not `json=`: httpx refuses to send what a client with a worse library would.
        headers["Content-Type"] = "application/json"
        return await self.http.post(path, content=json.dumps(body), headers=headers)

    async def register(self, email="ada@example.com", name="Ada"):
        return await self.post("/users", {"email": email, "name": name})

    async def place(self, user_id, *lines):
        lines = lines or (("tea", 3, "19.99"),)
        keys = ("sku", "quantity", "unit_price")
        return await self.post(
            "/orders", {"user_id": user_id, "lines": [dict(zip(keys, line, strict=True)) for line in lines]}
        )

    async def pay(self, order_id, amount="59.97", key="key-1"):
        return await self.post("/payments", {"order_id": order_id, "amount": amount}, **{"Idempotency-Key": key})

    async def placed_order(self):
        user = await self.register()
        order = await self.place(user.json()["id"])
        return order.json()

    async def status_of(self, order_id):
        return (await self.http.get(f"/orders/{order_id}")).json()["status"]


def documented_responses(openapi, request):
    for template, operations in openapi["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), request.url.path):
            return operations.get(request.method.lower(), {}).get("responses")
    return None


def conformance_of(openapi):
    """Look at every response that a test provokes, whatever else the test is about."""

    async def conforms(response):
        documented = documented_responses(openapi, response.request)
        status, kind = response.status_code, response.headers["Content-Type"].partition(";")[0]
        if documented:
            # What no route means to answer, such as 400 for a body of no encoding, is covered by the default.
            assert str(status) in documented or status == 400 or status >= 500, f"{status} is not documented"
            assert kind in documented.get(str(status), documented.get("default"))["content"]
        if status >= 400:
            problem = httpx.Response(status, content=await response.aread()).json()
            assert kind == "application/problem+json"
            assert problem.keys() - {"errors"} == MEMBERS
            assert problem["status"] == status

    return conforms


def web_application(container):
    return create_application(container, *routers, title="Shop")


@pytest.fixture(scope="session")
def openapi(application_container, application_settings):
    return web_application(application_container(settings=application_settings)).openapi()


@pytest.fixture
def serving(openapi):
    """Make a shop of a container that is started."""

    @asynccontextmanager
    async def serve(container):
        transport = httpx.ASGITransport(web_application(container))
        hooks = {"response": [conformance_of(openapi)]}
        async with httpx.AsyncClient(transport=transport, base_url="http://shop", event_hooks=hooks) as client:
            yield Shop(client)

    return serve


@pytest.fixture
async def shop(application, serving):
    async with serving(application) as shop:
        yield shop

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI


@pytest.fixture
def client_of() -> Callable[[FastAPI], httpx.AsyncClient]:
    """A client of an application, which sees what a server would send, also after an unhandled exception."""

    def client(app: FastAPI) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://test")

    return client


@pytest.fixture
def sent_to_websocket() -> Callable[[FastAPI, str], Awaitable[list[dict[str, Any]]]]:
    """Everything that an application sends to a client that connects and then only listens."""

    async def connect(app: FastAPI, url: str) -> list[dict[str, Any]]:
        path, _, query = url.partition("?")
        scope = {
            "type": "websocket",
            "path": path,
            "root_path": "",
            "query_string": query.encode(),
            "headers": [],
            "subprotocols": [],
        }
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        await app(scope, receive, send)
        return messages

    return connect

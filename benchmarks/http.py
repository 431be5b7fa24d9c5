"""What injection costs a request, and what the reference application answers in a second."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio import subprocess
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg
import dishka
import wireup
import wireup.integration.fastapi
from dishka.integrations.fastapi import DishkaRoute, FromDishka, setup_dishka
from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.responses import PlainTextResponse

from benchmarks import trees
from benchmarks.benchmark import Benchmark, ratio
from benchmarks.servers import server
from benchmarks.trees import Orders  # noqa: TC001 - FastAPI reads it from annotations
from poolhouse.integrations.fastapi import Injected, Router

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_REQUESTS = 400
_ROUNDS = 25
_SECONDS = 3.0
_CONNECTIONS = 16
_PATH = "/orders/7"


def injected() -> FastAPI:
    router = Router()

    @router.get("/orders/{order_id}")
    async def show(order_id: int, orders: Injected[Orders]) -> Response:
        return PlainTextResponse(orders.show(order_id))

    return _application(router.bind(trees.container()))


def closure() -> FastAPI:
    router, orders = APIRouter(), trees.by_hand()

    @router.get("/orders/{order_id}")
    async def show(order_id: int) -> Response:
        return PlainTextResponse(orders().show(order_id))

    return _application(router)


def depends() -> FastAPI:
    router, make = APIRouter(), trees.by_hand()

    async def made() -> Orders:
        return make()

    @router.get("/orders/{order_id}")
    async def show(order_id: int, orders: Orders = Depends(made)) -> Response:  # noqa: B008, FAST002 - the other way cannot name what is local
        return PlainTextResponse(orders.show(order_id))

    return _application(router)


def with_dishka() -> FastAPI:
    router = APIRouter(route_class=DishkaRoute)

    @router.get("/orders/{order_id}")
    async def show(order_id: int, orders: FromDishka[Orders]) -> Response:
        return PlainTextResponse(orders.show(order_id))

    app = _application(router)
    setup_dishka(dishka.make_async_container(trees.dishka_provider(dishka.Scope.REQUEST)), app)
    return app


def with_wireup() -> FastAPI:
    router = APIRouter()

    @router.get("/orders/{order_id}")
    async def show(order_id: int, orders: wireup.Injected[Orders]) -> Response:
        return PlainTextResponse(orders.show(order_id))

    app = _application(router)
    wireup.integration.fastapi.setup(wireup.create_async_container(injectables=trees.wireup_injectables()), app)
    return app


def with_that_depends() -> FastAPI:
    router, resolve = APIRouter(), trees.that_depends_provider()

    @router.get("/orders/{order_id}")
    async def show(order_id: int, orders: Orders = Depends(resolve)) -> Response:  # noqa: B008, FAST002 - the same
        return PlainTextResponse(orders.show(order_id))

    return _application(router)


def _application(router: APIRouter) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.include_router(router)
    return app


async def requests(ours: Callable[[], FastAPI], theirs: Callable[[], FastAPI]) -> float:
    """How long a request takes by injection, by how long it takes otherwise: calls of the application, no server."""
    apps = {each.__name__: each() for each in (ours, theirs)}
    for app in apps.values():
        assert await _call(app) == [200, b"order 7"]
    return await ratio({name: partial(_round, app) for name, app in apps.items()}, rounds=_ROUNDS, unit="µs")


async def _round(app: FastAPI) -> float:
    begun = time.perf_counter()
    for _ in range(_REQUESTS):
        await app(_scope(), _receive, _ignore)
    return (time.perf_counter() - begun) / _REQUESTS


def _scope() -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": _PATH,
        "raw_path": _PATH.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _ignore(_: Any) -> None: ...


async def _call(app: FastAPI) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message.get("status", message.get("body")))

    await app(_scope(), _receive, send)
    return sent


async def read_endpoint() -> float:
    """Requests per second of `GET /users/{id}`: the reference application, by FastAPI and asyncpg.Pool by hand.

    Each serves in a process of its own, and is loaded in turns by another process over connections that stay open.
    """
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(server())
        # The reference application makes the schema that both read.
        ours = await stack.enter_async_context(_serving("poolhouse", dsn))
        connection = await asyncpg.connect(dsn)
        user: int = await connection.fetchval(
            "INSERT INTO users.users (email, name) VALUES ('ada@example.org', 'Ada') RETURNING id"
        )
        await connection.close()
        theirs = await stack.enter_async_context(_serving("by_hand", dsn))
        both = {"poolhouse": ours, "fastapi_asyncpg": theirs}
        bodies = {name: await _body(port, user) for name, port in both.items()}
        assert bodies["poolhouse"] == bodies["fastapi_asyncpg"], bodies
        contenders = {name: partial(_load, port, f"/users/{user}") for name, port in both.items()}
        return await ratio(contenders, rounds=9, unit="/s")


@asynccontextmanager
async def _serving(which: str, dsn: str) -> AsyncIterator[int]:
    command = (sys.executable, "-m", "benchmarks.http_server", which, dsn)
    process = await subprocess.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield int(await asyncio.wait_for(process.stdout.readline(), 60))
    finally:
        process.terminate()
        await process.wait()


async def _load(port: int, path: str) -> float:
    command = (sys.executable, "-m", "benchmarks.http_load", str(port), path, str(_CONNECTIONS), str(_SECONDS))
    process = await subprocess.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return float(printed)


async def _body(port: int, user: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /users/{user} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 200 " in head.partition(b"\r\n")[0], answer
    return body


def _against(theirs: Callable[[], FastAPI], *, at_most: float | None = None) -> Benchmark:
    return Benchmark(partial(requests, injected, theirs), at_most=at_most, processes=3)


BENCHMARKS = {
    "http.injected.vs_closure": _against(closure, at_most=1.05),
    "http.injected.vs_dishka": _against(with_dishka, at_most=0.8),
    "http.injected.vs_wireup": _against(with_wireup),
    "http.injected.vs_that_depends": _against(with_that_depends),
    "http.injected.vs_depends": _against(depends),
    "http.read_endpoint.vs_fastapi_asyncpg": Benchmark(read_endpoint, at_least=1.2, uvloop=True),
}

"""`GET /users/{id}`, served by uvicorn in this process: `python -m benchmarks.http_server poolhouse|by_hand DSN`.

Prints its port as soon as it serves, and stops on SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import asynccontextmanager
from datetime import datetime  # noqa: TC003 - pydantic reads it from annotations
from typing import TYPE_CHECKING

import asyncpg
import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from app.main import routers
from app.settings import Settings
from benchmarks.contenders import CONNECTIONS
from containers.application import ApplicationContainer
from poolhouse.integrations.fastapi import create_application

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class User(BaseModel):
    id: int
    email: str
    name: str
    created_at: datetime


def poolhouse(dsn: str) -> FastAPI:
    os.environ["APP_DATABASE__DSN"] = dsn
    os.environ["APP_DATABASE__MIN_SIZE"] = os.environ["APP_DATABASE__MAX_SIZE"] = str(CONNECTIONS)
    container = ApplicationContainer(settings=Settings())
    container.freeze()
    return create_application(container, *routers)


def by_hand(dsn: str) -> FastAPI:
    pool: asyncpg.Pool

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        nonlocal pool
        async with asyncpg.create_pool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/users/{user_id}")
    async def show(user_id: int) -> User:
        row = await pool.fetchrow("SELECT id, email, name, created_at FROM users.users WHERE id = $1", user_id)
        if row is None:
            raise HTTPException(404, "There is no such user.")
        return User(**row)

    return app


async def main(which: str, dsn: str) -> None:
    app = {"poolhouse": poolhouse, "by_hand": by_hand}[which](dsn)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, loop="uvloop", http="httptools", log_level="warning", access_log=False)
    serving = uvicorn.Server(config)
    task = asyncio.create_task(serving.serve(sockets=[listener]))
    while not serving.started:
        await asyncio.wait((task,), timeout=0.01)
        if task.done():
            break
    print(listener.getsockname()[1], flush=True)
    await task


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(*sys.argv[1:]))

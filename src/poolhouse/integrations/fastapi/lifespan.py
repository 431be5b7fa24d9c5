"""The container's lifecycle as the application's."""

from __future__ import annotations

from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from fastapi import FastAPI

    from poolhouse.container import Container
    from poolhouse.integrations.fastapi.health import Readiness


def lifespan(
    container: Container,
    *,
    inner: Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any] | None]] | None = None,
    readiness: Readiness | None = None,
) -> Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]:
    """Start the container before the first request and stop it after the last, for `FastAPI(lifespan=...)`.

    `inner` is a lifespan of your own: it runs while everything in the container is started, and its state
    is the only state that requests see. `readiness` is opened after the start, and closed before anything
    stops. A start that fails is rolled back by the container and raised to the server.
    """

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncGenerator[Mapping[str, Any]]:
        await container.init_resources()
        try:
            async with inner(app) if inner else nullcontext() as state:
                if readiness:
                    readiness.open()
                try:
                    yield state or {}
                finally:
                    if readiness:
                        readiness.close()
        finally:
            await container.shutdown_resources()

    return run

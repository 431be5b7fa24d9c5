"""The container of an application in the context of its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from poolhouse.container.injecting import Resolving, injecting_container

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from poolhouse.container import Container


class Injecting:
    """Lets a container inject into functions marked with `inject` that requests and WebSockets call.

    A middleware, since background tasks run after the endpoint, and in the same call of the application.
    """

    def __init__(self, app: ASGIApp, container: Container) -> None:
        self._app = app
        self._container = cast("Resolving", container)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        token = injecting_container.set(self._container)
        try:
            await self._app(scope, receive, send)
        finally:
            injecting_container.reset(token)

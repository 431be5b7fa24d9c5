"""An id for each request, in the log and in the response."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from poolhouse.logs import in_request

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADER = b"x-request-id"
# What came from outside goes into the log: nothing that could be taken for another line, or fill it.
_ACCEPTABLE = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


class RequestIds:
    """ASGI middleware: `X-Request-ID` of the request, or a new id, is named by all that is logged in its course.

    The response has the same header. One that is longer than 128 bytes, or has anything but letters, digits and
    `._:/+=-`, is replaced. Add it with `web.add_middleware(RequestIds)`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = _given(scope) or uuid.uuid4().hex

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [each for each in message.get("headers", ()) if each[0].lower() != _HEADER]
                message = {**message, "headers": [*headers, (_HEADER, request_id.encode())]}
            await send(message)

        with in_request(request_id):
            await self._app(scope, receive, send_with_id)


def _given(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == _HEADER and _ACCEPTABLE.fullmatch(value):
            return str(value, "ascii")
    return None

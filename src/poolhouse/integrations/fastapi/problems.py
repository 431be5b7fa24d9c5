"""Every error of an application as a problem (RFC 9457, `application/problem+json`).

| raised                                                             | answered                       |
|--------------------------------------------------------------------|--------------------------------|
| an exception that the router declares with `problems=`             | its status                     |
| HTTPException; no such path, or no such method at it               | its status, with its headers   |
| RequestValidationError                                             | 422 with `errors`              |
| PoolExhaustedError, PoolStateError, ServerUnavailableError,        |                                |
| ServiceRolesBusyError, ConnectionLostError,                        |                                |
| TransactionRollbackError, LockNotAvailableError                    | 503 with Retry-After           |
| QueryTimeoutError                                                  | 504                            |
| IntegrityConstraintViolationError                                  | 409                            |
| DataError                                                          | 422                            |
| anything else                                                      | 500                            |

The errors of the database in this table were not foreseen by the service, so they are logged as warnings. They are
not 500 because it is the request, or the moment, that is at fault: text with NUL in it, a number past the column's
range, a row that another request wrote first. A service that can say more declares an exception of its own.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from fastapi import Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from starlette.exceptions import HTTPException

from poolhouse.errors import (
    ConnectionLostError,
    DataError,
    IntegrityConstraintViolationError,
    LockNotAvailableError,
    PoolExhaustedError,
    PoolhouseError,
    PoolStateError,
    QueryTimeoutError,
    ServerUnavailableError,
    ServiceRolesBusyError,
    TransactionRollbackError,
)
from poolhouse.integrations.fastapi._invalid_input import invalid_inputs
from poolhouse.integrations.fastapi._openapi import describe_errors, problem_responses
from poolhouse.integrations.fastapi._problem import InvalidInput, Problem, path_of, problem_of, title_of

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ExceptionHandler

__all__ = ["InvalidInput", "Problem", "install_problem_details", "problem_responses"]

_logger = logging.getLogger(__name__)

_POLICY_VIOLATION, _INTERNAL_ERROR, _TRY_AGAIN_LATER = 1008, 1011, 1013  # codes of closing a WebSocket


@dataclass(frozen=True, slots=True)
class _Answer:
    """How an error of poolhouse is answered; the error's own message is for the log."""

    status: int
    detail: str
    retry_after: int | None = None

    async def respond(self, connection: Request | WebSocket, error: Exception) -> Response | None:
        _logger.warning("%s is answered with %d: %s", path_of(connection), self.status, error)
        if isinstance(connection, WebSocket):
            await connection.close(_TRY_AGAIN_LATER if self.retry_after else _INTERNAL_ERROR, self.detail)
            return None
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after else None
        return problem_of(connection, self.status, self.detail, headers=headers)


# Connections and locks come free within a second; servers and pools need longer to come back.
_BUSY = _Answer(503, "The database is busy; try again.", retry_after=1)
_UNAVAILABLE = _Answer(503, "The database cannot be used at the moment; try again later.", retry_after=5)
_ANSWERS: dict[type[PoolhouseError], _Answer] = {
    PoolExhaustedError: _BUSY,
    TransactionRollbackError: _BUSY,
    LockNotAvailableError: _BUSY,
    ServiceRolesBusyError: _BUSY,
    PoolStateError: _UNAVAILABLE,
    ServerUnavailableError: _UNAVAILABLE,
    ConnectionLostError: _UNAVAILABLE,
    QueryTimeoutError: _Answer(504, "The database did not answer in time."),
    IntegrityConstraintViolationError: _Answer(409, "The request conflicts with what is stored."),
    DataError: _Answer(422, "The request holds a value that cannot be stored."),
}


def install_problem_details(app: FastAPI) -> None:
    """Make an application answer every error with a problem, and describe them so in its OpenAPI.

    It replaces the handlers that FastAPI comes with; add handlers of your own afterwards. An unhandled
    exception is answered with 500 and nothing of its text, and raised on to the server, which logs it.
    """
    # Starlette calls one handler for requests and for WebSockets, but its types know only one or the other.
    app.add_exception_handler(HTTPException, cast("ExceptionHandler", _on_http_exception))
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(WebSocketRequestValidationError, _on_invalid_websocket)
    app.add_exception_handler(Exception, _on_unhandled)
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, cast("ExceptionHandler", answer.respond))
    describe_errors(app)


async def _on_http_exception(connection: Request | WebSocket, error: Exception) -> Response | None:
    raised = cast(HTTPException, error)
    if isinstance(connection, WebSocket):
        await connection.close(_POLICY_VIOLATION, title_of(raised.status_code))
        return None
    if raised.status_code < 200 or raised.status_code in (204, 205, 304):  # these may not have a body
        return Response(status_code=raised.status_code, headers=raised.headers)
    return problem_of(connection, raised.status_code, str(raised.detail), headers=raised.headers)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    errors = invalid_inputs(cast(RequestValidationError, error).errors())
    return problem_of(request, 422, "The request is not valid; errors says where.", errors=errors)


async def _on_invalid_websocket(websocket: WebSocket, error: Exception) -> None:
    errors = invalid_inputs(cast(WebSocketRequestValidationError, error).errors())
    # A close frame has room for 123 bytes of reason.
    await websocket.close(_POLICY_VIOLATION, "; ".join(f"{e.location}: {e.message}" for e in errors)[:120])


async def _on_unhandled(request: Request, _: Exception) -> Response:
    return problem_of(request, 500, "The server failed; the failure has been logged.")

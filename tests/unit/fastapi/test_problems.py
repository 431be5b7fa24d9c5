from __future__ import annotations

import logging
from typing import Annotated
from uuid import UUID  # noqa: TC003 - FastAPI reads it from annotations

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Query, WebSocket
from pydantic import BaseModel, ValidationError

from poolhouse.errors import (
    CheckViolationError,
    ConnectionLostError,
    DataError,
    ForeignKeyViolationError,
    LockNotAvailableError,
    PoolExhaustedError,
    PoolhouseError,
    PoolStateError,
    QueryTimeoutError,
    ServerUnavailableError,
    TransactionRollbackError,
    UniqueViolationError,
    UsageError,
    WiringError,
)
from poolhouse.integrations.fastapi import Problem, install_problem_details, problem_responses

SECRET = "s3cret-schema"


class Line(BaseModel):
    sku: str
    quantity: int


class Order(BaseModel):
    user: UUID
    lines: list[Line]


def app_raising(error: Exception) -> FastAPI:
    app = FastAPI()
    install_problem_details(app)

    @app.get("/orders/{name}")
    async def show(name: str) -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (PoolExhaustedError(service=SECRET, waited=1, holders=(SECRET,), max_size=1), 503, "1"),
        (TransactionRollbackError(SECRET), 503, "1"),
        (LockNotAvailableError(SECRET), 503, "1"),
        (PoolStateError(SECRET), 503, "5"),
        (ServerUnavailableError(SECRET, address=SECRET, remedy=SECRET), 503, "5"),
        (ConnectionLostError(SECRET), 503, "5"),
        (QueryTimeoutError(SECRET), 504, None),
        (UniqueViolationError(SECRET), 409, None),
        (ForeignKeyViolationError(SECRET), 409, None),
        (CheckViolationError(SECRET), 409, None),
        (DataError(SECRET), 422, None),
        (UsageError(SECRET), 500, None),
        (WiringError(SECRET), 500, None),
        (KeyError(SECRET), 500, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_an_error_is_a_problem_of_its_status_without_internals(client_of, error, status, retry_after):
    answer = await client_of(app_raising(error)).get("/orders/7")
    problem = Problem.model_validate_json(answer.content)
    assert (answer.status_code, problem.status, answer.headers.get("retry-after")) == (status, status, retry_after)
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text


async def test_every_retryable_error_is_answered_with_503(client_of):
    from poolhouse import errors

    retryable = [
        kind
        for name in errors.__all__
        if getattr(kind := getattr(errors, name), "retryable", False) and issubclass(kind, PoolhouseError)
    ]
    handlers = app_raising(KeyError()).exception_handlers
    assert retryable
    assert [kind for kind in retryable if not set(kind.__mro__) & {*handlers} - {Exception}] == []


async def test_the_cause_of_an_answer_is_logged_where_it_is_not_shown(client_of, caplog):
    with caplog.at_level(logging.WARNING):
        await client_of(app_raising(UniqueViolationError("duplicate key", constraint="users_email_key"))).get(
            "/orders/7"
        )
    assert "/orders/7 is answered with 409: duplicate key" in caplog.text


async def test_a_line_break_in_the_path_does_not_forge_a_line_of_the_log(client_of, caplog):
    with caplog.at_level(logging.WARNING):
        await client_of(app_raising(PoolStateError("closed"))).get("/orders/a%0Ab")
    assert "/orders/a%0Ab is answered" in caplog.text


async def test_an_unhandled_exception_reaches_the_server_too():
    transport = httpx.ASGITransport(app_raising(KeyError("x")), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        with pytest.raises(KeyError):
            await client.get("/orders/7")


async def test_an_http_exception_keeps_its_status_detail_and_headers(client_of):
    error = HTTPException(401, "Who are you?", headers={"WWW-Authenticate": "Bearer"})
    answer = await client_of(app_raising(error)).get("/orders/7")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "Who are you?",
        "instance": "/orders/7",
    }


async def test_a_status_without_a_body_stays_without(client_of):
    answer = await client_of(app_raising(HTTPException(304))).get("/orders/7")
    assert (answer.status_code, answer.content) == (304, b"")


async def test_a_status_that_nobody_has_named_is_a_problem_too(client_of):
    answer = await client_of(app_raising(HTTPException(499, "gone"))).get("/orders/7")
    assert (answer.json()["title"], answer.json()["detail"]) == ("Error", "gone")


async def test_an_unknown_path_is_a_problem(client_of):
    answer = await client_of(app_raising(KeyError())).get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["instance"] == "/nowhere"


async def test_a_method_that_is_not_allowed_says_which_are(client_of):
    answer = await client_of(app_raising(KeyError())).delete("/orders/7")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json()["title"] == "Method Not Allowed"


def shop() -> FastAPI:
    app = FastAPI()
    install_problem_details(app)

    @app.post("/orders")
    async def place(order: Order, limit: Annotated[int, Query(ge=1)] = 1) -> Order:
        return order

    return app


async def test_an_invalid_request_says_where_and_what(client_of):
    lines = [{"sku": "a", "quantity": "many"}, {"quantity": 1}]
    answer = await client_of(shop()).post("/orders?limit=0", json={"user": "zzz-zzz", "lines": lines})
    assert answer.status_code == 422
    assert [error["location"] for error in answer.json()["errors"]] == [
        "/query/limit",
        "/body/user",
        "/body/lines/0/quantity",
        "/body/lines/1/sku",
    ]
    assert "zzz" not in answer.text
    assert "many" not in answer.text


async def test_a_body_that_is_not_json_says_at_which_character(client_of):
    answer = await client_of(shop()).post(
        "/orders", content='{"user": x}', headers={"content-type": "application/json"}
    )
    assert answer.json()["errors"] == [{"location": "/body", "message": "JSON decode error at character 9"}]


@pytest.mark.parametrize("body", [r'{"user": "\ud800", "lines": []}', r'{"user": "\u0000", "lines": [{"\udfff": 1}]}'])
async def test_half_a_surrogate_pair_and_nul_are_answered_like_any_invalid_input(client_of, body):
    answer = await client_of(shop()).post("/orders", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert Problem.model_validate_json(answer.content).errors


async def test_a_detail_that_is_not_text_in_utf8_is_made_so(client_of):
    answer = await client_of(app_raising(HTTPException(404, "no \ud800 here\x00"))).get("/orders/7")
    assert answer.json()["detail"] == "no ? here\x00"


async def test_a_path_that_is_not_text_in_utf8_is_a_legal_instance(client_of):
    answer = await client_of(app_raising(KeyError())).get("/nowhere/%FF%00%22")
    assert answer.status_code == 404
    assert answer.json()["instance"].isascii()
    assert answer.json()["instance"].endswith("%00%22")


def test_openapi_describes_every_error_as_a_problem():
    schema = shop().openapi()
    operation = schema["paths"]["/orders"]["post"]
    errors = {status: response for status, response in operation["responses"].items() if status != "200"}
    assert set(errors) == {"422", "503", "default"}
    for response in errors.values():
        assert response["content"] == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert "Retry-After" in errors["503"]["headers"]
    assert set(schema["components"]["schemas"]) == {"InvalidInput", "Line", "Order", "Problem"}


def test_openapi_is_the_same_when_asked_for_twice():
    app = shop()
    assert app.openapi() == app.openapi()


def test_routes_added_later_are_described_too():
    app = shop()
    app.openapi()

    @app.get("/later")
    async def later(limit: int) -> None: ...

    assert "application/problem+json" in app.openapi()["paths"]["/later"]["get"]["responses"]["422"]["content"]


def test_an_operation_that_declares_default_is_left_as_it_is():
    app = FastAPI()
    install_problem_details(app)

    @app.get("/", responses={"default": {"description": "Mine"}, **problem_responses(404)})
    async def show() -> None: ...

    responses = app.openapi()["paths"]["/"]["get"]["responses"]
    assert set(responses) == {"200", "404", "default"}
    assert responses["default"] == {"description": "Mine"}


def test_a_problem_has_the_status_of_an_error():
    with pytest.raises(ValidationError):
        Problem(title="OK", status=200, detail="", instance="/")


def talking() -> FastAPI:
    app = FastAPI()
    install_problem_details(app)

    @app.websocket("/{what}")
    async def talk(websocket: WebSocket, what: str, limit: int = 1) -> None:
        if what == "refused":
            raise HTTPException(403)
        await websocket.accept()
        raise PoolStateError(SECRET)

    return app


@pytest.mark.parametrize(
    ("path", "code", "reason"),
    [
        ("/refused", 1008, "Forbidden"),
        ("/invalid?limit=many", 1008, "/query/limit: Input should be a valid integer"),
        ("/accepted", 1013, "The database cannot be used"),
    ],
)
async def test_an_error_closes_a_websocket_with_a_reason(sent_to_websocket, path, code, reason):
    *_, last = await sent_to_websocket(talking(), path)
    assert (last["type"], last["code"]) == ("websocket.close", code)
    assert last["reason"].startswith(reason)
    assert "many" not in last["reason"]

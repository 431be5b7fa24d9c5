"""Routes with a transaction for each request: when it is committed or rolled back, and what is answered then."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, HTTPException, Response, UploadFile, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse

from poolhouse.container import Injected, InTransaction, Transactional
from poolhouse.errors import TransactionRollbackError, UniqueViolationError, Violations
from poolhouse.integrations.fastapi import Router, create_application
from poolhouse.pool import SharedPool  # noqa: TC001 - the annotation is evaluated
from tests.integration.units.conftest import Ledger, Notes

ONLY_FAULTS = range(500, 600)


class RefusedError(Exception):
    """It is refused."""


router = Router(problems={RefusedError: 422})


@router.post("/notes")
async def add(text: str, notes: Transactional[Notes]) -> list[str]:
    await notes.add(text)
    return await notes.texts()


async def answer(text: str, notes: Notes, how: str, response: Response) -> Any:
    """Add a note, and answer with an error in one of the ways in which that can be done."""
    await notes.add(text)
    match how:
        case "returned":
            return JSONResponse({}, 409)
        case "set":
            response.status_code = 409
        case "raised":
            raise HTTPException(409)
        case "declared":
            raise RefusedError
        case "unforeseen":
            raise ValueError("s3cret")
    return None


@router.post("/answers/{how}")
async def answer_with_an_error(text: str, notes: Transactional[Notes], how: str, response: Response) -> Any:
    return await answer(text, notes, how, response)


@router.post("/kept/{how}")
async def answer_and_keep(
    text: str, notes: Annotated[Notes, InTransaction(rollback_on=ONLY_FAULTS)], how: str, response: Response
) -> Any:
    return await answer(text, notes, how, response)


@router.post("/twice/{how}")
async def fail_to_commit(
    text: str, notes: Annotated[Notes, InTransaction(rollback_on=ONLY_FAULTS)], how: str, response: Response
) -> Any:
    await notes.add_twice(text)
    return await answer(text, notes, how, response)


@router.post("/both")
async def add_both(text: str, notes: Transactional[Notes], ledger: Transactional[Ledger]) -> None:
    await notes.add(text)
    await ledger.add(text)


@router.get("/streamed")
async def stream(notes: Transactional[Notes]) -> StreamingResponse:
    is_inside = await notes.is_in_transaction()

    async def lines():
        yield f"{is_inside} "
        yield f"{await notes.is_in_transaction()}"

    return StreamingResponse(lines())


@pytest.fixture
def client_of(application):
    def client(*routers):
        web = create_application(application, *(routers or (router,)))
        transport = httpx.ASGITransport(web, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://test")

    return client


# Committed


async def test_what_a_request_did_is_committed_before_its_answer_is_sent(application, outside):
    web = create_application(application, router)
    seen = []

    async def send(message):
        seen.append((message["type"], await outside.texts()))

    async def receive():
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "method": "POST", "path": "/notes", "query_string": b"text=one", "headers": []}
    await web({**scope, "root_path": "", "http_version": "1.1"}, receive, send)
    assert seen[0] == ("http.response.start", ["one"])


async def test_all_of_the_services_statements_are_in_it(client_of, outside):
    async with client_of() as client:
        for text in ("one", "two"):
            last = await client.post("/notes", params={"text": text})
    assert last.json() == ["one", "two"]
    assert await outside.transactions() == 0


async def test_two_services_have_two_transactions(client_of, outside):
    async with client_of() as client:
        assert (await client.post("/both", params={"text": "x"})).status_code == 200
    assert (await outside.texts(), await outside.texts("ledger")) == (["x"], ["x"])


async def test_openapi_knows_nothing_of_it(application):
    schema = create_application(application, router).openapi()
    (parameter,) = schema["paths"]["/notes"]["post"]["parameters"]
    assert parameter["name"] == "text"


# Rolled back

STATUSES = {"returned": 409, "set": 409, "raised": 409, "declared": 422, "unforeseen": 500}


@pytest.mark.parametrize(("how", "status"), STATUSES.items())
async def test_an_error_rolls_back_however_it_is_answered(client_of, outside, how, status):
    async with client_of() as client:
        answered = await client.post(f"/answers/{how}", params={"text": "one"})
    assert (answered.status_code, await outside.texts()) == (status, [])
    assert "s3cret" not in answered.text


@pytest.mark.parametrize(("how", "status"), STATUSES.items())
async def test_a_route_chooses_which_answers_roll_back(client_of, outside, how, status):
    async with client_of() as client:
        answered = await client.post(f"/kept/{how}", params={"text": "one"})
    assert (answered.status_code, await outside.texts()) == (status, [] if status == 500 else ["one"])


@pytest.mark.parametrize("how", ["well", "returned", "raised"])
async def test_a_commit_that_fails_is_what_is_answered(client_of, outside, how):
    async with client_of() as client:
        answered = await client.post(f"/twice/{how}", params={"text": "one"})
    assert answered.status_code == 409
    assert answered.json()["detail"] == "The request conflicts with what is stored."
    assert await outside.texts() == []


async def test_a_commit_that_fails_is_answered_as_the_router_declares(client_of):
    declaring = Router(problems={UniqueViolationError: 418})
    declaring.add_api_route("/", fail_to_commit, methods=["POST"])
    async with client_of(declaring) as client:
        assert (await client.post("/", params={"text": "one", "how": "well"})).status_code == 418


async def test_a_request_that_is_cancelled_is_rolled_back(application, outside):
    added = asyncio.Event()
    waiting = Router()

    @waiting.post("/")
    async def wait(notes: Transactional[Notes]) -> None:
        await notes.add("one")
        added.set()
        await asyncio.Event().wait()

    transport = httpx.ASGITransport(create_application(application, waiting))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        request = asyncio.create_task(client.post("/"))
        await added.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
    async with asyncio.timeout(5):
        while await outside.transactions():  # noqa: ASYNC110 - it is rolled back after the connection was given back
            await asyncio.sleep(0.001)
    assert await outside.texts() == []


# Again


class Conflict:
    """Makes the first attempts of a route lose against another transaction, on what they have read."""

    def __init__(self, times, outside):
        self.left = times
        self.calls = 0
        self._outside = outside

    async def meet(self, notes):
        self.calls += 1
        count = len(await notes.texts())
        if self.left:
            self.left -= 1
            db = notes.db
            await asyncio.create_task(_conflicting(db))
        await notes.add(f"after {count}")


async def _conflicting(db):
    """Read what the other transaction will write, and write what it has read; serially, that cannot be."""
    async with db.transaction(isolation="serializable"):
        count = await db.fetchval("SELECT count(*) FROM {{tables.notes}}")
        await db.execute("INSERT INTO {{tables.notes}} (text) VALUES ($1)", f"other after {count}")


def retrying(conflict, retries, problems=None):
    again = Router(problems=problems)

    async def meet(notes) -> None:
        await conflict.meet(notes)

    async def upload(file: UploadFile, notes) -> str:
        content = (await file.read()).decode()
        await conflict.meet(notes)
        return content

    for path, endpoint in {"/": meet, "/files": upload}.items():
        endpoint.__annotations__["notes"] = Annotated[Notes, InTransaction(isolation="serializable", retries=retries)]
        again.add_api_route(path, endpoint, methods=["POST"])
    return again


async def test_without_retries_a_conflict_is_answered_with_503(client_of, outside):
    conflict = Conflict(1, outside)
    async with client_of(retrying(conflict, 0)) as client:
        assert (await client.post("/")).status_code == 503
    assert (conflict.calls, await outside.texts()) == (1, ["other after 0"])


async def test_with_retries_the_request_is_answered_again_in_another_scope(client_of, outside):
    conflict = Conflict(2, outside)
    async with client_of(retrying(conflict, 2)) as client:
        assert (await client.post("/")).status_code == 200
    assert conflict.calls == 3
    assert await outside.texts() == ["other after 0", "other after 1", "after 2"]


async def test_a_status_that_is_declared_for_conflicts_is_answered_after_the_last_retry(client_of, outside):
    conflict = Conflict(2, outside)
    async with client_of(retrying(conflict, 1, {TransactionRollbackError: 418})) as client:
        assert ((await client.post("/")).status_code, conflict.calls) == (418, 2)
        assert ((await client.post("/")).status_code, conflict.calls) == (200, 3)


async def test_after_the_last_retry_the_conflict_is_answered(client_of, outside):
    conflict = Conflict(2, outside)
    async with client_of(retrying(conflict, 1)) as client:
        assert (await client.post("/")).status_code == 503
    assert conflict.calls == 2


async def test_a_file_that_was_uploaded_is_read_anew(client_of, outside):
    conflict = Conflict(1, outside)
    async with client_of(retrying(conflict, 1)) as client:
        answered = await client.post("/files", files={"file": ("a.txt", b"content")})
    assert (answered.json(), conflict.calls) == ("content", 2)


@pytest.mark.parametrize("closes", ["function", "request"])
async def test_dependencies_are_closed_before_a_request_is_answered_again(client_of, outside, closes):
    conflict = Conflict(1, outside)
    journal = []

    async def session():
        number = conflict.calls
        try:
            yield
        except TransactionRollbackError as error:
            journal.append(f"rolled back {number}")
            raise HTTPException(409) from error
        finally:
            journal.append(f"close {number} after {conflict.calls}")

    again = retrying(conflict, 1)
    again.registrations[0].options["dependencies"] = [Depends(session, scope=closes)]
    async with client_of(again) as client:
        assert (await client.post("/")).status_code == 200
    assert journal == ["rolled back 0", "close 0 after 1", "close 1 after 2"]


async def test_what_a_dependency_makes_of_a_conflict_is_answered_after_the_last_retry(client_of, outside):
    conflict = Conflict(2, outside)

    async def session():
        try:
            yield
        except TransactionRollbackError as error:
            raise HTTPException(418) from error

    again = retrying(conflict, 1)
    again.registrations[0].options["dependencies"] = [Depends(session)]
    async with client_of(again) as client:
        assert (await client.post("/")).status_code == 418
    assert conflict.calls == 2


def test_one_of_two_transactions_cannot_be_run_again(application):
    twice = Router()

    @twice.post("/")
    async def both(notes: Annotated[Notes, InTransaction(retries=3)], ledger: Transactional[Ledger]) -> None: ...

    with pytest.raises(Violations, match="cannot be run again beside another"):
        twice.bind(application)


# Where there is none


async def test_a_response_that_is_streamed_is_so_after_the_commit(client_of):
    async with client_of() as client:
        assert (await client.get("/streamed")).text == "True False"


async def streamed(notes: Transactional[Notes]):
    yield "x"


def plain(notes: Transactional[Notes]) -> None: ...


async def websocket(socket: WebSocket, notes: Transactional[Notes]) -> None: ...


@pytest.mark.parametrize(
    ("add", "endpoint", "why"),
    [
        ("add_api_route", streamed, "begins before a transaction could be committed"),
        ("add_api_route", plain, "cannot use its service's transaction"),
        ("add_api_websocket_route", websocket, "would last, and hold a connection, as long as the WebSocket"),
    ],
)
def test_where_a_transaction_makes_no_sense_the_route_cannot_be_bound(application, add, endpoint, why):
    wrong = Router()
    getattr(wrong, add)("/", endpoint)
    with pytest.raises(Violations, match=why):
        wrong.bind(application)


def test_an_object_without_a_schema_manager_is_told_when_the_route_is_bound(application):
    wrong = Router()

    @wrong.get("/")
    async def read(it: Annotated[SharedPool, InTransaction("pool")]) -> None: ...

    with pytest.raises(Violations, match=r"read\(it\).*pool has no schema manager"):
        wrong.bind(application)


async def test_a_fake_in_the_place_of_the_service_needs_no_database(application, client_of, outside):
    class Fake:
        async def add(self, _):
            assert await outside.transactions() == 0

        async def texts(self):
            return ["of the fake"]

    async with client_of() as client:
        with application.notes.service.override(Fake()):
            assert (await client.post("/notes", params={"text": "x"})).json() == ["of the fake"]
        assert (await client.post("/notes", params={"text": "x"})).json() == ["x"]


async def test_without_a_transaction_nothing_is_rolled_back(client_of, outside):
    loose = Router()

    @loose.post("/")
    async def add_and_refuse(notes: Injected[Notes]) -> None:
        await notes.add("kept")
        raise HTTPException(409)

    async with client_of(loose) as client:
        await client.post("/")
    assert await outside.texts() == ["kept"]

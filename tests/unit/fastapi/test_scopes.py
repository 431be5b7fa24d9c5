"""Objects that live as long as a request, a stream or a WebSocket, in the routes that ask for them."""

from __future__ import annotations

import asyncio
from typing import Annotated

import pytest
from dependency_injector import providers
from fastapi import Depends, HTTPException, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

from poolhouse.container import Container, Inject, Injected, Scoped
from poolhouse.errors import UnfinishedWorkError, Violations
from poolhouse.integrations.fastapi import Router, create_application


class Journal(list[str]):
    """What happened, in order."""


class Session:
    def __init__(self, journal):
        self.journal = journal
        self.is_open = False


async def open_session(journal: Journal):
    session = Session(journal)
    session.is_open = True
    journal.append("open")
    try:
        yield session
    except BaseException as error:
        journal.append(f"error {type(error).__name__}")
        raise
    finally:
        session.is_open = False
        journal.append("close")


class Service:
    def __init__(self, session: Session) -> None:
        self.session = session


class Application(Container):
    drain_timeout = 0.01
    journal = providers.Singleton(Journal)
    session = Scoped(open_session, journal)
    service = providers.Factory(Service, session)


router = Router()
Own = Annotated[Session, Inject("session")]


@router.get("/same")
async def same(service: Injected[Service], session: Own) -> bool:
    return service.session is session and session.is_open


@router.get("/thread")
def thread(service: Injected[Service], session: Own) -> bool:
    return service.session is session and session.is_open


@router.get("/error")
async def error(session: Own) -> None:
    raise HTTPException(418)


@router.get("/streamed")
async def streamed(session: Own) -> StreamingResponse:
    async def body():
        yield str(session.is_open)

    return StreamingResponse(body())


@router.get("/items")
async def items(session: Own):
    yield session.is_open
    yield session.is_open


@router.websocket("/chat")
async def chat(socket: WebSocket, session: Own) -> None:
    await socket.accept()
    try:
        while True:
            await socket.receive_text()
            await socket.send_json(session.is_open)
    except WebSocketDisconnect:
        session.journal.append("disconnect")


@pytest.fixture
async def application():
    async with Application() as application:
        yield application


@pytest.fixture
def client(application, client_of):
    return client_of(create_application(application, router))


@pytest.mark.parametrize("path", ["/same", "/thread"])
async def test_a_request_has_one_object_that_all_of_its_services_share(client, application, path):
    for _ in range(2):
        assert (await client.get(path)).json() is True
    assert application.journal() == ["open", "close"] * 2


async def test_requests_at_the_same_time_have_objects_of_their_own(application, client_of):
    met = asyncio.Barrier(3)
    meeting = Router()

    @meeting.get("/")
    async def meet(service: Injected[Service], session: Own) -> int:
        await met.wait()
        assert service.session is session
        return id(session)

    client = client_of(create_application(application, meeting))
    answers = await asyncio.gather(*(client.get("/") for _ in range(3)))
    assert len({answer.json() for answer in answers}) == 3


async def test_what_is_closed_is_told_the_error_of_the_request(client, application):
    assert (await client.get("/error")).status_code == 418
    assert application.journal() == ["open", "error HTTPException", "close"]


async def test_a_failure_to_close_is_answered_since_nothing_was_sent(application, client_of):
    async def failing():
        yield
        raise ValueError("s3cret")

    with application.session.override(Scoped(failing)):
        client = client_of(create_application(application, router))
        assert (await client.get("/error")).status_code == 418
        answered = await client.get("/streamed")
    assert answered.status_code == 500
    assert "s3cret" not in answered.text


async def test_the_body_of_a_streaming_response_is_sent_after_the_scope_has_ended(client):
    assert (await client.get("/streamed")).text == "False"


async def test_an_endpoint_that_yields_has_its_scope_until_its_last_item(client, application):
    assert (await client.get("/items")).text.split() == ["true", "true"]
    assert application.journal() == ["open", "close"]


class Socket:
    """A client of a WebSocket, as far as the application sees it."""

    def __init__(self, app, path):
        self.received = asyncio.Queue()
        self.sent = asyncio.Queue()
        scope = {"type": "websocket", "path": path, "root_path": "", "query_string": b"", "headers": []}
        self.received.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(app({**scope, "subprotocols": []}, self.received.get, self.sent.put))

    async def ask(self):
        self.received.put_nowait({"type": "websocket.receive", "text": "?"})
        return (await self.sent.get())["text"]

    async def end(self):
        self.received.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.task


async def test_a_websocket_has_its_scope_as_long_as_its_connection(application):
    socket = Socket(create_application(application, router), "/chat")
    assert (await socket.sent.get())["type"] == "websocket.accept"
    assert [await socket.ask(), await socket.ask()] == ["true", "true"]
    assert application.journal() == ["open"]
    await socket.end()
    assert application.journal() == ["open", "disconnect", "close"]


def test_a_generator_that_is_not_asynchronous_cannot_have_scoped_objects():
    wrong = Router()

    @wrong.get("/")
    def read(session: Own):
        yield 1

    with pytest.raises(Violations, match=r"read\(session\): a generator .* that is not asynchronous"):
        wrong.bind(Application())


async def session_of(session: Own) -> Session:
    return session


async def held_session(session: Own):
    yield session
    session.journal.append("dependency ends")


async def test_dependencies_share_the_objects_of_their_request(application, client_of):
    depending = Router()

    @depending.get("/", dependencies=[Depends(session_of)])
    async def read(
        own: Own, one: Annotated[Session, Depends(session_of)], two: Annotated[Session, Depends(held_session)]
    ) -> bool:
        return own is one is two

    @depending.get("/alone")
    async def read_alone(one: Annotated[Session, Depends(session_of)]) -> bool:
        return one.is_open

    @depending.get("/route", dependencies=[Depends(session_of)])
    async def read_nothing() -> bool:
        return True

    client = client_of(create_application(application, depending))
    for path in ("/", "/alone", "/route"):
        assert (await client.get(path)).json() is True
    assert application.journal() == ["open", "close", "dependency ends", *["open", "close"] * 2]


def plain_dependency(session: Own) -> None: ...


@pytest.mark.parametrize("dependency", [session_of, plain_dependency])
def test_a_dependency_without_a_scope_to_ask_cannot_be_bound(dependency):
    wrong = Router()

    @wrong.websocket("/", dependencies=[Depends(dependency)])
    async def talk(socket: WebSocket) -> None: ...

    with pytest.raises(Violations, match="cannot have objects of a scope"):
        wrong.bind(Application())
    with pytest.raises(Violations, match="cannot have objects of a scope"):
        Router(dependencies=[Depends(dependency)]).bind(Application())


async def test_an_override_of_a_scoped_object_reaches_the_next_request(client, application):
    fake = Session(application.journal())
    fake.is_open = True
    with application.session.override(fake):
        assert (await client.get("/same")).json() is True
    assert application.journal() == []


async def test_a_shutdown_that_waits_for_a_request_in_vain_names_it(client_of):
    application = Application()
    waiting = Router()
    reached, go_on = asyncio.Event(), asyncio.Event()

    @waiting.get("/orders/{order_id}")
    async def wait(order_id: int, session: Own) -> None:
        reached.set()
        await go_on.wait()

    await application.init_resources()
    client = client_of(create_application(application, waiting))
    request = asyncio.create_task(client.get("/orders/7"))
    await reached.wait()
    with pytest.raises(ExceptionGroup) as caught:
        await application.shutdown_resources()
    (late,) = caught.value.exceptions
    assert isinstance(late, UnfinishedWorkError)
    assert late.holders[0].startswith("GET /orders/{order_id} (")
    go_on.set()
    await request

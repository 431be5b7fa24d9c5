from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator  # noqa: TC003 - FastAPI reads them from annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from dependency_injector import providers
from fastapi import APIRouter, BackgroundTasks, FastAPI, Header, Query, Request, Response
from pydantic import BaseModel

from poolhouse.container import Container
from poolhouse.errors import Violations, WiringError
from poolhouse.integrations.fastapi import Inject, Injected, Router

if TYPE_CHECKING:
    from decimal import Decimal


class Greeter:
    def __init__(self, greeting: str = "hello") -> None:
        self.greeting = greeting

    def greet(self, name: str) -> str:
        return f"{self.greeting} {name}"


@dataclass
class Ledger:
    entries: int = 0


class Nobody:
    pass


class GreeterContainer(Container):
    service = providers.Factory(Greeter)


class App(Container):
    greeting = providers.Dependency(instance_of=str, default="hello")
    greeter = providers.Factory(Greeter, greeting)
    ledger = providers.Singleton(Ledger)


class Two(Container):
    first = providers.Factory(Greeter, "first")
    second = providers.Container(GreeterContainer)


class Greeting(BaseModel):
    text: str


def app_of(router: Router, container: Any = None) -> FastAPI:
    app = FastAPI()
    app.include_router(router.bind(container or App()))
    return app


def faults_of(router: Router, container: Any = None) -> list[str]:
    with pytest.raises(Violations) as raised:
        router.bind(container or App())
    assert all(isinstance(violation, WiringError) for violation in raised.value.violations)
    return [str(violation) for violation in raised.value.violations]


async def test_an_injected_parameter_is_filled_from_the_container(client_of):
    router = Router()

    @router.get("/{name}")
    async def greet(name: str, greeter: Injected[Greeter]) -> str:
        return greeter.greet(name)

    answer = await client_of(app_of(router)).get("/ann")
    assert answer.json() == "hello ann"


async def test_a_provider_can_be_named(client_of):
    router = Router()

    @router.get("/")
    async def greet(
        one: Annotated[Greeter, Inject("first")], other: Annotated[Greeter, Inject("second.service")]
    ) -> list[str]:
        return [one.greeting, other.greeting]

    answer = await client_of(app_of(router, Two())).get("/")
    assert answer.json() == ["first", "hello"]


async def test_an_override_reaches_the_next_request(client_of):
    router = Router()

    @router.get("/")
    async def greet(greeter: Injected[Greeter]) -> str:
        return greeter.greeting

    container = App()
    client = client_of(app_of(router, container))
    before = (await client.get("/")).json()
    with container.greeter.override(providers.Factory(Greeter, "fake")):
        during = (await client.get("/")).json()
    after = (await client.get("/")).json()
    assert (before, during, after) == ("hello", "fake", "hello")


async def test_one_router_serves_many_containers_side_by_side(client_of):
    router = Router()

    @router.get("/")
    async def greet(greeter: Injected[Greeter]) -> str:
        return greeter.greeting

    first, second = (client_of(app_of(router, App(greeting=greeting))) for greeting in ("one", "two"))
    answers = await asyncio.gather(*(client.get("/") for client in (first, second, first, second)))
    assert [answer.json() for answer in answers] == ["one", "two", "one", "two"]


async def test_an_asynchronous_endpoint_runs_in_the_event_loop_and_so_do_its_providers(client_of):
    threads: list[int] = []

    def build() -> Greeter:
        threads.append(threading.get_ident())
        return Greeter()

    router = Router()

    @router.get("/")
    async def greet(greeter: Injected[Greeter]) -> int:
        return threading.get_ident()

    container = App()
    container.greeter.override(providers.Callable(build))
    answer = await client_of(app_of(router, container)).get("/")
    assert threads == [answer.json()] == [threading.get_ident()]


async def test_a_synchronous_endpoint_keeps_the_thread_pool(client_of):
    router = Router()

    @router.get("/")
    def greet(greeter: Injected[Greeter]) -> int:
        return threading.get_ident()

    answer = await client_of(app_of(router)).get("/")
    assert answer.json() != threading.get_ident()


async def test_generators_stream_what_they_did_before(client_of):
    router = Router()

    @router.get("/async")
    async def count(ledger: Injected[Ledger]) -> AsyncIterator[int]:
        yield ledger.entries
        yield ledger.entries + 1

    @router.get("/sync")
    def count_down(ledger: Injected[Ledger]) -> Iterator[int]:
        yield ledger.entries
        yield ledger.entries - 1

    client = client_of(app_of(router))
    answers = [await client.get(path) for path in ("/async", "/sync")]
    assert [answer.text.split() for answer in answers] == [["0", "1"], ["0", "-1"]]


async def test_methods_of_an_object_are_endpoints_too(client_of):
    class Routes:
        async def greet(self, greeter: Injected[Greeter]) -> str:
            return greeter.greeting

    router = Router()
    router.add_api_route("/", Routes().greet)
    assert (await client_of(app_of(router)).get("/")).json() == "hello"


def by_hand(greeter: Greeter) -> FastAPI:
    router = APIRouter(prefix="/greetings", tags=["greetings"], responses={418: {"description": "A teapot"}})

    @router.post("/{name}", status_code=201, summary="Greet somebody")
    async def greet(
        request: Request,
        name: str,
        body: Greeting,
        response: Response,
        tasks: BackgroundTasks,
        *,
        loud: Annotated[bool, Query(description="Whether to shout")] = False,
        agent: Annotated[str | None, Header()] = None,
    ) -> Greeting:
        """Greet somebody by name."""
        return await _greet(request, name, body, response, tasks, greeter, loud=loud, agent=agent)

    @router.get("/none")
    async def nothing() -> None: ...

    app = FastAPI()
    app.include_router(router)
    return app


def by_injection(container: Any) -> FastAPI:
    router = Router(prefix="/greetings", tags=["greetings"], responses={418: {"description": "A teapot"}})

    @router.post("/{name}", status_code=201, summary="Greet somebody")
    async def greet(
        request: Request,
        name: str,
        greeter: Injected[Greeter],
        body: Greeting,
        response: Response,
        tasks: BackgroundTasks,
        *,
        loud: Annotated[bool, Query(description="Whether to shout")] = False,
        agent: Annotated[str | None, Header()] = None,
    ) -> Greeting:
        """Greet somebody by name."""
        return await _greet(request, name, body, response, tasks, greeter, loud=loud, agent=agent)

    @router.get("/none")
    async def nothing(*, greeter: Injected[Greeter]) -> None: ...

    app = FastAPI()
    app.include_router(router.bind(container))
    return app


async def _greet(request, name, body, response, tasks, greeter, *, loud, agent):
    response.headers["x-path"] = request.url.path
    tasks.add_task(greeter.greet, name)
    text = f"{greeter.greet(name)}: {body.text} ({agent})"
    return Greeting(text=text.upper() if loud else text)


def test_openapi_is_that_of_the_endpoint_written_by_hand():
    assert by_injection(App()).openapi() == by_hand(Greeter()).openapi()


async def test_requests_are_answered_as_by_the_endpoint_written_by_hand(client_of):
    clients = [client_of(app) for app in (by_hand(Greeter()), by_injection(App()))]
    request = {"json": {"text": "x"}, "headers": {"agent": "me"}}
    answers = [await client.post("/greetings/ann?loud=1", **request) for client in clients]
    one, other = answers
    assert one.json() == {"text": "HELLO ANN: X (ME)"}
    assert (one.status_code, one.headers, one.content) == (other.status_code, other.headers, other.content)


def test_everything_that_cannot_be_injected_is_reported_at_once_with_its_place():
    router = Router()

    @router.get("/nobody")
    async def nobody(who: Injected[Nobody]) -> None: ...

    @router.get("/named")
    async def named(who: Annotated[Greeter, Inject("users.servise")]) -> None: ...

    @router.get("/late")
    async def late(price: Decimal) -> None: ...

    @router.get("/fine")
    async def fine(greeter: Injected[Greeter]) -> None: ...

    faults = faults_of(router)
    places = [("nobody", "who"), ("named", "who"), ("late", "price")]
    assert len(faults) == len(places)
    for fault, (function, parameter) in zip(faults, places, strict=True):
        assert f"{__file__}:" in fault
        assert f"{function}({parameter})" in fault


def test_an_annotation_that_exists_only_for_type_checkers_says_so():
    router = Router()

    @router.get("/")
    async def late(price: Decimal) -> None: ...

    [fault] = faults_of(router)
    assert "'Decimal'" in fault
    assert "TYPE_CHECKING" in fault


async def defaulted(greeter: Injected[Greeter] = None) -> None: ...  # type: ignore[assignment]  # the mistake under test
async def uncalled(greeter: Annotated[Greeter, Inject]) -> None: ...
async def buried(greeter: Injected[Greeter] | None) -> None: ...
async def spread(*greeters: Injected[Greeter]) -> None: ...
async def doubled(greeter: Annotated[Greeter, Inject(), Inject("greeter")]) -> None: ...


@pytest.mark.parametrize(
    ("endpoint", "fact"),
    [
        (defaulted, "default"),
        (uncalled, "not where it takes effect"),
        (buried, "not where it takes effect"),
        (spread, "by its name"),
        (doubled, "twice"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_marker_that_would_have_no_effect_is_refused(endpoint, fact):
    router = Router()
    router.add_api_route("/", endpoint)
    [fault] = faults_of(router)
    assert fact in fault


def test_injecting_into_an_endpoint_of_another_kind_of_router_is_refused():
    async def show(ledger: Injected[Ledger]) -> int:
        return ledger.entries

    with pytest.raises(WiringError, match="Ledger is to be injected where nothing fills it"):
        APIRouter().add_api_route("/", show)


def test_the_endpoint_itself_stays_as_it_was_written():
    router = Router()

    @router.get("/")
    async def greet(greeter: Injected[Greeter]) -> str:
        return greeter.greeting

    router.bind(App())
    assert asyncio.run(greet(Greeter("by hand"))) == "by hand"

"""Injection into what endpoints depend on, and into what requests call without depending on it.

Without `from __future__ import annotations`, on purpose: the dependencies of a test are local to it.
"""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pytest
from dependency_injector import providers
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Request, Security, WebSocket
from fastapi.security import SecurityScopes
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse

from poolhouse.container import Container, inject
from poolhouse.errors import ContainerError, Violations
from poolhouse.integrations.fastapi import Inject, Injected, Router, create_application


class Accounts:
    """Knows who may do what, and what became of it."""

    def __init__(self, owner: str = "ann") -> None:
        self.owner = owner


class Ledger:
    def __init__(self) -> None:
        self.entries: list[str] = []


class App(Container):
    accounts = providers.Factory(Accounts)
    ledger = providers.Singleton(Ledger)


async def current_user(accounts: Injected[Accounts], request: Request) -> str:
    return f"{accounts.owner} at {request.url.path}"


def current_user_in_a_thread(accounts: Injected[Accounts]) -> tuple[str, int]:
    return accounts.owner, threading.get_ident()


async def through_another(user: Annotated[str, Depends(current_user)]) -> str:
    return f"through {user}"


async def unit_of_work(ledger: Injected[Ledger]) -> AsyncIterator[Ledger]:
    ledger.entries.append("begin")
    try:
        yield ledger
    except HTTPException as error:
        ledger.entries.append(f"fail {error.status_code}")
        raise
    ledger.entries.append("end")


def unit_of_work_in_a_thread(ledger: Injected[Ledger]) -> Iterator[Ledger]:
    ledger.entries.append("begin")
    try:
        yield ledger
    except HTTPException as error:
        ledger.entries.append(f"fail {error.status_code}")
        raise
    ledger.entries.append("end")


class Paging:
    def __init__(self, accounts: Injected[Accounts], limit: int = 10) -> None:
        self.limit = limit
        self.owner = accounts.owner


class MayDo:
    def __init__(self, what: str) -> None:
        self.what = what

    async def __call__(self, accounts: Injected[Accounts]) -> str:
        return f"{accounts.owner} may {self.what}"


@pytest.fixture
def ask(client_of):
    """Binds the dependency of a route to a container, and asks the route what it is."""

    async def ask(dependency: Any, *, path: str = "/", container: Any = None) -> Any:
        router = Router()

        @router.get("/")
        async def show(found: Annotated[Any, dependency]) -> Any:
            return vars(found) if isinstance(found, Paging) else found

        app = FastAPI()
        app.include_router(router.bind(container or App()))
        return (await client_of(app).get(path)).json()

    return ask


async def test_a_dependency_is_filled_like_an_endpoint(ask):
    assert await ask(Depends(current_user)) == "ann at /"


async def test_dependencies_of_dependencies_are_filled(ask):
    assert await ask(Depends(through_another)) == "through ann at /"


async def test_a_synchronous_dependency_is_filled_in_the_thread_pool(ask):
    owner, thread = await ask(Depends(current_user_in_a_thread))
    assert owner == "ann"
    assert thread != threading.get_ident()


async def test_a_class_is_filled_and_so_is_an_object_that_is_called(ask):
    assert await ask(Depends(Paging), path="/?limit=3") == {"limit": 3, "owner": "ann"}
    assert await ask(Depends(MayDo("read"))) == "ann may read"


async def test_security_keeps_its_scopes(ask):
    async def check(scopes: SecurityScopes, accounts: Injected[Accounts]) -> list[str]:
        return [accounts.owner, *scopes.scopes]

    assert await ask(Security(check, scopes=["read"])) == ["ann", "read"]


async def test_a_dependency_may_be_the_annotated_class_itself_or_stand_as_a_default(client_of):
    router = Router()

    @router.get("/class")
    async def annotated(paging: Annotated[Paging, Depends()]) -> str:
        return paging.owner

    @router.get("/default")
    async def default(paging: Paging = Depends(), user: str = Depends(current_user)) -> list[str]:  # noqa: B008 - the older way
        return [paging.owner, user]

    app = FastAPI()
    app.include_router(router.bind(App()))
    client = client_of(app)
    assert (await client.get("/class")).json() == "ann"
    assert (await client.get("/default")).json() == ["ann", "ann at /default"]


async def test_dependencies_of_whole_routers_routes_and_applications_are_filled(client_of):
    def noting(name: str) -> Callable[..., None]:
        async def note(ledger: Injected[Ledger]) -> None:
            ledger.entries.append(name)

        return note  # type: ignore[return-value]  # FastAPI awaits it

    inner = Router(dependencies=[Depends(noting("router"))])

    @inner.get("/", dependencies=[Depends(noting("route"))])
    async def show(ledger: Injected[Ledger]) -> list[str]:
        return ledger.entries

    outer = Router()
    outer.include_router(inner, dependencies=[Depends(noting("including"))])
    app = create_application(App(), outer, dependencies=[Depends(noting("application"))])
    assert (await client_of(app).get("/")).json() == ["application", "including", "router", "route"]


@pytest.mark.parametrize("work", [unit_of_work, unit_of_work_in_a_thread])
async def test_what_an_endpoint_raises_reaches_a_dependency_that_yields(client_of, work):
    router = Router()

    @router.get("/{status}")
    async def show(status: int, ledger: Annotated[Ledger, Depends(work)]) -> None:
        ledger.entries.append("work")
        if status != 200:
            raise HTTPException(status)

    container = App()
    app = FastAPI()
    app.include_router(router.bind(container))
    for status in (200, 418):
        assert (await client_of(app).get(f"/{status}")).status_code == status
    assert container.ledger().entries == ["begin", "work", "end", "begin", "work", "fail 418"]


async def test_a_dependency_that_several_need_is_called_once_per_request(client_of):
    calls = []

    async def count(accounts: Injected[Accounts]) -> int:
        calls.append(accounts)
        return len(calls)

    async def twice(one: Annotated[int, Depends(count)]) -> int:
        return one * 2

    router = Router()

    @router.get("/")
    async def show(one: Annotated[int, Depends(count)], two: Annotated[int, Depends(twice)]) -> list[int]:
        return [one, two]

    app = FastAPI()
    app.include_router(router.bind(App()))
    assert (await client_of(app).get("/")).json() == [1, 2]


async def test_an_override_of_a_provider_reaches_the_dependencies_of_the_next_request(client_of):
    router = Router()

    @router.get("/")
    async def show(user: Annotated[str, Depends(current_user)]) -> str:
        return user

    container = App()
    app = FastAPI()
    app.include_router(router.bind(container))
    with container.accounts.override(Accounts("bob")):
        assert (await client_of(app).get("/")).json() == "bob at /"
    assert (await client_of(app).get("/")).json() == "ann at /"


async def test_an_application_overrides_a_filled_dependency_by_the_function_that_was_written(client_of):
    router = Router()

    @router.get("/")
    async def show(user: Annotated[str, Depends(through_another)]) -> str:
        return user

    container = App()
    app = FastAPI()
    app.include_router(router.bind(container))

    async def somebody_else(accounts: Injected[Accounts]) -> str:
        return f"not {accounts.owner}"

    app.dependency_overrides[current_user] = lambda: "a fake"
    assert (await client_of(app).get("/")).json() == "through a fake"
    app.dependency_overrides[current_user] = container.inject(somebody_else)
    assert (await client_of(app).get("/")).json() == "through not ann"
    app.dependency_overrides.clear()
    assert (await client_of(app).get("/")).json() == "through ann at /"


async def test_one_dependency_serves_many_containers(client_of):
    router = Router()

    @router.get("/")
    async def show(user: Annotated[str, Depends(current_user)]) -> str:
        return user

    apps = []
    for owner in ("ann", "bob"):
        app = FastAPI()
        app.include_router(router.bind(App(accounts=providers.Factory(Accounts, owner))))
        apps.append(app)
    assert [(await client_of(app).get("/")).json() for app in apps] == ["ann at /", "bob at /"]


def test_a_dependency_that_nothing_is_injected_into_stays_the_same_function():
    async def plain(q: str = "") -> str:
        return q

    router = Router()

    @router.get("/")
    async def show(q: Annotated[str, Depends(plain)]) -> str:
        return q

    [route] = router.bind(App()).routes
    assert route.endpoint is show
    assert route.dependant.dependencies[0].call is plain


def test_what_cannot_be_filled_in_a_dependency_is_found_when_routes_are_bound_and_by_validation():
    async def nobody(who: Annotated[Accounts, Inject("acounts")]) -> None: ...

    async def through(it: Annotated[None, Depends(nobody)]) -> None: ...

    router = Router(dependencies=[Depends(through)])

    @router.get("/")
    async def show() -> None: ...

    with pytest.raises(Violations, match=r"nobody\(who\): the container has no provider 'acounts'") as raised:
        router.bind(App())
    assert len(raised.value.violations) == 1
    with pytest.raises(ContainerError, match="Did you mean 'accounts'"):
        App().validate(router)


async def test_websockets_and_their_dependencies_are_filled(sent_to_websocket):
    router = Router()

    @router.websocket("/")
    async def talk(
        websocket: WebSocket, ledger: Injected[Ledger], owner: Annotated[str, Depends(MayDo("talk"))]
    ) -> None:
        await websocket.accept()
        await note("said")
        await websocket.send_text(f"{owner} {ledger.entries}")

    messages = await sent_to_websocket(create_application(App(), router), "/")
    assert messages[-1]["text"] == "ann may talk ['said']"


@inject
async def note(entry: str, ledger: Injected[Ledger]) -> None:
    ledger.entries.append(entry)


@inject
def note_in_a_thread(entry: str, ledger: Injected[Ledger]) -> None:
    ledger.entries.append(entry)


async def test_background_tasks_are_injected_into_from_the_container_of_the_application(client_of):
    router = Router()

    @router.get("/tasks")
    async def tasks(tasks: BackgroundTasks) -> None:
        tasks.add_task(note, "one")
        tasks.add_task(note_in_a_thread, "two")

    @router.get("/task")
    def task() -> PlainTextResponse:
        return PlainTextResponse("", background=BackgroundTask(note, "three"))

    first, second = App(), App()
    for container in (first, second):
        client = client_of(create_application(container, router))
        await client.get("/tasks")
        await client.get("/task")
    assert first.ledger().entries == second.ledger().entries == ["one", "two", "three"]


async def test_functions_that_an_endpoint_calls_are_injected_into_also_in_the_thread_pool(client_of):
    router = Router()

    @router.get("/")
    def show() -> None:
        note_in_a_thread("in the pool")

    container = App()
    await client_of(create_application(container, router)).get("/")
    assert container.ledger().entries == ["in the pool"]


async def test_an_endpoint_or_a_dependency_may_be_decorated_as_well(client_of):
    @inject
    async def owner(accounts: Injected[Accounts]) -> str:
        return accounts.owner

    router = Router()

    @router.get("/")
    @inject
    async def show(ledger: Injected[Ledger], owner: Annotated[str, Depends(owner)]) -> list[Any]:
        return [owner, *ledger.entries]

    app = FastAPI()
    app.include_router(router.bind(App()))
    assert (await client_of(app).get("/")).json() == ["ann"]


async def test_a_plain_router_of_fastapi_goes_on_beside(client_of):
    plain = APIRouter()

    @plain.get("/plain")
    async def show() -> str:
        return "plain"

    outer = Router()
    outer.include_router(plain)
    assert (await client_of(create_application(App(), outer)).get("/plain")).json() == "plain"

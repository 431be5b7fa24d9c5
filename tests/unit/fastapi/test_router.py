from __future__ import annotations

from typing import Annotated

import pytest
from dependency_injector import providers
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute

from poolhouse.container import Container
from poolhouse.errors import UniqueViolationError, Violations, WiringError
from poolhouse.integrations.fastapi import Injected, Router, create_application, install_problem_details


class Answer:
    text = "forty-two"


class App(Container):
    answer = providers.Factory(Answer)


class Empty(Container):
    pass


class TakenError(Exception):
    """Somebody else has it."""


class MissingError(Exception):
    """Nothing is there.

    A second paragraph, which nobody sees.
    """


class MislaidError(MissingError):
    """It was there."""


def app_of(router: Router) -> FastAPI:
    app = FastAPI()
    install_problem_details(app)
    app.include_router(router.bind(App()))
    return app


def refuse(request: Request) -> None:
    raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})


def describe(app: FastAPI, path: str, method: str = "get") -> dict[str, str]:
    responses = app.openapi()["paths"][path][method]["responses"]
    return {status: response["description"] for status, response in responses.items()}


async def test_including_a_router_that_is_not_bound_is_refused():
    router = Router(prefix="/users")
    with pytest.raises(WiringError, match=r"/users: .* bound to a container.*create_application"):
        FastAPI().include_router(router)


async def test_keywords_of_the_router_reach_every_route(client_of):
    router = Router(
        prefix="/v1",
        tags=["one"],
        dependencies=[Depends(refuse)],
        responses={401: {"description": "Who are you?"}},
        deprecated=True,
        default_response_class=PlainTextResponse,
    )

    @router.get("/answer", tags=["two"], operation_id="answer")
    async def answer(answer: Injected[Answer]) -> str:
        return answer.text

    app = app_of(router)
    operation = app.openapi()["paths"]["/v1/answer"]["get"]
    assert (operation["tags"], operation["deprecated"], operation["operationId"]) == (["one", "two"], True, "answer")
    assert describe(app, "/v1/answer")["401"] == "Who are you?"
    assert "text/plain" in operation["responses"]["200"]["content"]
    assert (await client_of(app).get("/v1/answer")).status_code == 401


async def test_a_route_class_of_ones_own_is_kept(client_of):
    class Stamped(APIRoute):
        def get_route_handler(self):
            handle = super().get_route_handler()

            async def stamped(request: Request) -> Response:
                response = await handle(request)
                response.headers["x-stamp"] = "here"
                return response

            return stamped

    router = Router(route_class=Stamped, problems={MissingError: 404})

    @router.get("/{count}")
    async def show(count: int, answer: Injected[Answer]) -> str:
        if count == 0:
            raise MissingError
        return answer.text

    client = client_of(app_of(router))
    assert (await client.get("/1")).headers["x-stamp"] == "here"
    assert (await client.get("/0")).status_code == 404


async def test_routers_nest_and_children_inherit_problems(client_of):
    child = Router(prefix="/child", problems={TakenError: 409})
    parent = Router(prefix="/parent", problems={MissingError: 404, TakenError: 400})

    @child.get("/missing")
    async def missing(answer: Injected[Answer]) -> None:
        raise MissingError

    @child.get("/taken")
    async def taken() -> None:
        raise TakenError

    parent.include_router(child, prefix="/of")
    client = client_of(app_of(parent))
    statuses = [(await client.get(f"/parent/of/child/{what}")).status_code for what in ("missing", "taken")]
    assert statuses == [404, 409]


def test_faults_of_nested_routers_are_reported_together():
    child, parent = Router(), Router()

    @child.get("/child")
    async def one(answer: Injected[Answer]) -> None: ...

    @parent.get("/parent")
    async def two(answer: Injected[Answer]) -> None: ...

    parent.include_router(child)
    with pytest.raises(Violations) as raised:
        parent.bind(Empty())
    assert len(raised.value.violations) == 2


def test_a_router_that_includes_itself_is_refused():
    outer, inner = Router(prefix="/outer"), Router(prefix="/inner")
    outer.include_router(inner)
    inner.include_router(outer)
    with pytest.raises(Violations, match="includes itself"):
        outer.bind(App())


async def test_an_ordinary_router_can_be_included(client_of):
    plain = APIRouter(prefix="/plain")

    @plain.get("/")
    async def show() -> str:
        return "plain"

    router = Router(prefix="/outer")
    router.include_router(plain)
    assert (await client_of(app_of(router)).get("/outer/plain/")).json() == "plain"


async def test_what_starlette_registers_is_carried_over_in_order(client_of):
    async def plain(request: Request) -> Response:
        return PlainTextResponse("plain")

    async def mounted(scope, receive, send) -> None:
        await PlainTextResponse("mounted")(scope, receive, send)

    router = Router()
    router.add_route("/plain", plain)

    @router.get("/{name}")
    async def named(name: str, answer: Injected[Answer]) -> str:
        return name

    router.mount("/mount", mounted)
    client = client_of(app_of(router))
    assert [(await client.get(path)).text for path in ("/plain", "/x", "/mount/y")] == ["plain", '"x"', "mounted"]


async def test_a_websocket_is_injected_into(sent_to_websocket):
    router = Router()

    @router.websocket("/ws")
    async def talk(websocket: WebSocket, answer: Injected[Answer]) -> None:
        await websocket.accept()
        await websocket.send_text(answer.text)

    messages = await sent_to_websocket(app_of(router), "/ws")
    assert [message.get("text") for message in messages] == [None, "forty-two"]


async def test_the_same_exception_may_have_another_status_in_another_router(client_of):
    routers = [
        Router(prefix="/users", problems={MissingError: 404}),
        Router(prefix="/orders", problems={MissingError: 422}),
    ]
    for router in routers:

        @router.get("")
        async def show(answer: Injected[Answer]) -> None:
            raise MissingError

    client = client_of(create_application(App(), *routers))
    assert [(await client.get(path)).status_code for path in ("/users", "/orders")] == [404, 422]


async def test_the_detail_of_a_declared_exception_is_its_message_or_else_its_docstring(client_of):
    router = Router(problems={MissingError: 404})

    @router.get("/silent")
    async def silent() -> None:
        raise MissingError

    @router.get("/telling")
    async def telling() -> None:
        raise MissingError("user 7 is not there")

    client = client_of(app_of(router))
    details = [(await client.get(path)).json()["detail"] for path in ("/silent", "/telling")]
    assert details == ["Nothing is there.", "user 7 is not there"]


async def test_a_subclass_is_covered_and_the_nearest_class_wins(client_of):
    near = Router(prefix="/near", problems={MissingError: 404, MislaidError: 410})
    far = Router(prefix="/far", problems={MissingError: 404})
    for router in (near, far):

        @router.get("")
        async def show() -> None:
            raise MislaidError

    client = client_of(create_application(App(), near, far))
    assert [(await client.get(path)).status_code for path in ("/near", "/far")] == [410, 404]


def missing() -> None:
    raise MissingError


async def test_a_dependency_may_raise_a_declared_exception_too(client_of):
    router = Router(problems={MissingError: 404})

    @router.get("/")
    async def show(nothing: Annotated[None, Depends(missing)]) -> None: ...

    assert (await client_of(app_of(router)).get("/")).status_code == 404


async def test_the_text_of_a_declared_database_error_is_not_shown(client_of):
    router = Router(problems={UniqueViolationError: 409})

    @router.get("/")
    async def show() -> None:
        raise UniqueViolationError("duplicate key", schema="secret_schema", constraint="users_email_key")

    answer = await client_of(app_of(router)).get("/")
    assert answer.status_code == 409
    assert "key" not in answer.text


def test_every_route_documents_the_problems_of_its_router():
    router = Router(problems={MissingError: 404, MislaidError: 404, TakenError: 409})

    @router.get("/")
    async def show() -> None: ...

    responses = describe(app_of(router), "/")
    assert responses["404"] == "Nothing is there. It was there."
    assert responses["409"] == "Somebody else has it."


def test_a_route_that_declares_its_errors_documents_just_those():
    router = Router(problems={MissingError: 404, TakenError: 409})

    @router.get("/", responses=router.raises(TakenError))
    async def show() -> None: ...

    assert {"404", "409"} & set(describe(app_of(router), "/")) == {"409"}


def test_a_route_can_declare_that_it_raises_none_of_them():
    router = Router(problems={MissingError: 404})

    @router.get("/", responses=router.raises())
    async def show(limit: int = 1) -> None: ...

    assert set(describe(app_of(router), "/")) == {"200", "422", "503", "default"}


def test_a_route_that_describes_its_success_still_documents_the_problems():
    router = Router(problems={MissingError: 404})

    @router.get("/", responses={206: {"description": "A part"}})
    async def show() -> None: ...

    assert {"206", "404"} <= set(describe(app_of(router), "/"))


def test_a_422_of_the_service_does_not_hide_that_of_an_invalid_request():
    router = Router(problems={MissingError: 422})

    @router.get("/")
    async def show(limit: int = 1) -> None: ...

    app = app_of(router)
    described = "Nothing is there. The request is not valid; `errors` says where."
    assert describe(app, "/")["422"] == described
    assert describe(app, "/")["422"] == described


def test_describing_an_exception_without_a_status_is_refused():
    router = Router(prefix="/users", problems={MissingError: 404})
    with pytest.raises(WiringError, match="/users: TakenError has no status"):
        router.raises(MissingError, TakenError)


@pytest.mark.parametrize(("exception", "status"), [(MissingError, 200), (Exception, 500), (HTTPException, 404)])
def test_a_mapping_that_cannot_be_meant_is_refused(exception, status):
    with pytest.raises(WiringError):
        Router(problems={exception: status})

"""Routes that are written before there is a container, and bound to as many containers as there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from fastapi import APIRouter

from poolhouse.errors import WiringError
from poolhouse.integrations.fastapi._declared import check_problems, describe_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from enum import Enum

    from starlette.routing import BaseRoute

    from poolhouse.container import Asked, Container


@dataclass(frozen=True, slots=True)
class Registration:
    """One call of a method of APIRouter, to be made on every router that is built from a Router."""

    method: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]


class Router(APIRouter):
    """An APIRouter whose endpoints may ask for what the container provides, and whose exceptions have a status.

    It takes every keyword of APIRouter and is used in the same way; what it registers is recorded, and
    becomes routes in `bind(container)`. It can be bound to any number of containers, in any order, and
    never knows of them. Endpoints mark what they need with `Injected[Type]`.

    `problems` says which status an exception becomes when an endpoint of this router, or a dependency of
    one, raises it: `{UserNotFoundError: 404}`. A class stands for its subclasses too, and the nearest class wins.
    The detail of the answer is `str(exception)`, or the first line of its class's docstring where that is empty;
    for an error of poolhouse itself it is neither, since those speak of the schema. A router that is included in
    another inherits its problems. OpenAPI shows all of them at every route, unless a route declares error
    responses of its own; `raises()` makes those from the same mapping.
    """

    def __init__(
        self,
        *,
        prefix: str = "",
        tags: list[str | Enum] | None = None,
        problems: Mapping[type[Exception], int] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(prefix=prefix, tags=tags, **options)
        self.problems = check_problems(problems or {})
        self.keywords: dict[str, Any] = {**options, "prefix": prefix, "tags": tags}
        self.registrations: list[Registration] = []
        self.routes = _UnboundRoutes(prefix)

    def raises(self, *exceptions: type[Exception]) -> dict[int | str, dict[str, Any]]:
        """Describe some of this router's problems, for the `responses=` of one route; without arguments, none.

        Raises WiringError for an exception that is not among the router's problems.
        """
        unknown = [exception.__qualname__ for exception in exceptions if exception not in self.problems]
        if unknown:
            raise WiringError(
                f"{', '.join(unknown)} has no status in this router",
                place=f"the router of {self.prefix or '/'}",
                remedy="Add it to the router's problems=",
            )
        return describe_problems({exception: self.problems[exception] for exception in exceptions})

    def bind(self, container: Container) -> APIRouter:
        """Build the routes with every injected parameter filled from this container.

        Nothing is resolved yet and the container need not be started. Raises Violations with a WiringError
        for every injection that cannot be satisfied, all at once, each with its file, line and parameter.
        """
        from poolhouse.integrations.fastapi._binding import bind_routers  # noqa: PLC0415 - it builds on this module

        bound, _ = bind_routers([self], container)
        return bound[0]

    def asked_of(self, container: Container) -> Asked:
        """Return what the endpoints are filled with, and what `bind` would raise, for `container.validate(router)`."""
        from poolhouse.integrations.fastapi._binding import asked_by  # noqa: PLC0415 - it builds on this module

        return asked_by(self, container)

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Record a route, as the decorators `get`, `post` and so on do; takes the keywords of APIRouter's."""
        self._record("add_api_route", path, endpoint, **options)

    def add_api_websocket_route(
        self, path: str, endpoint: Callable[..., Any], name: str | None = None, **options: Any
    ) -> None:
        """Record a WebSocket route, as the decorator `websocket` does."""
        self._record("add_api_websocket_route", path, endpoint, name=name, **options)

    def include_router(self, router: APIRouter, **options: Any) -> None:
        """Record another router, of either kind, with the keywords of APIRouter's."""
        self._record("include_router", router, **options)

    def add_route(self, *arguments: Any, **options: Any) -> None:
        """Record a plain route of Starlette; nothing is injected into it."""
        self._record("add_route", *arguments, **options)

    def add_websocket_route(self, *arguments: Any, **options: Any) -> None:
        """Record a plain WebSocket route of Starlette; nothing is injected into it."""
        self._record("add_websocket_route", *arguments, **options)

    def mount(self, *arguments: Any, **options: Any) -> None:
        """Record another ASGI application under a path."""
        self._record("mount", *arguments, **options)

    def host(self, *arguments: Any, **options: Any) -> None:
        """Record another ASGI application under a host name."""
        self._record("host", *arguments, **options)

    def frontend(self, *arguments: Any, **options: Any) -> None:
        """Record a built frontend, where FastAPI knows how to serve one."""
        self._record("frontend", *arguments, **options)

    def add_event_handler(self, *arguments: Any, **options: Any) -> None:
        """Record a handler of start-up or shutdown."""
        self._record("add_event_handler", *arguments, **options)

    def _record(self, method: str, *arguments: Any, **options: Any) -> None:
        self.registrations.append(Registration(method, arguments, options))


class _UnboundRoutes(list["BaseRoute"]):
    """The routes of a Router that nobody has bound: looking at them is the mistake of including it as it is."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def __iter__(self) -> Iterator[BaseRoute]:
        self._refuse()

    def append(self, _: BaseRoute) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise WiringError(
            "this Router has no routes before it is bound to a container",
            place=f"the router of {self._prefix or '/'}",
            remedy="Give it to create_application(), or include router.bind(container)",
        )

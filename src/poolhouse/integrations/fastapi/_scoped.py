"""Endpoints that are filled in scopes, and the routes that give them those."""

from __future__ import annotations

import functools
import inspect
from contextlib import aclosing, asynccontextmanager
from enum import Enum, auto
from types import new_class
from typing import TYPE_CHECKING, Any, ClassVar, cast

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from poolhouse.container.scoped import innermost
from poolhouse.container.units import in_scope
from poolhouse.errors import WiringError
from poolhouse.integrations.fastapi._attempts import Attempts
from poolhouse.integrations.fastapi._declared import status_of_problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence

    from fastapi import Request

    from poolhouse.container import Container, Scope
    from poolhouse.container.units import Filling


class Kind(Enum):
    """How FastAPI calls an endpoint, or a dependency."""

    COROUTINE = auto()
    ASYNC_GENERATOR = auto()
    GENERATOR = auto()
    PLAIN = auto()
    WEBSOCKET = auto()
    DEPENDENCY = auto()
    YIELDING_DEPENDENCY = auto()

    @property
    def has_a_scope_of_its_own(self) -> bool:
        """Whether it runs for longer than its route's handler, or has none, so that its scope is its own."""
        return self in {Kind.ASYNC_GENERATOR, Kind.WEBSOCKET}

    @classmethod
    def of(cls, function: Callable[..., Any], *, is_dependency: bool, is_of_websocket: bool) -> Kind:
        """Return the kind of a function; FastAPI looks through functools.wraps as well when it decides."""
        if is_of_websocket and not is_dependency:
            return cls.WEBSOCKET
        kinds: tuple[tuple[Callable[[Any], bool], Kind, Kind], ...] = (
            (inspect.iscoroutinefunction, cls.COROUTINE, cls.DEPENDENCY),
            (inspect.isasyncgenfunction, cls.ASYNC_GENERATOR, cls.YIELDING_DEPENDENCY),
            (inspect.isgeneratorfunction, cls.GENERATOR, cls.GENERATOR),
        )
        written = getattr(cast("Any", type(function)), "__call__", None)  # noqa: B004 - its code is wanted
        candidates = (function, inspect.unwrap(function), written)
        found = (each for is_kind, *each in kinds if any(map(is_kind, candidates)))
        of_endpoint, of_dependency = next(found, (cls.PLAIN, cls.GENERATOR))
        return of_dependency if is_dependency else of_endpoint


_NO_TRANSACTIONS = {
    Kind.ASYNC_GENERATOR: "a response that is streamed begins before a transaction could be committed",
    Kind.WEBSOCKET: "a transaction would last, and hold a connection, as long as the WebSocket",
    Kind.PLAIN: "an endpoint that is no coroutine function cannot use its service's transaction",
}


def filled_in_scope(
    function: Callable[..., Any], container: Container, fillings: Sequence[Filling], kind: Kind
) -> Callable[..., Any]:
    """Return an endpoint or a dependency, filled from a scope: that of its route, or its own where it streams.

    What it needs is passed by name. Raises WiringError where a transaction, or a scope, is impossible.
    """
    transaction = next((filling for filling in fillings if filling.is_in_transaction), None)
    if transaction is not None and kind in _NO_TRANSACTIONS:
        raise WiringError(
            _NO_TRANSACTIONS[kind],
            place=transaction.place,
            remedy="Inject it without, and begin transactions in the service: `async with db.transaction()`",
        )
    if kind is Kind.GENERATOR:
        raise WiringError(
            "a generator or a dependency that is not asynchronous cannot have objects of a scope",
            place=fillings[0].place,
            remedy="Make it asynchronous",
        )
    filled = functools.wraps(function)(_MAKE[kind](function, container, fillings))
    filled.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # PEP 362
    return filled


async def _fill(scope: Scope, fillings: Sequence[Filling], values: dict[str, Any]) -> None:
    for filling in fillings:
        values[filling.parameter] = await filling.fill(scope)


def _coroutine_function(endpoint: Callable[..., Any], _: Container, fillings: Sequence[Filling]) -> Callable[..., Any]:
    async def bound(**values: Any) -> Any:
        await _fill(_current(), fillings, values)
        return await endpoint(**values)

    return bound


def _plain_function(endpoint: Callable[..., Any], _: Container, fillings: Sequence[Filling]) -> Callable[..., Any]:
    async def bound(**values: Any) -> Any:
        await _fill(_current(), fillings, values)
        return await run_in_threadpool(endpoint, **values)

    return bound


def _yielding_dependency(
    dependency: Callable[..., Any], _: Container, fillings: Sequence[Filling]
) -> Callable[..., Any]:
    opened = asynccontextmanager(dependency)

    async def bound(**values: Any) -> AsyncIterator[Any]:
        await _fill(_current(), fillings, values)
        async with opened(**values) as given:
            yield given

    return bound


def _async_generator_function(
    endpoint: Callable[..., Any], container: Container, fillings: Sequence[Filling]
) -> Callable[..., Any]:
    async def bound(**values: Any) -> AsyncIterator[Any]:
        async with container.scope(_name_of(endpoint)) as scope:
            await _fill(scope, fillings, values)
            async with aclosing(endpoint(**values)) as items:
                async for item in items:
                    yield item

    return bound


def _websocket_function(
    endpoint: Callable[..., Any], container: Container, fillings: Sequence[Filling]
) -> Callable[..., Any]:
    async def bound(**values: Any) -> Any:
        async with container.scope(_name_of(endpoint)) as scope:
            await _fill(scope, fillings, values)
            return await endpoint(**values)

    return bound


_MAKE: dict[Kind, Callable[[Callable[..., Any], Container, Sequence[Filling]], Callable[..., Any]]] = {
    Kind.COROUTINE: _coroutine_function,
    Kind.PLAIN: _plain_function,
    Kind.ASYNC_GENERATOR: _async_generator_function,
    Kind.WEBSOCKET: _websocket_function,
    Kind.DEPENDENCY: _coroutine_function,
    Kind.YIELDING_DEPENDENCY: _yielding_dependency,
}


def _current() -> Scope:
    """Return the scope that the route has entered, in this very task."""
    return cast("Scope", innermost.get())


def _name_of(endpoint: Callable[..., Any]) -> str:
    return getattr(endpoint, "__qualname__", type(endpoint).__qualname__)


class _ScopedRoute(APIRoute):
    """A route whose requests have a scope each, which ends before the response is sent."""

    container: ClassVar[Container]
    retries: ClassVar[int]
    problems: ClassVar[Mapping[type[Exception], int]]

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        container, retries = self.container, self.retries
        status_of = functools.partial(_status_of, problems=self.problems)

        async def handler(request: Request) -> Response:
            async def answer(_: Scope) -> Response:
                return await handle(request)

            name = f"{request.method} {self.path}"
            if not retries:
                return await in_scope(container, answer, name=name, status_of=status_of)
            attempts = Attempts(request)

            async def answer_again(_: Scope) -> Response:
                await attempts.begin()
                return await handle(request)

            return await in_scope(
                container, answer_again, name=name, retries=retries, status_of=status_of, given_up=attempts.give_up
            )

        return handler


def giving_scopes(
    route_class: type[APIRoute], container: Container, retries: int, problems: Mapping[type[Exception], int]
) -> type[APIRoute]:
    """Derive a route class that gives each request a scope, and answers it again where that was rolled back.

    `problems` are the statuses that exceptions are answered with, by what is around the scope.
    """
    bases = (_ScopedRoute,) if route_class is APIRoute else (_ScopedRoute, route_class)
    members = {"container": container, "retries": retries, "problems": problems}
    return new_class("ScopedRoute", bases, exec_body=lambda body: body.update(members))


def _status_of(outcome: object, problems: Mapping[type[Exception], int]) -> int | None:
    if isinstance(outcome, Response | HTTPException):
        return outcome.status_code
    return status_of_problem(type(outcome), problems)

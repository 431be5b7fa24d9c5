"""The problems that a router declares: which exception becomes which status, at run time and in OpenAPI."""

from __future__ import annotations

from types import new_class
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from poolhouse.errors import PoolhouseError, WiringError
from poolhouse.integrations.fastapi._openapi import problem_response

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from fastapi import Request, Response


def check_problems(problems: Mapping[type[Exception], int]) -> dict[type[Exception], int]:
    """Return a copy of the mapping, or raise WiringError for what cannot be told apart or is no error's status."""
    for exception, status in problems.items():
        if exception is Exception or issubclass(exception, HTTPException):
            raise WiringError(
                f"{exception.__qualname__} cannot be given a status", remedy="Name the exceptions of the service"
            )
        if not 400 <= status <= 599:
            raise WiringError(
                f"{status} is not the status of an error",
                place=exception.__qualname__,
                remedy="Choose one of 400 to 599",
            )
    return dict(problems)


def describe_problems(problems: Mapping[type[Exception], int]) -> dict[int | str, dict[str, Any]]:
    """Describe them for OpenAPI; exceptions that share a status share its description."""
    summaries: dict[int, list[str]] = {}
    for exception, status in problems.items():
        summaries.setdefault(status, []).append(_summary(exception))
    return {
        status: problem_response(status, " ".join(filter(None, texts))) for status, texts in sorted(summaries.items())
    }


class _ProblemRoute(APIRoute):
    """A route that answers with the declared status when a declared exception is raised."""

    statuses: ClassVar[Mapping[type[Exception], int]] = {}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        statuses = self.statuses
        declared = tuple(statuses)

        async def handler(request: Request) -> Response:
            try:
                return await handle(request)
            except declared as error:
                raise _answer(error, statuses) from error

        return handler


def translating(route_class: type[APIRoute], problems: Mapping[type[Exception], int]) -> type[APIRoute]:
    """Derive a route class that turns these exceptions into HTTP errors of their status.

    The route's handler is wrapped, not the endpoint, so that dependencies may raise them too; and not the
    application, since two routers may give the same exception different statuses.
    """
    bases = (_ProblemRoute,) if route_class is APIRoute else (_ProblemRoute, route_class)
    return new_class("ProblemRoute", bases, exec_body=lambda body: body.update(statuses=problems))


def status_of_problem(kind: type, statuses: Mapping[type[Exception], int]) -> int | None:
    """Return the status that is declared for a class of exceptions, or for the nearest of its bases."""
    return next((statuses[each] for each in kind.__mro__ if each in statuses), None)


def _answer(error: Exception, statuses: Mapping[type[Exception], int]) -> HTTPException:
    status = status_of_problem(type(error), statuses)
    assert status is not None  # noqa: S101 - it was caught for being one of them
    # Messages of poolhouse name schemas, tables and constraints: they are for the log.
    detail = None if isinstance(error, PoolhouseError) else str(error) or _summary(type(error))
    return HTTPException(status, detail or None)


def _summary(exception: type[Exception]) -> str:
    return (exception.__doc__ or "").strip().partition("\n")[0]

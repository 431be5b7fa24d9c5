"""The body of every error (RFC 9457), and the response that carries it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import Response
from pydantic import BaseModel, BeforeValidator, Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import Request
    from starlette.requests import HTTPConnection

MEDIA_TYPE = "application/problem+json"


def _well_formed(text: str) -> str:
    # JSON may spell half of a surrogate pair, which is a str that neither pydantic nor UTF-8 takes.
    return text.encode(errors="replace").decode()


Text = Annotated[str, BeforeValidator(_well_formed)]


class InvalidInput(BaseModel):
    """One thing wrong with a request."""

    location: Text = Field(
        description="A JSON Pointer into the request, whose members are path, query, header, cookie and body.",
        examples=["/body/lines/0/quantity"],
    )
    message: Text = Field(description="What is wrong there; never repeats what was sent.")


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = Field(default="about:blank", description="A URI that names the kind of problem.")
    title: Text = Field(description="The kind of problem, in words; the same at every occurrence.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: Text = Field(description="What happened this time.")
    instance: Text = Field(description="The path of the request.")
    errors: list[InvalidInput] | None = Field(
        default=None, description="What is wrong with the request, if that is it."
    )


def title_of(status: int) -> str:
    """Return the standard phrase of a status, which is the title where the type is about:blank (RFC 9457, 4.2.1)."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def problem_of(
    request: Request,
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[InvalidInput] | None = None,
) -> Response:
    """Answer this request with a problem."""
    problem = Problem(
        title=title_of(status),
        status=status,
        detail=detail,
        instance=path_of(request),
        errors=None if errors is None else list(errors),
    )
    content = problem.model_dump_json(exclude_none=True)
    return Response(content, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def path_of(connection: HTTPConnection) -> str:
    """Return the path that was asked for, percent-encoded: fit for a URI reference and for a line of a log."""
    return quote(connection.scope["path"], safe="/!$&'()*+,;=:@~", errors="replace")

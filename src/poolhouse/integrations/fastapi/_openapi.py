"""Problems in OpenAPI: every error an application can answer with, as application/problem+json."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from poolhouse.integrations.fastapi._problem import MEDIA_TYPE, Problem, title_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

SCHEMA_OF_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_INVALID = "The request is not valid; `errors` says where."
_RETRY_AFTER = {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe errors of these statuses as problems, for `responses=` of a route, a router or an application."""
    return {status: problem_response(status) for status in statuses}


def problem_response(status: int, description: str = "") -> dict[str, Any]:
    """Describe one response that is a problem; 503 says that it carries Retry-After."""
    response: dict[str, Any] = {
        "description": description or title_of(status),
        "content": {MEDIA_TYPE: {"schema": SCHEMA_OF_PROBLEM}},
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["headers"] = {"Retry-After": _RETRY_AFTER}
    return response


def describe_errors(app: FastAPI) -> None:
    """Make `app.openapi()` describe errors as they are sent.

    FastAPI's own 422 becomes a problem, and every operation gets 503 and `default`; an operation that
    declares `default` itself is left as it is.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        schema = generate()
        add_problems(schema)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents for extending OpenAPI


def add_problems(schema: dict[str, Any]) -> None:
    """Change the schema in place; doing it again changes nothing."""
    for operation in _operations(schema):
        responses: dict[str, Any] = operation["responses"]
        if _refers_to(responses.get("422"), "HTTPValidationError"):
            responses["422"] = problem_response(422, _INVALID)
        elif _refers_to(responses.get("422"), "Problem") and {"parameters", "requestBody"} & operation.keys():
            described = responses["422"]["description"].removesuffix(f" {_INVALID}")
            # FastAPI leaves a 422 of the service's own alone, but answers with its own 422 there all the same.
            responses["422"] = {**responses["422"], "description": f"{described} {_INVALID}"}
        if "default" not in responses:
            unavailable = problem_response(503, "The database cannot be used at the moment.")
            responses.setdefault("503", unavailable)
            responses["default"] = problem_response(500, "Any other failure.")
    components: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
    for name, definition in _definitions().items():
        components.setdefault(name, definition)
    _drop_unused(schema, "HTTPValidationError", "ValidationError")
    schema["components"]["schemas"] = dict(sorted(schema["components"]["schemas"].items()))


def _operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in schema.get("paths", {}).values():
        yield from (operation for method, operation in item.items() if method in _METHODS)


def _definitions() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    return {**schema.pop("$defs"), "Problem": schema}


def _refers_to(part: object, name: str) -> bool:
    if isinstance(part, dict):
        members = cast("dict[str, object]", part)
        return members.get("$ref") == f"#/components/schemas/{name}" or _refers_to(list(members.values()), name)
    return isinstance(part, list) and any(_refers_to(item, name) for item in cast("list[object]", part))


def _drop_unused(schema: dict[str, Any], *names: str) -> None:
    for name in names:
        if not _refers_to(schema, name):
            schema["components"]["schemas"].pop(name, None)

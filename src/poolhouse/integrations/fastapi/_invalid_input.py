"""What is wrong with a request, in words that do not repeat what was sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast, get_args

from pydantic_core.core_schema import ErrorType

from poolhouse.integrations.fastapi._problem import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# Templates of pydantic's, which show the input in the places that are cut out below only. Everything else is
# in the words of whoever wrote the validator, and may quote the input anywhere.
_TEMPLATES = frozenset(get_args(ErrorType)) - {"value_error", "assertion_error"}


def invalid_inputs(errors: Sequence[Mapping[str, Any]]) -> list[InvalidInput]:
    """Turn the errors of FastAPI and pydantic into locations and messages, in the same order."""
    return [InvalidInput(location=_location(error), message=_message(error)) for error in errors]


def _location(error: Mapping[str, Any]) -> str:
    path = error["loc"][:1] if _is_syntax_error(error) else error["loc"]
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def _is_syntax_error(error: Mapping[str, Any]) -> bool:
    # FastAPI puts the offset where otherwise a field's name is, when the body is not JSON at all.
    return error["type"] == "json_invalid" and error["loc"][0] == "body" and len(error["loc"]) == 2


def _message(error: Mapping[str, Any]) -> str:
    context: Mapping[str, Any] = error.get("ctx") or {}
    message: str = error["msg"]
    if _is_syntax_error(error):
        return f"{message} at character {error['loc'][1]}"
    if error["type"] == "union_tag_invalid":
        return f"Input tag should be one of {context.get('expected_tags')}"
    # A parser's reason quotes the character that it tripped over: "Input should be a valid UUID, ... found `x` at 1".
    for key in ("error", "reason"):
        if isinstance(context.get(key), str):
            message = message.removesuffix(context[key]).rstrip(" ,:")
    message = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if error["type"] not in _TEMPLATES and _repeats(message, error.get("input")):
        return "Value is not valid"
    return message


def _repeats(message: str, given: object) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(text)}(?!\w)", message) for text in _texts(given))


def _texts(given: object) -> Iterator[str]:
    """Yield every value in the input, as text."""
    if isinstance(given, dict):
        given = list(cast("dict[object, object]", given).values())
    if isinstance(given, (list, tuple, set, frozenset)):
        for item in cast("Iterable[object]", given):
            yield from _texts(item)
    elif given is not None and (text := str(given).strip()):
        yield text

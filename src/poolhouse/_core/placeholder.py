"""The placeholders of templates: `{{schema}}`, `{{tables.NAME}}` and `{{tables.SCHEMA.NAME}}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from poolhouse._core.identifiers import NAME, QUOTED_NAME, check_identifier, read_name, written_name
from poolhouse._core.lexer import line_column
from poolhouse._core.suggestion import nearest
from poolhouse.errors import IdentifierError, TemplateError

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMS = "{{schema}}, {{tables.NAME}} or {{tables.SCHEMA.NAME}}"

_SPACE = r"[ \t\n\r\f\v]"
_NAME = re.compile(NAME)
_PATH = re.compile(rf"\{{\{{{_SPACE}*{NAME}(?:{_SPACE}*\.{_SPACE}*{NAME})*{_SPACE}*\}}\}}")
_QUOTED_OR_SPACE = re.compile(rf"({QUOTED_NAME})|{_SPACE}+")
_SHOWN = 60


class Placeholder(NamedTuple):
    """What stands between `start` and `end` of a template.

    `name` is None for the schema itself, `schema` is None for a table of the service's own. Where
    `in_body` is true it stands in a dollar-quoted body.
    """

    start: int
    end: int
    schema: str | None
    name: str | None
    in_body: bool


def normal_placeholder(written: str) -> str:
    """Return a placeholder without the white space in its braces, which means nothing."""
    return _QUOTED_OR_SPACE.sub(lambda match: match[1] or "", written)


def parse_placeholder(text: str, start: int, end: int, *, source: str, in_body: bool) -> Placeholder:
    """Return the placeholder that `text` has between `start` and `end`.

    Raises TemplateError, at that place, when it is malformed, unknown, or holds an illegal name.
    """
    written = text[start:end]
    if written == "{{":
        fail("'{{' is never closed", text, start, source, "Close it with '}}'")
    if not _PATH.fullmatch(written):
        remedy = f"Write {FORMS}; a name that is not made of letters, digits, _ and $ goes in double quotes"
        fail(f"malformed placeholder {shown(written)}", text, start, source, remedy)
    keyword, *names = _NAME.findall(written)
    if (keyword, len(names)) not in {("schema", 0), ("tables", 1), ("tables", 2)}:
        _refuse_path(text, start, source, keyword, names)
    schema, name = [None, None, *map(read_name, names)][-2:]
    for part in map(read_name, names):
        try:
            check_identifier(part)
        except IdentifierError as error:
            fail(f"{shown(written)}: {error.fact}", text, start, source, error.remedy)
    return Placeholder(start, end, schema, name, in_body)


def show_path(*names: str) -> str:
    """Return the placeholder of a table as a person writes it."""
    return "{{" + ".".join(["tables", *map(written_name, names)]) + "}}"


def shown(written: str) -> str:
    """Return a placeholder for a message: on one line, and not too long."""
    line = " ".join(written.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def fail(fact: str, text: str, offset: int, source: str, remedy: str | None) -> NoReturn:
    """Raise TemplateError for the character at `offset` of `text`."""
    line, column = line_column(text, offset)
    raise TemplateError(fact, line=line, column=column, source=source, remedy=remedy)


def _refuse_path(text: str, start: int, source: str, keyword: str, names: Sequence[str]) -> NoReturn:
    path = ".".join([keyword, *names])
    near = nearest(keyword, ["schema", "tables"])
    remedy = f"Write {FORMS}; a name with a dot in it goes in double quotes"
    if keyword == "schema":
        fact, remedy = "takes no name", f"For a table, write {{{{tables.{'.'.join(names)}}}}}"
    elif keyword == "tables":
        fact = "names no table" if not names else "has more parts than a schema and a table"
    else:
        fact = "is no placeholder"
        if near == "schema" and not names:
            remedy = "Did you mean {{schema}}?"
        elif near == "tables" and 1 <= len(names) <= 2:
            remedy = f"Did you mean {{{{tables.{'.'.join(names)}}}}}?"
        elif len(names) <= 1:
            remedy = f"For a table, write {{{{tables.{path}}}}}"
    fail(f"{shown(f'{{{{{path}}}}}')} {fact}", text, start, source, remedy)

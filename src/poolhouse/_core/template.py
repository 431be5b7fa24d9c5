"""SQL templates: placeholders become qualified, quoted names; everything else stays as it was written."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.identifiers import (
    LETTER_OR_DIGIT,
    check_identifier,
    parse_qualified,
    quote_identifier,
    written_name,
)
from poolhouse._core.lexer import BYTE_ORDER_MARK, PLACEHOLDER, TokenKind, tokenize
from poolhouse._core.placeholder import Placeholder, fail, parse_placeholder, show_path, shown
from poolhouse._core.suggestion import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_IN_BODY = re.compile(PLACEHOLDER)

# Beside these a quoted name would become a part of its neighbour: "a""b" is one name, and so is U&"a".
_JOINS_BEFORE = re.compile(rf"(?:\"|(?<!{LETTER_OR_DIGIT})[uU]&)\Z")

# Nobody can tell what a body's own language makes of its text, so a name must be harmless in its literals
# and comments too, and must not end the body or one inside it.
_UNSAFE_IN_BODY = re.compile(rf"['\\\r\n]|\*/|/\*|\${LETTER_OR_DIGIT}*\$")


class _Segment(NamedTuple):
    start: int
    origin: int
    verbatim: bool


@dataclass(frozen=True, slots=True)
class Rendering:
    """A rendered template that still knows where each of its characters came from."""

    sql: str
    _segments: tuple[_Segment, ...] = field(repr=False)

    def origin(self, offset: int) -> int:
        """Return the offset in the template of the character at `offset` of `sql`.

        A character of a rendered name comes from the start of its placeholder; the end comes from the end.
        Offsets outside the text count as its nearest end.
        """
        offset = min(max(offset, 0), len(self.sql))
        segment = self._segments[bisect_right(self._segments, offset, key=lambda segment: segment.start) - 1]
        return segment.origin + (offset - segment.start if segment.verbatim else 0)


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """SQL text with its placeholders found and checked; made by `compile_template`."""

    text: str
    source: str
    placeholders: tuple[Placeholder, ...] = field(repr=False)

    def render(self, schema: str, reads: Collection[str] = ()) -> str:
        """Return the SQL for a service whose schema is `schema`.

        `reads` declares the tables of other schemas that it may name, such as `users.accounts`. The last
        few thousand results are kept. Raises TemplateError for a table that is not declared, and
        IdentifierError for an illegal schema or declaration.
        """
        if not self.placeholders:
            return self.text.removeprefix(BYTE_ORDER_MARK)
        return _render(self, schema, tuple(reads))

    def rendering(self, schema: str, reads: Collection[str] = ()) -> Rendering:
        """Return what `render` does, with the origin of every character; nothing is kept."""
        check_identifier(schema)
        declared = {parse_qualified(read) for read in reads}
        pieces: list[str] = []
        segments: list[_Segment] = []
        # A byte order mark is dropped: the server would take it for a letter.
        length, position = 0, int(self.text.startswith(BYTE_ORDER_MARK))
        for placeholder in self.placeholders:
            verbatim = self.text[position : placeholder.start]
            name = self._name(placeholder, schema, declared)
            segments.append(_Segment(length, position, verbatim=True))
            segments.append(_Segment(length + len(verbatim), placeholder.start, verbatim=False))
            pieces += (verbatim, name)
            length += len(verbatim) + len(name)
            position = placeholder.end
        segments.append(_Segment(length, position, verbatim=True))
        pieces.append(self.text[position:])
        return Rendering("".join(pieces), tuple(segments))

    def _name(self, placeholder: Placeholder, own: str, declared: set[tuple[str, str]]) -> str:
        schema, name = placeholder.schema or own, placeholder.name
        if name is None:
            rendered = quote_identifier(schema)
        elif schema == own or (schema, name) in declared:
            rendered = f"{quote_identifier(schema)}.{quote_identifier(name)}"
        else:
            remedy = _undeclared_remedy(schema, name, own, declared)
            fact = f"{show_path(schema, name)} is a table of another service, and reading it is not declared"
            fail(fact, self.text, placeholder.start, self.source, remedy)
        if placeholder.in_body and _UNSAFE_IN_BODY.search(rendered):
            fact = f"the name {shown(rendered)} could end a literal, a comment or a body inside this dollar-quoted body"
            fail(fact, self.text, placeholder.start, self.source, "Rename it, or write this body without placeholders")
        return rendered


def compile_template(text: str, *, source: str = "template", bodies: bool = False) -> Template:
    """Return the template that `text` is; the last two thousand or so are kept, so compiling again costs a look-up.

    Placeholders count in code, never in literals, quoted identifiers and comments; in dollar-quoted bodies
    with `bodies` only, and there everywhere. Text without `{{` is not even read: what the server takes goes
    through as it is. Raises TemplateError for an unclosed, malformed or unknown placeholder and for one that
    touches a quoted identifier, and SqlSyntaxError for text that ends inside a literal, comment or body.
    """
    # As long as texts without placeholders may be, and as many: keeping them would spare nothing.
    if "{{" not in text:
        return Template(text, source, ())
    return _compile(text, source, bodies)


@lru_cache(maxsize=2048)
def _compile(text: str, source: str, bodies: bool) -> Template:  # noqa: FBT001 - the cache's key; nobody else calls it
    placeholders: list[Placeholder] = []
    for start, end, in_body in _find_placeholders(text, source, bodies=bodies):
        placeholders.append(parse_placeholder(text, start, end, source=source, in_body=in_body))
        touches = text.startswith(('"', "{{"), end) or _JOINS_BEFORE.search(text, max(start - 2, 0), start)
        if touches:
            fact = f"{shown(text[start:end])} touches a quoted identifier or another placeholder, and they would merge"
            fail(fact, text, start, source, "Put white space between them, or take away the quotes around it")
    return Template(text, source, tuple(placeholders))


@lru_cache(maxsize=4096)
def _render(template: Template, schema: str, reads: tuple[str, ...]) -> str:
    return template.rendering(schema, reads).sql


def _find_placeholders(text: str, source: str, *, bodies: bool) -> Iterator[tuple[int, int, bool]]:
    for kind, start, end in tokenize(text, source=source):
        if kind is TokenKind.PLACEHOLDER:
            yield start, end, False
        elif bodies and kind is TokenKind.BODY:
            for match in _IN_BODY.finditer(text, start, end):
                yield match.start(), match.end(), True


def _undeclared_remedy(schema: str, name: str, own: str, declared: set[tuple[str, str]]) -> str:
    read = f"{written_name(schema)}.{written_name(name)}"
    known = {f"{written_name(other)}.{written_name(table)}" for other, table in declared}
    near = f"{written_name(own)}.{written_name(name)}" if nearest(schema, [own]) else nearest(read, known)
    hint = f"; or did you mean {{{{tables.{near}}}}}?" if near else ""
    return f"Declare it with reads=[{json.dumps(read, ensure_ascii=False)}]{hint}"

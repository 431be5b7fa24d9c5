"""What can be shown of a statement to whoever looks at many: its operations and tables, and its text without values.

The form of both is OpenTelemetry's: https://opentelemetry.io/docs/specs/semconv/db/database-spans/
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.lexer import TRIVIA, Token, TokenKind, tokenize
from poolhouse._core.placeholder import normal_placeholder
from poolhouse.errors import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONGEST_SUMMARY = 255
_LONGEST_TEXT = 8_192
# A query begins with one of these wherever it is written.
_QUERIES = frozenset({"SELECT"})
# These are operations where a statement or a part of one begins, and not in FOR UPDATE, ON DELETE or THEN INSERT.
_CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "TABLE"})
_OPENINGS = frozenset({"(", ")", ";"})
_VALUES = frozenset({TokenKind.LITERAL, TokenKind.BODY, TokenKind.NUMBER})
_TABLES = "{{tables."


class Shown(NamedTuple):
    """A statement as it is shown: `SELECT users orders`, and its text, in which values that it holds are `?`."""

    summary: str
    text: str


@lru_cache(maxsize=4_096)
def show(statement: str) -> Shown:
    """Return what can be shown of a template; what is no SQL has no words in its summary, and no text."""
    try:
        tokens = [token for token in tokenize(statement) if token.kind is not TokenKind.COMMENT]
    except SqlSyntaxError:
        return Shown("", "")
    return Shown(_cut(_words(statement, tokens)), _without_values(statement, tokens)[:_LONGEST_TEXT].strip())


def _words(statement: str, tokens: Sequence[Token]) -> Iterator[str]:
    """Yield operations as they are written, and the tables that placeholders name."""
    before = ";"
    for kind, start, end in tokens:
        if kind in TRIVIA:
            continue
        written = statement[start:end]
        word = written.upper() if kind is TokenKind.WORD else ""
        is_first = before == ";" and word not in {"", "WITH"}
        if is_first or word in _QUERIES or (word in _CHANGES and before in _OPENINGS):
            yield written
        elif kind is TokenKind.PLACEHOLDER and (named := normal_placeholder(written)).startswith(_TABLES):
            yield named.removeprefix(_TABLES).removesuffix("}}")
        before = written


def _cut(words: Iterator[str]) -> str:
    """Return as many words as there is room for, none of them cut."""
    summary = ""
    for word in words:
        longer = f"{summary} {word}".lstrip()
        if len(longer) > _LONGEST_SUMMARY:
            break
        summary = longer
    return summary


def _without_values(statement: str, tokens: Sequence[Token]) -> str:
    # Whoever passes parameters passes his values so; without any they may be in the text.
    is_parameterized = any(token.kind is TokenKind.PARAMETER for token in tokens)
    return "".join(
        "?" if token.kind in _VALUES and not is_parameterized else statement[token.start : token.end]
        for token in tokens
    )

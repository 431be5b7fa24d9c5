"""PostgreSQL's lexical structure: tokens, statements, and places in SQL text.

It follows the server's scanner (`src/backend/parser/scan.l` of PostgreSQL 18) with
`standard_conforming_strings` on, and adds one token of our own, the placeholder.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.identifiers import BARE_NAME, LETTER, LETTER_OR_DIGIT, QUOTED_NAME
from poolhouse.errors import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

BYTE_ORDER_MARK = "\ufeff"


class TokenKind(Enum):
    """What a stretch of SQL text is."""

    WHITESPACE = "white space"
    COMMENT = "comment"
    WORD = "word"
    QUOTED_IDENTIFIER = "quoted identifier"
    LITERAL = "literal"
    BODY = "dollar-quoted body"
    NUMBER = "number"
    PARAMETER = "parameter"
    OPERATOR = "operator"
    PUNCTUATION = "punctuation"
    PLACEHOLDER = "placeholder"


class Token(NamedTuple):
    """The characters from `start` up to but not including `end`."""

    kind: TokenKind
    start: int
    end: int


class Statement(NamedTuple):
    """One statement from its first token to its last; comments around it and its semicolon are left out."""

    text: str
    start: int
    end: int


TRIVIA = frozenset({TokenKind.WHITESPACE, TokenKind.COMMENT})

# A quoted name may hold "}}". An opening that is followed by another one before it is closed was never closed.
CLOSED_PLACEHOLDER = rf"\{{\{{(?:{QUOTED_NAME}|[^\"{{}}]++|\}}(?!\}})|\{{(?!\{{))*+\}}\}}"
PLACEHOLDER = rf"{CLOSED_PLACEHOLDER}|\{{\{{"

_SPACE = r" \t\n\r\f\v"
_DIGITS = "[0-9]++(?:_[0-9]++)*+"
_ESCAPED = r"'(?:[^'\\]++|\\.|'')*+'"
# A run of operator characters ends where a comment starts in it, and gives back + and - at its end unless one of
# ~!@#%^&|`? is in it: "a<-1" is "a < -1" (scan.l, rule {operator}).
_ORDINARY = r"(?!--|/\*)[+\-*/<>=]"
_SPECIAL = r"[~!@#%^&|`?]"

_TOKEN = re.compile(
    rf"""
      (?P<WHITESPACE>[{_SPACE}]++|\A{BYTE_ORDER_MARK})
    | (?P<escaped>[eE]{_ESCAPED})
    | (?P<LITERAL>(?:[bBnNxX]|[uU]&)?'(?:[^']++|'')*+')
    | (?P<QUOTED_IDENTIFIER>(?:[uU]&)?{QUOTED_NAME})
    | (?P<unterminated>(?:[bBeEnNxX]|[uU]&)?'|(?:[uU]&)?")
    | (?P<WORD>{BARE_NAME})
    | (?P<COMMENT>--[^\r\n]*+)
    | (?P<nested>/\*)
    | (?P<PLACEHOLDER>{PLACEHOLDER})
    | (?P<dollar>\$(?:{LETTER}{LETTER_OR_DIGIT}*+)?\$)
    | (?P<PARAMETER>\$[0-9]++)
    | (?P<NUMBER>0[xX](?:_?[0-9A-Fa-f])++|0[oO](?:_?[0-7])++|0[bB](?:_?[01])++
        |(?:{_DIGITS}(?:\.(?!\.)(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+\-]?{_DIGITS})?)
    | (?P<OPERATOR>(?:{_ORDINARY})*+{_SPECIAL}(?:{_SPECIAL}|{_ORDINARY})*+
        |{_ORDINARY}(?:(?:{_ORDINARY})*(?<=[*/<>=]))?)
    | (?P<PUNCTUATION>::|:=|\.\.|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = {kind.name: kind for kind in TokenKind}
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_LINE_END = re.compile(r"\r\n?|\n")

# Literals with a line end between them are one literal, and what follows an E'' is read with its backslashes too.
_CONTINUATION = re.compile(rf"(?:[ \t\f\v]|--[^\r\n]*+)*+[\r\n](?:[{_SPACE}]++|--[^\r\n]*+[\r\n])*+(?=')")
_CONTINUED = re.compile(rf"(?P<escaped>{_ESCAPED})|(?P<unterminated>')", re.DOTALL)


def tokenize(sql: str, *, source: str = "SQL") -> Iterator[Token]:
    """Yield the tokens of `sql` in order; every character belongs to exactly one of them.

    `{{...}}` outside literals, quoted identifiers, comments and dollar-quoted bodies is one PLACEHOLDER,
    whatever is in it; one that is never closed is a PLACEHOLDER of two characters. A byte order mark at the
    start is white space. Raises SqlSyntaxError for a literal, quoted identifier, comment or dollar-quoted
    body that does not end, at the place where it starts, and for a NUL character.
    """
    if (nul := sql.find("\0")) >= 0:
        raise _syntax_error("a NUL character, which PostgreSQL cannot hold", sql, nul, source, "Remove it")
    position, continued = 0, -1
    while (match := (_CONTINUED if position == continued else _TOKEN).match(sql, position)) is not None:
        start, end = position, match.end()
        kind = _PLAIN.get(group := str(match.lastgroup))
        if kind is None:
            if group == "unterminated":
                raise _unterminated(sql, start, source)
            kind, end = _complete(group, sql, start, end, source)
            if group == "escaped" and (gap := _CONTINUATION.match(sql, end)):
                continued = gap.end()
        yield Token(kind, start, end)
        position = end


def split_statements(sql: str, *, source: str = "SQL") -> list[Statement]:
    """Return the statements of `sql` in order, cut at the same semicolons as PostgreSQL's own parser cuts.

    Empty statements are left out. Text that the parser would refuse is cut at every semicolon that is not in
    parentheses or in the body of a routine. Raises SqlSyntaxError as `tokenize`.
    """
    statements: list[Statement] = []
    nesting = _Nesting()
    start = end = -1
    for kind, first, last in tokenize(sql, source=source):
        if kind in TRIVIA:
            continue
        if nesting.is_boundary(sql[first:last], is_word=kind is TokenKind.WORD):
            if start >= 0:
                statements.append(Statement(sql[start:end], start, end))
            start = -1
            continue
        start, end = first if start < 0 else start, last
    if start >= 0:
        statements.append(Statement(sql[start:end], start, end))
    return statements


def line_column(sql: str, offset: int) -> tuple[int, int]:
    r"""Return the line and the column of a character, both counted from 1, columns in characters.

    Lines end with `\n`, `\r\n` or `\r`; a byte order mark takes no column, since no editor shows it.
    """
    line, begin = 1, int(sql.startswith(BYTE_ORDER_MARK))
    for line_end in _LINE_END.finditer(sql):
        if line_end.end() > offset:
            break
        line, begin = line + 1, line_end.end()
    return line, max(offset - begin, 0) + 1


class _Nesting:
    """Tells the semicolons between statements from those inside one.

    PostgreSQL's grammar has a semicolon inside a statement in two places only: in parentheses (CREATE RULE
    ... DO (a; b)) and in the body of a routine, BEGIN ATOMIC a; b; END. `begin`, `atomic` and `end` are
    names elsewhere (`SELECT begin atomic`, `SELECT 1 end`), so a body opens only in a statement that creates
    a routine, and closes only where its next statement would start.
    """

    __slots__ = ("_bodies", "_head", "_parentheses", "_previous")

    def __init__(self) -> None:
        self._parentheses = 0
        self._bodies = 0
        self._head: list[str] = []
        self._previous = ""

    def is_boundary(self, text: str, *, is_word: bool) -> bool:
        if text == ";" and not self._parentheses:
            self._head.clear()
            return not self._bodies
        if text == "(":
            self._parentheses += 1
        elif text == ")":
            self._parentheses = max(0, self._parentheses - 1)
        self._read(text.lower() if is_word else "")
        return False

    def _read(self, word: str) -> None:
        if self._bodies and word == "end" and not self._head:
            self._bodies -= 1
        if self._opens_body(word):
            self._bodies += 1
            self._head.clear()
        elif len(self._head) < 4:
            self._head.append(word)
        self._previous = word

    def _opens_body(self, word: str) -> bool:
        if word != "atomic" or self._previous != "begin" or self._parentheses:
            return False
        head = [word for word in self._head if word not in {"or", "replace"}]
        return head[:1] == ["create"] and head[1:2] in (["function"], ["procedure"])


def _complete(group: str, sql: str, start: int, end: int, source: str) -> tuple[TokenKind, int]:
    if group == "escaped":
        return TokenKind.LITERAL, end
    if group == "nested":
        return TokenKind.COMMENT, _comment_end(sql, start, source)
    delimiter = sql[start:end]
    close = sql.find(delimiter, end)
    if close < 0:
        raise _syntax_error("a dollar-quoted body does not end", sql, start, source, f"Close it with {delimiter}")
    return TokenKind.BODY, close + len(delimiter)


def _comment_end(sql: str, start: int, source: str) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, start):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    remedy = "Close it with */; comments nest, so every /* in it needs its own"
    raise _syntax_error("a comment does not end", sql, start, source, remedy)


def _unterminated(sql: str, start: int, source: str) -> SqlSyntaxError:
    quote = next(character for character in sql[start:] if character in "'\"")
    what = "literal" if quote == "'" else "quoted identifier"
    return _syntax_error(f"a {what} does not end", sql, start, source, f"Close it with {quote}")


def _syntax_error(fact: str, sql: str, offset: int, source: str, remedy: str) -> SqlSyntaxError:
    line, column = line_column(sql, offset)
    return SqlSyntaxError(fact, line=line, column=column, source=source, remedy=remedy)

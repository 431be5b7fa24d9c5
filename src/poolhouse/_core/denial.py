"""Why the server denied a service something, and what its author can do about it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.identifiers import read_name, written_path
from poolhouse._core.lexer import TRIVIA, TokenKind, tokenize
from poolhouse.errors import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


class Denial(NamedTuple):
    """What was denied: `fact` and `remedy` are sentences, `schema` and `table` are None where nobody knows."""

    fact: str
    remedy: str
    schema: str | None = None
    table: str | None = None


class _Word(NamedTuple):
    """A token that is no trivia: as it is compared, and whether it can be a name."""

    text: str
    is_name: bool


class _Mention(NamedTuple):
    """A qualified name in a statement; `is_target` says that the statement changes the rows of what it names."""

    schema: str
    name: str
    is_target: bool


_ASK = "Rows of another service are changed by asking that service: declare a port, and satisfy it in the container"
_MIGRATE = "Write a migration: what a schema consists of is changed by the migrations of the service it belongs to"
_ESTABLISH = (
    "Services get their rights when the container starts, after its migrations: start it again, or call "
    "poolhouse.roles.establish_roles after what has created it"
)
_DDL = frozenset(
    {"alter", "analyze", "cluster", "comment", "create", "drop", "grant", "import", "reassign", "refresh", "reindex"}
    | {"revoke", "security", "vacuum"}
)
_NAMES = frozenset({TokenKind.WORD, TokenKind.QUOTED_IDENTIFIER})
_LOCKS = (("for", "update"), ("for", "no", "key", "update"), ("for", "share"), ("for", "key", "share"))


def explain_denial(
    *, service: str, schema: str, reads: Collection[tuple[str, str]] | None, sql: str, said: str
) -> Denial:
    """Explain why `service`, whose own schema is `schema`, may not run `sql`; `reads` is None where nobody knows them.

    `said` is the server's message. It names a table without its schema, or the schema alone, so the rest is found in
    the statement; without a statement, or one that cannot be read, there is less to say.
    """
    words = _words(sql)
    verb = words[0].text if words else ""
    found = _found([*_mentions(words)], schema, said)
    if verb in _DDL:
        fact = f"{said}: a service may alter and drop nothing, not even its own"
        return Denial(fact, _MIGRATE, *(found[:2] if found else ()))
    if found is None:
        return Denial(said, 'What a service reads of others is declared with reads=["schema.table"]')
    path = written_path(found.schema, found.name)
    if verb == "truncate":
        remedy = "DELETE its rows, or write a migration" if found.schema == schema else _ASK
        return _of(found, f"{said}: a service may not TRUNCATE {path}", remedy)
    if found.schema == schema:
        return _of(found, f"{said}: the role of the service has not been given its rights on {path}", _ESTABLISH)
    is_declared = None if reads is None else found[:2] in reads
    return _of(found, *_of_another(found, path, words, is_declared=is_declared, said=said, service=service))


def _of(found: _Mention, fact: str, remedy: str) -> Denial:
    return Denial(fact, remedy, found.schema, found.name)


def _of_another(
    found: _Mention, path: str, words: Sequence[_Word], *, is_declared: bool | None, said: str, service: str
) -> tuple[str, str]:
    if found.is_target:
        alone = ", which declares to read it and no more" if is_declared else ""
        return f"{said}: the rows of {path} are not those of service {service!r}{alone}", _ASK
    locks = _locks_rows(words)
    if is_declared and locks:
        fact = f"{said}: FOR UPDATE and FOR SHARE lock rows of {path}, and reading alone is declared"
        return fact, f"Read without locking. {_ASK}"
    if is_declared:
        return f"{said}: the declared read of {path} has not been granted", _ESTABLISH
    read = json.dumps(path, ensure_ascii=False)
    lacking, remedy = "reading it is not declared", "Declare it"
    if is_declared is None and locks:
        lacking = "FOR UPDATE and FOR SHARE lock its rows, which no declared read allows"
        remedy = "Read without locking, and declare it"
    fact = f"{said}: {path} belongs to another service, and {lacking}"
    return fact, f"{remedy} where the SchemaManager of {service!r} is built: reads=[{read}]"


def _found(mentions: Sequence[_Mention], own: str, said: str) -> _Mention | None:
    """Return which of `mentions` the server speaks of: it is more likely another's than one's own."""
    foreign_first = sorted(mentions, key=lambda each: (each.schema == own, not each.is_target))
    for part in ("name", "schema"):
        for mention in foreign_first:
            if _is_word(getattr(mention, part), said):
                return mention
    return None


def _is_word(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _words(sql: str) -> list[_Word]:
    try:
        return [
            _Word(_folded(sql[start:end], kind), kind in _NAMES)
            for kind, start, end in tokenize(sql)
            if kind not in TRIVIA
        ]
    except SqlSyntaxError:
        return []


def _folded(text: str, kind: TokenKind) -> str:
    return read_name(text) if kind is TokenKind.QUOTED_IDENTIFIER else text.lower()


def _mentions(words: Sequence[_Word]) -> Iterator[_Mention]:
    texts = [word.text for word in words]
    loads = "copy" in texts and "from" in texts[texts.index("copy") :]
    for place in range(len(words) - 2):
        first, dot, second = words[place : place + 3]
        follows_a_dot = place > 0 and words[place - 1].text == "."
        if first.is_name and dot.text == "." and second.is_name and not follows_a_dot:
            yield _Mention(first.text, second.text, _is_target(texts[max(place - 3, 0) : place], loads=loads))


def _is_target(before: list[str], *, loads: bool) -> bool:
    if before[-1:] == ["only"]:
        before.pop()
    if before[-1:] in (["into"], ["update"]) or before[-2:] == ["delete", "from"]:
        return True
    return loads and before[-1:] == ["copy"]


def _locks_rows(words: Sequence[_Word]) -> bool:
    texts = tuple(word.text for word in words)
    return any(texts[at : at + len(lock)] == lock for lock in _LOCKS for at in range(len(texts)))

"""What a statement is to a runner that may be killed in its middle, as far as its words tell."""

from __future__ import annotations

import re
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.identifiers import BARE_NAME
from poolhouse._core.lexer import TRIVIA, tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence


class StatementKind(Enum):
    """How a statement can be resumed that was interrupted."""

    ATOMIC = "happens whole or not at all, in one transaction with the record of it"
    SESSION = "changes the session only, so that it is run again in every new one"
    CREATE_INDEX = "CREATE INDEX CONCURRENTLY: leaves an invalid index, which is dropped"
    DROP_INDEX = "DROP INDEX CONCURRENTLY: done when the index is gone, else to be run again"
    REINDEX = "REINDEX CONCURRENTLY: leaves invalid copies, which are dropped"
    REPEATABLE = "may be run twice"
    UNKNOWN = "may have done a part of its work, or all of it"


class ConcurrentIndex(NamedTuple):
    """What CREATE, DROP or REINDEX ... CONCURRENTLY names, as written; `table` is None where it is an index."""

    name: str | None
    table: str | None
    only_if_missing: bool = False


# Whatever else these verbs begin can run in a transaction block, and has no other way to take effect.
_ATOMIC = frozenset(
    {"("}
    | {"alter", "comment", "copy", "create", "delete", "drop", "explain", "grant", "import", "insert", "lock", "merge"}
    | {"reassign", "refresh", "revoke", "security", "select", "table", "truncate", "update", "values", "with"}
)
_SESSION = frozenset({"deallocate", "discard", "listen", "load", "prepare", "reset", "set", "unlisten"})
_REPEATABLE = frozenset({"analyze", "checkpoint", "cluster", "notify", "reindex", "vacuum"})
_OUTSIDE = frozenset({"database", "subscription", "system", "tablespace"})
_NEVER_IN_TRANSACTIONS = frozenset(
    {("alter", "system"), *((verb, what) for verb in ("create", "drop") for what in ("database", "tablespace"))}
)
_OPTION_OFF = frozenset({"false", "off", "0"})

_PLAIN_NAME = re.compile(rf'{BARE_NAME}|"(?:[^"]|"")+"')


def kind_of(statement: str) -> StatementKind:
    """Return how `statement`, rendered or not, can be resumed; UNKNOWN where the words do not tell."""
    words = _words(statement)
    if (special := _concurrent_kind(words)) is not None:
        is_several = special is StatementKind.REINDEX and words[_after_options(words)] not in {"index", "table"}
        return StatementKind.UNKNOWN if is_several else special
    verb = words[0] if words else ""
    if verb in _SESSION:
        return StatementKind.SESSION
    if verb in _REPEATABLE or words[:2] == ["alter", "system"]:
        return StatementKind.REPEATABLE
    if verb in {"create", "alter", "drop"} and words[1:2] and words[1] in _OUTSIDE:
        return StatementKind.REPEATABLE if verb == "drop" and words[2:4] == ["if", "exists"] else StatementKind.UNKNOWN
    if _detaches_concurrently(words):
        return StatementKind.UNKNOWN
    return StatementKind.ATOMIC if verb in _ATOMIC else StatementKind.UNKNOWN


def refuses_transactions(statement: str) -> bool:
    """Whether the server runs `statement` outside of transaction blocks only, as far as its words tell."""
    words = _words(statement)
    if _concurrent_kind(words) is not None or _detaches_concurrently(words):
        return True
    return words[:1] == ["vacuum"] or tuple(words[:2]) in _NEVER_IN_TRANSACTIONS


def adds_enum_value(statement: str) -> bool:
    """Whether `statement` is ALTER TYPE ... ADD VALUE, whose value cannot be used in the same transaction."""
    words = _words(statement)
    return words[:2] == ["alter", "type"] and ("add", "value") in pairwise(words)


def concurrent_index(statement: str) -> ConcurrentIndex:
    """Return what a statement of the kinds CREATE_INDEX, DROP_INDEX and REINDEX is about.

    An index without a name has None.
    """
    tokens = _tokens(statement)
    words = [token.lower() for token in tokens]
    if words[0] == "create":
        on = words.index("on")
        start = words.index("concurrently") + 1
        only_if_missing = words[start : start + 2] == ["if", "not"]
        start += 3 if only_if_missing else 0
        table = on + 2 if words[on + 1 : on + 2] == ["only"] else on + 1
        return ConcurrentIndex("".join(tokens[start:on]) or None, _path(tokens, table), only_if_missing)
    if words[0] == "drop":
        return ConcurrentIndex(_path(tokens, 5 if words[3:5] == ["if", "exists"] else 3), None)
    target = _after_options(words)
    name = _path(tokens, target + 2 if words[target + 1 : target + 2] == ["concurrently"] else target + 1)
    return ConcurrentIndex(name, None) if words[target] == "index" else ConcurrentIndex(None, name)


def is_plain_name(name: str) -> bool:
    """Whether `name` is one identifier, bare or in double quotes."""
    return _PLAIN_NAME.fullmatch(name) is not None


def _concurrent_kind(words: Sequence[str]) -> StatementKind | None:
    if words[:1] == ["reindex"]:
        target = _after_options(words)
        said = "concurrently" in words[target + 1 : target + 2] or _has_option(words[1:target])
        return StatementKind.REINDEX if said else None
    if "concurrently" not in words[2:4]:
        return None
    if words[:2] == ["create", "index"] or words[:3] == ["create", "unique", "index"]:
        return StatementKind.CREATE_INDEX if "on" in words else None
    return StatementKind.DROP_INDEX if words[:3] == ["drop", "index", "concurrently"] else None


def _detaches_concurrently(words: Sequence[str]) -> bool:
    return words[:2] == ["alter", "table"] and ("detach", "partition") in pairwise(words) and "concurrently" in words


def _has_option(options: Sequence[str]) -> bool:
    if "concurrently" not in options:
        return False
    return options[options.index("concurrently") + 1] not in _OPTION_OFF


def _after_options(words: Sequence[str]) -> int:
    return words.index(")") + 1 if words[1:2] == ["("] and ")" in words else 1


def _path(tokens: Sequence[str], start: int) -> str | None:
    """Return the qualified name that begins at `start`."""
    end = start + 1
    while tokens[end : end + 1] == ["."]:
        end += 2
    return "".join(tokens[start:end]) or None


def _tokens(statement: str) -> list[str]:
    return [statement[start:end] for kind, start, end in tokenize(statement) if kind not in TRIVIA]


def _words(statement: str) -> list[str]:
    return [token.lower() for token in _tokens(statement)]

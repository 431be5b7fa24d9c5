"""What a statement leaves behind in the session that ran it, as far as its words tell.

What is left behind by the functions and triggers that a statement calls is not in its words, with the exception of
PostgreSQL's own functions. What DISCARD ALL clears, and so what it does not, is in `src/backend/commands/discard.c` of
PostgreSQL 18.
"""

from __future__ import annotations

import re
from enum import IntEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from poolhouse._core.lexer import TRIVIA, TokenKind, split_statements, tokenize
from poolhouse.errors import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class SessionEffect(IntEnum):
    """What a session is like after a statement; the greater, the worse."""

    CLEAN = 0
    """As before: what was done is in the database, or ends with the transaction."""

    DIRTY = 1
    """Changed, or perhaps changed: clear it."""

    SPOILT = 2
    """Changed in what only its end undoes: close it."""


_CLEAN, _DIRTY, _SPOILT = SessionEffect

# These, and what stands in _VERBS, are known; any other verb may leave anything behind. FETCH, MOVE and CLOSE are here
# since the cursor that outlives its transaction was DIRTY when it was declared.
_CLEAN_VERBS = frozenset(
    {"copy", "delete", "insert", "merge", "select", "table", "update", "values", "with"}
    | {"close", "fetch", "lock", "move", "notify", "release", "savepoint", "show", "truncate"}
    | {"analyse", "analyze", "checkpoint", "cluster", "refresh", "reindex", "vacuum"}
    | {"comment", "drop", "grant", "import", "reassign", "revoke", "security"}
)
_TRANSACTION_BOUND = frozenset({"constraints", "local", "transaction"})
_QUERY_STARTS = frozenset({"(", "select", "table", "values", "with"})
_TEMPORARY = frozenset({"temp", "temporary"})
_SCOPES = frozenset({"global", "local"})
# Every other procedural language may keep variables in the session, as PL/Perl has %_SHARED and PL/Python GD.
_STATELESS_LANGUAGES = frozenset({"plpgsql", "'plpgsql'", '"plpgsql"'})
_LIBRARY_LANGUAGES = frozenset({"c", "'c'", '"c"'})

_SPOILING_CALL = re.compile(
    r"dblink_connect(?:_u)?|pg_(?:backup_start|start_backup)|pg_(?:copy|create)_(?:logical|physical)_replication_slot"
    r"|pg_replication_origin_(?:session|xact)_setup"
)
# The xml and ts ones run SQL out of their arguments; set_limit is pg_trgm's way to set its threshold.
_DIRTYING_CALL = re.compile(
    r"pg_(?:try_)?advisory_(?:un)?lock(?:_all|_shared)?|set(?:_limit|seed)|query_to_xml(?:schema|_and_xmlschema)?"
    r"|ts_(?:rewrite|stat)"
)
# It is set like a setting, and yet no transaction's end undoes it.
_SEED = re.compile(r"(?<![\w.])seed(?![\w.])", re.IGNORECASE)
_SPOILING_BODY = re.compile(rf"\b(?:load|{_SPOILING_CALL.pattern})\b", re.IGNORECASE)
# Nobody here decodes a name in Unicode escapes, so that it may be any.
_UNREADABLE_OR_TEMPORARY = re.compile(r'[uU]&".*|("?)pg_temp(?:_[0-9]+)?\1', re.DOTALL)
_DRIVERS_STATEMENT = "__asyncpg_"


def judge(sql: str) -> SessionEffect:
    """Return the worst that the statements of `sql`, rendered or not, do to their session, as far as words tell.

    DIRTY where nothing is known about a statement, and where `sql` is not SQL. Names count where a function of that
    name is called, however it is written, and not in literals, comments and the bodies of routines.
    """
    try:
        statements = [each.text for each in split_statements(sql)] if ";" in sql else [sql]
        return max((_judge(_words(statement)) for statement in statements), default=_CLEAN)
    except SqlSyntaxError:
        return _DIRTY


def _words(statement: str) -> list[str]:
    """Return the tokens: bare words in lower case, all else as it is written."""
    return [
        statement[start:end].lower() if kind is TokenKind.WORD else statement[start:end]
        for kind, start, end in tokenize(statement)
        if kind not in TRIVIA
    ]


def _judge(words: Sequence[str]) -> SessionEffect:
    return max(_judge_verb(words), _judge_names(words))


def _judge_verb(words: Sequence[str]) -> SessionEffect:
    verb = next((word for word in words if word != "("), "")
    if verb in _CLEAN_VERBS or not words:
        return _CLEAN
    special = _VERBS.get(verb)
    return special(words) if special is not None else _DIRTY


def _judge_names(words: Sequence[str]) -> SessionEffect:
    """Judge the functions that are called, and whatever makes something temporary."""
    effect = _CLEAN
    for place, word in enumerate(words):
        if word == "(":
            effect = max(effect, _judge_call(words, place))
        elif word in _TEMPORARY:
            effect = max(effect, _DIRTY if _makes_temporary(words, place) else _CLEAN)
        elif word in {"pg_settings", '"pg_settings"'}:
            # An UPDATE of this view is SET by its rule.
            effect = max(effect, _DIRTY if "update" in words else _CLEAN)
        elif _UNREADABLE_OR_TEMPORARY.fullmatch(word):
            effect = max(effect, _DIRTY)
    return effect


def _judge_call(words: Sequence[str], opening: int) -> SessionEffect:
    name = _name(words[opening - 1]) if opening else ""
    if _SPOILING_CALL.fullmatch(name):
        return _SPOILT
    if name != "set_config":
        return _DIRTY if _DIRTYING_CALL.fullmatch(name) else _CLEAN
    arguments = _arguments(words, opening)
    is_bound = arguments[-1] in (["true"], ["is_local", "=>", "true"])
    return _CLEAN if is_bound and not any(map(_SEED.search, arguments[0])) else _DIRTY


def _arguments(words: Sequence[str], opening: int) -> list[list[str]]:
    arguments: list[list[str]] = [[]]
    depth = 0
    for word in words[opening:]:
        depth += (word in {"(", "["}) - (word in {")", "]"})
        if not depth:
            break
        if word == "," and depth == 1:
            arguments.append([])
        elif word != "(" or depth > 1:
            arguments[-1].append(word)
    return arguments


def _makes_temporary(words: Sequence[str], place: int) -> bool:
    """Tell CREATE TEMP ... and SELECT ... INTO TEMP ... from columns and tables of that name."""
    before = [word for word in words[max(place - 3, 0) : place] if word not in _SCOPES]
    if before[-1:] == ["into"]:
        return before[-2:-1] not in (["insert"], ["merge"])
    return before[-1:] == ["create"] or before[-2:] == ["or", "replace"]


def _name(word: str) -> str:
    return word[1:-1].replace('""', '"') if word[:1] == '"' else word


def _judge_create(words: Sequence[str]) -> SessionEffect:
    # A library stays in the session that loaded it, with all that it hooks into.
    loads_library = words[1:2] == ["extension"] or _language(words) in _LIBRARY_LANGUAGES
    return _SPOILT if loads_library else _CLEAN


def _judge_alter(words: Sequence[str]) -> SessionEffect:
    return _SPOILT if words[1:2] == ["extension"] and "update" in words else _CLEAN


def _judge_set(words: Sequence[str]) -> SessionEffect:
    # LOCAL and the others are no reserved words: "SET local.x = 1" sets a variable for the session.
    is_bound = words[1:2] and words[1] in _TRANSACTION_BOUND and words[2:3] not in ([], ["."], ["="], ["to"], ["from"])
    setting = words[2 if words[1:2] in (["local"], ["session"]) else 1 :]
    if not is_bound or _SEED.fullmatch(_name(setting[0])):
        return _DIRTY
    # A path that begins with it makes whatever is created next temporary.
    return _DIRTY if any("pg_temp" in word.lower() for word in setting) else _CLEAN


def _judge_declare(words: Sequence[str]) -> SessionEffect:
    return _DIRTY if ("with", "hold") in pairwise(words) else _CLEAN


def _judge_do(words: Sequence[str]) -> SessionEffect:
    is_spoiling = _language(words) not in {*_STATELESS_LANGUAGES, ""} or any(map(_SPOILING_BODY.search, words))
    return _SPOILT if is_spoiling else _DIRTY


def _judge_rollback(words: Sequence[str]) -> SessionEffect:
    is_partial = "to" in words[1:3] or words[1:2] == ["prepared"]
    return _CLEAN if is_partial else _DIRTY


def _judge_deallocate(words: Sequence[str]) -> SessionEffect:
    # The driver would go on to use statements that it prepared and that are no more.
    is_drivers = words[-1] == "all" or _name(words[-1]).startswith(_DRIVERS_STATEMENT)
    return _SPOILT if is_drivers else _DIRTY


def _judge_explain(words: Sequence[str]) -> SessionEffect:
    start = 1
    if words[1:2] == ["("] and words[2:3] and words[2] not in _QUERY_STARTS:
        start = words.index(")") + 1 if ")" in words else len(words)
    while words[start : start + 1] and words[start] in {"analyse", "analyze", "verbose"}:
        start += 1
    return _DIRTY if "explain" in words[start : start + 1] else _judge_verb(words[start:] or ["nothing"])


def _language(words: Sequence[str]) -> str:
    """Return the language that a routine or block is said to be in, or nothing."""
    place = words.index("language") + 1 if "language" in words else len(words)
    return words[place].lower() if place < len(words) else ""


_VERBS: dict[str, Callable[[Sequence[str]], SessionEffect]] = {
    "alter": _judge_alter,
    "commit": _judge_rollback,
    "create": _judge_create,
    "deallocate": _judge_deallocate,
    "declare": _judge_declare,
    "discard": _judge_deallocate,
    "do": _judge_do,
    "explain": _judge_explain,
    "load": lambda _: _SPOILT,
    "rollback": _judge_rollback,
    "set": _judge_set,
}

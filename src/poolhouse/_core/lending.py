"""What is said to a server whose sessions a pooler lends, one transaction at a time, and what is not.

Between two transactions such a session is somebody else's: nothing may be left in it, and nothing is found there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from poolhouse._core.identifiers import quote_identifier
from poolhouse._core.lexer import TRIVIA, split_statements, tokenize
from poolhouse._core.literal import literal
from poolhouse._core.session_effects import SessionEffect, judge
from poolhouse._core.statement_kind import refuses_transactions
from poolhouse.errors import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# The greatest that Linux, macOS and the BSDs give a process. PgBouncer's answer is any number of 32 bits.
_GREATEST_PID = 1 << 22

IS_DIRECT = "SELECT 1"

_KEPT = "behind a pooler that lends its connections by transaction, what {} leaves in the session is lost, or another's"
_KEPT_REMEDY = (
    "Keep it within db.transaction(): SET LOCAL, pg_advisory_xact_lock, ON COMMIT DROP; or go past the pooler, or set "
    "pooler to session where it lends by session"
)
_OUTSIDE = "{} cannot run in a transaction, and a service with a role has nothing else behind a pooler"
_OUTSIDE_REMEDY = "Run it in a migration, over migration_dsn, which leads past the pooler"


def is_foreign(pid: int) -> bool:
    """Whether no server would call its process `pid`, so that it may be a pooler's invention."""
    return not 0 < pid <= _GREATEST_PID


def first_message(role: str | None, name: str | None, pid: int) -> str:
    """Return the statement after which a fresh session speaks for `role`, where it is the process `pid` that answers.

    It is called `name` then, or as it was connected where that is None, and the status is IS_DIRECT. Where another
    answers, it is a pooler's to lend, and is left as it was.
    """
    settings = {"role": role, "application_name": name}
    said = (
        f"pg_catalog.set_config('{setting}',{literal(value)}, false)"
        for setting, value in settings.items()
        if value is not None
    )
    return f"SELECT {', '.join(said)} WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {pid}"


def begin(role: str | None, name: str | None, message: str = "BEGIN") -> str:
    """Return `message`, which begins a transaction, with what makes it speak for `role` and be called `name`."""
    return "; ".join((message.removesuffix(";"), *_introduced(role, name)))


def alone(role: str | None, name: str | None, sql: str) -> str:
    """Return a message that is a transaction of its own, in which `role` runs the statements of `sql`.

    Without a role it is `sql` as it is, which is called by no name: what cannot run in a transaction has to be alone.
    """
    return "; ".join((*_introduced(role, name), sql)) if role is not None else sql


def _introduced(role: str | None, name: str | None) -> Iterator[str]:
    """Yield the statements after which the rest of a transaction speaks for `role`, and is called `name`."""
    if role is not None:
        yield f"SET LOCAL ROLE {quote_identifier(role)}"
    if name is not None:
        yield f"SET LOCAL application_name = {literal(name)}"


@lru_cache(maxsize=4_096)
def why_refused(sql: str, effect: SessionEffect, *, has_role: bool) -> tuple[str, str] | None:
    """Return why a statement must not be sent, and a remedy, or None; `effect` is what it does to its session."""
    try:
        statements = [words for each in split_statements(sql) if (words := _words(each.text))]
    except SqlSyntaxError:
        # The server will say what is wrong with it.
        return None
    if effect is not SessionEffect.CLEAN:
        for words in statements:
            if _stays(words):
                return _KEPT.format(_named(words)), _KEPT_REMEDY
    outside = next((words for words in statements if refuses_transactions(" ".join(words))), None)
    return (_OUTSIDE.format(_named(outside)), _OUTSIDE_REMEDY) if outside and has_role else None


def _stays(words: Sequence[str]) -> bool:
    """Whether anything is left after the transaction of a statement."""
    rest = list(words)
    lowered = [word.lower() for word in words]
    if lowered[0] == "call":
        # What a routine does is not in these words, as with SELECT and a function.
        rest[0] = "SELECT"
    for place, word in enumerate(lowered[:3]):
        drops = "on commit drop" in " ".join(lowered)
        if word in {"temp", "temporary"} and lowered[0] == "create" and drops and place:
            del rest[place]
            break
    return judge(" ".join(rest)) is not SessionEffect.CLEAN


def _named(words: Sequence[str]) -> str:
    verb = words[0].upper()
    # Of a query it is what it calls.
    return "a function that it calls" if verb in {"SELECT", "WITH", "VALUES", "TABLE", "("} else verb


def _words(statement: str) -> list[str]:
    return [statement[start:end] for kind, start, end in tokenize(statement) if kind not in TRIVIA]

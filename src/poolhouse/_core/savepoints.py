"""Transactions that are savepoints of one that is rolled back: what is said to the server, and what cannot be had.

The end of a savepoint is made to be like that of a transaction where PostgreSQL can do it: deferred constraints are
checked, and settings for the transaction are gone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from poolhouse._core.identifiers import quote_identifier
from poolhouse._core.lexer import TRIVIA, split_statements, tokenize
from poolhouse._core.session_effects import SessionEffect, judge
from poolhouse._core.statement_kind import refuses_transactions
from poolhouse.errors import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

REMEDY = "Give the test a database of its own, which is not rolled back: @pytest.mark.clone"

# Each transaction within a transaction that has written holds a lock on its own number until its savepoint is released,
# so the number of rows tells whether one has. They are in the status of a message that ends with this.
COUNT_WRITING = (
    "SELECT FROM pg_catalog.pg_locks WHERE locktype OPERATOR(pg_catalog.=) 'transactionid' AND granted "
    "AND mode OPERATOR(pg_catalog.=) 'ExclusiveLock' AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()"
)

READ_CONSTRAINTS = """
SELECT condeferred, pg_catalog.quote_ident(nspname) || '.' || pg_catalog.quote_ident(conname) AS name
FROM pg_catalog.pg_constraint JOIN pg_catalog.pg_namespace ON pg_namespace.oid = connamespace
WHERE condeferrable AND conparentid = 0
"""

_SETTINGS = re.compile(r"\bset_config\s*\(|\bset\s+local\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Constraints:
    """The constraints of a database that can be checked at the end of a transaction.

    `deferred` are those that are unless somebody says otherwise, by names that are quoted where they need it.
    """

    has_deferrable: bool = False
    deferred: tuple[str, ...] = ()


def constraints_of(rows: Collection[tuple[bool, str]]) -> Constraints:
    """Return what the rows of READ_CONSTRAINTS say."""
    return Constraints(bool(rows), tuple(sorted({name for is_deferred, name in rows if is_deferred})))


def begin(name: str, role: str | None, *, readonly: bool = False) -> str:
    """Return the message after which a savepoint is there, and what follows speaks for `role`."""
    limits = "; SET TRANSACTION READ ONLY" if readonly else ""
    return f"SAVEPOINT {name}; {_speak_for(role)}{limits}"


def end(name: str, constraints: Constraints, *, has_settings: bool = False) -> str:
    """Return the message that does for a savepoint what COMMIT does for a transaction."""
    return "; ".join(_ending(name, constraints, has_settings=has_settings))


def _ending(name: str, constraints: Constraints, *, has_settings: bool) -> Iterator[str]:
    if constraints.has_deferrable:
        yield "SET CONSTRAINTS ALL IMMEDIATE"
    if constraints.deferred:
        # PostgreSQL has no way to make them what they are by default, and looks them up with the rights of the role.
        yield _speak_for(None)
        yield f"SET CONSTRAINTS {', '.join(constraints.deferred)} DEFERRED"
    yield f"RELEASE SAVEPOINT {name}"
    if has_settings:
        yield "RESET ALL"


def undo(name: str) -> str:
    """Return the message that does for a savepoint what ROLLBACK does for a transaction."""
    return f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}"


def go_on(message: str, role: str | None) -> str:
    """Return `message`, after which what follows speaks for `role` again."""
    return f"{message}; {_speak_for(role)}"


def _speak_for(role: str | None) -> str:
    return f"SET LOCAL ROLE {quote_identifier(role) if role is not None else 'NONE'}"


def sets_for_transaction(sql: str) -> bool:
    """Whether `sql` changes settings until the end of its transaction; rather too often than too seldom."""
    return _SETTINGS.search(sql) is not None


@lru_cache(maxsize=4_096)
def why_refused(sql: str, effect: SessionEffect) -> str | None:
    """Return why a statement must not be sent in a transaction that is rolled back, or None.

    `effect` is what it does to its session.
    """
    try:
        statements = [words for each in split_statements(sql) if (words := _words(each.text))]
    except SqlSyntaxError:
        # The server will say what is wrong with it.
        return None
    for words in statements:
        if effect is not SessionEffect.CLEAN and _stays(words):
            return f"what {_named(words)} leaves in the session would stay there for everything else in the test"
        if refuses_transactions(" ".join(words)):
            return f"{_named(words)} cannot run in a transaction"
        if words[:2] == ["set", "transaction"] and {"isolation", "snapshot"} & {*words}:
            return "a savepoint has the isolation level of its transaction, and cannot be given another"
    return None


def _stays(words: Sequence[str]) -> bool:
    # What a routine does is not in these words, as with SELECT and a function.
    rest = ["select", *words[1:]] if words[0] == "call" else words
    return judge(" ".join(rest)) is not SessionEffect.CLEAN


def _named(words: Sequence[str]) -> str:
    verb = words[0].upper()
    # Of a query it is what it calls.
    return "a function that it calls" if verb in {"SELECT", "WITH", "VALUES", "TABLE", "("} else verb


def _words(statement: str) -> list[str]:
    """Return the tokens: bare words in lower case, all else as it is written."""
    words = [statement[start:end] for kind, start, end in tokenize(statement) if kind not in TRIVIA]
    return [word.lower() if word[:1].isalpha() else word for word in words]

"""Statements that cannot be part of a migration, found before anything is applied."""

from __future__ import annotations

from itertools import islice, pairwise
from typing import TYPE_CHECKING

from poolhouse._core.lexer import TRIVIA, TokenKind, line_column, split_statements, tokenize
from poolhouse._core.statement_kind import (
    StatementKind,
    concurrent_index,
    is_plain_name,
    kind_of,
    refuses_transactions,
)
from poolhouse.errors import TransactionControlError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poolhouse._core.lexer import Statement

_CONTROL = frozenset({"abort", "begin", "commit", "end", "release", "rollback", "savepoint"})
_CONTROL_PAIRS = frozenset({("prepare", "transaction"), ("set", "transaction"), ("start", "transaction")})
# The driver sends a file as one message and would wait for ever for the data.
_ENCODING = frozenset({"client_encoding", "names"})
_CLIENT_COPY = frozenset({("from", "stdin"), ("to", "stdout")})


def statement_faults(file: str, text: str, *, in_transaction: bool) -> Iterator[TransactionControlError]:
    """Yield an error for each statement of a template that cannot run where a migration runs."""
    for statement in split_statements(text, source=file):
        fault = _client_fault(statement, in_transaction=in_transaction) or (
            _transaction_fault(statement.text) if in_transaction else _index_fault(statement.text)
        )
        if fault is not None:
            line, column = line_column(text, statement.start)
            yield TransactionControlError(file, fault[0], remedy=fault[1], line=line, column=column)


def _client_fault(statement: Statement, *, in_transaction: bool) -> tuple[str, str] | None:
    words = _outer_words(statement)
    head = tuple(islice(words, 2))
    if head[0] in _CONTROL or head in _CONTROL_PAIRS:
        shown = (head[0] if head[0] in _CONTROL else " ".join(head)).upper()
        if in_transaction:
            fact = f"{shown} in a migration, which runs in a transaction together with its record in the ledger"
            return fact, "Remove it; poolhouse begins and commits"
        fact = f"{shown} in a migration without a transaction, whose statements are sent and recorded one by one"
        return fact, "Remove it, and move what belongs together to a migration with a transaction"
    if head[0] == "set" and not _ENCODING.isdisjoint((*head[1:], *islice(words, 1))):
        return "the encoding of the connection is the driver's", "Remove it; everything is sent and read as UTF-8"
    if in_transaction and head == ("reset", "all"):
        fact = "RESET ALL in a migration, which would reset what poolhouse has set for it"
        return fact, "Reset the settings that are meant, by their names"
    if head[0] == "copy" and not _CLIENT_COPY.isdisjoint(pairwise(words)):
        return "COPY to or from the client in a migration, which has no client", "Write INSERT statements"
    return None


def _transaction_fault(statement: str) -> tuple[str, str] | None:
    if not refuses_transactions(statement):
        return None
    fact = "a statement that the server runs outside of transactions only, in a migration that runs in one"
    return fact, "Write `-- poolhouse: no-transaction` at the top of the file, or the statement without CONCURRENTLY"


def _index_fault(statement: str) -> tuple[str, str] | None:
    if kind_of(statement) is not StatementKind.CREATE_INDEX:
        return None
    name = concurrent_index(statement).name
    if name is not None and is_plain_name(name):
        return None
    fact = "an index that is created concurrently without a name, which could not be found again after a crash"
    return fact, "Give it a plain name"


def _outer_words(statement: Statement) -> Iterator[str]:
    """Yield the statement's words outside parentheses, in lower case, and an empty one for any other token."""
    depth = 0
    for kind, start, end in tokenize(statement.text):
        text = statement.text[start:end]
        depth += (text == "(") - (text == ")")
        if kind not in TRIVIA and not depth:
            yield text.lower() if kind is TokenKind.WORD else ""

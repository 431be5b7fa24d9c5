"""How a statement of a migration is written for a replay, which is one transaction on empty tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.lexer import TRIVIA, TokenKind, tokenize
from poolhouse._core.literal import dollar_quoted, literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CONTROL = frozenset({"abort", "begin", "commit", "end", "release", "rollback", "savepoint", "start"})

# None of these changes what a schema holds, and most of them refuse to run in a transaction.
_MAINTENANCE = frozenset({"analyse", "analyze", "checkpoint", "reindex", "vacuum"})
_OUTSIDE = frozenset({"database", "subscription", "system", "tablespace"})


class ReplayStatement(NamedTuple):
    """A statement as it is replayed, after `before`; `extension` is the one that it creates."""

    sql: str
    before: str | None = None
    extension: str | None = None


class _Word(NamedTuple):
    text: str
    start: int
    end: int


def is_transaction_control(statement: str) -> bool:
    """Whether a statement begins or ends transactions, which a replay must not do."""
    words = [word.text for word in _words(statement)]
    return bool(words) and (words[0] in _CONTROL or words[:2] == ["prepare", "transaction"])


def for_replay(statement: str) -> ReplayStatement | None:
    """Return what stands for `statement` in a replay; None when nothing does, since it changes no schema.

    CONCURRENTLY is taken out: nobody else uses what a replay makes, and what is left makes the same.
    """
    words = list(_words(statement))
    heads = [word.text for word in words]
    if _is_beside_schemas(heads):
        return None
    if heads[:2] == ["create", "extension"]:
        named = 5 if heads[2:5] == ["if", "not", "exists"] else 2
        extension = _name(statement, words[named]) if named < len(words) else None
        return ReplayStatement(statement, extension=extension)
    concurrently = _place_of_concurrently(heads)
    if concurrently is None:
        return ReplayStatement(statement)
    # Blanks in its place keep the positions in errors right.
    _, start, end = words[concurrently]
    rewritten = f"{statement[:start]}{' ' * (end - start)}{statement[end:]}"
    if heads[0] != "alter":
        return ReplayStatement(rewritten)
    partition = statement[words[heads.index("detach") + 1].end : start].strip()
    return ReplayStatement(rewritten, before=_keep_bounds(partition))


def _keep_bounds(partition: str) -> str:
    # Detached concurrently, a partition keeps its bounds as a constraint; else it does not.
    bounds = f"pg_catalog.pg_get_partition_constraintdef({literal(partition)}::pg_catalog.regclass)"
    body = f"BEGIN EXECUTE {literal(f'ALTER TABLE {partition} ADD CHECK (')} || {bounds} || ')'; END"
    return f"DO {dollar_quoted(body)}"


def adds_enum_value(statement: str) -> bool:
    """Whether `statement` is ALTER TYPE ... ADD VALUE."""
    heads = [word.text for word in _words(statement)]
    return heads[:2] == ["alter", "type"] and "value" in heads and heads[heads.index("value") - 1] == "add"


def creates_enum(statement: str) -> bool:
    """Whether `statement` is CREATE TYPE ... AS ENUM."""
    heads = [word.text for word in _words(statement)]
    return heads[:2] == ["create", "type"] and "enum" in heads and heads[heads.index("enum") - 1] == "as"


def with_labels(statement: str, labels: Sequence[str]) -> str:
    """Return a CREATE TYPE ... AS ENUM with other labels."""
    words = list(_words(statement))
    enum = next(word for word in words if word.text == "enum")
    opening = statement.index("(", enum.end)
    return f"{statement[: opening + 1]}{', '.join(map(literal, labels))})"


def renaming(statement: str, old: str, new: str) -> str:
    """Return, in place of an ALTER TYPE ... ADD VALUE, one that renames a label."""
    words = list(_words(statement))
    add = next(index for index, word in enumerate(words) if word.text == "value") - 1
    subject = statement[: words[add].start]
    return f"{subject}RENAME VALUE {literal(old)} TO {literal(new)}"


def _words(statement: str) -> Iterator[_Word]:
    """Yield the words in lower case, and all other tokens as they are, but for white space and comments."""
    for kind, start, end in tokenize(statement):
        if kind not in TRIVIA:
            text = statement[start:end]
            yield _Word(text.lower() if kind is TokenKind.WORD else text, start, end)


def _name(statement: str, word: _Word) -> str:
    written = statement[word.start : word.end]
    return written[1:-1].replace('""', '"') if written.startswith('"') else written.lower()


def _is_beside_schemas(heads: Sequence[str]) -> bool:
    if not heads or heads[0] in _MAINTENANCE:
        return bool(heads)
    if heads[0] == "cluster":
        return not any(word not in {"cluster", "verbose", "(", ")", "on", "off", "true", "false"} for word in heads)
    if heads[0] in {"alter", "create", "drop"} and len(heads) > 1:
        return heads[1] in _OUTSIDE or (heads[0] == "alter" and "detach" in heads and heads[-1] == "finalize")
    return False


def _place_of_concurrently(heads: Sequence[str]) -> int | None:
    for lead in (
        ("create", "index"),
        ("create", "unique", "index"),
        ("drop", "index"),
        ("refresh", "materialized", "view"),
    ):
        if tuple(heads[: len(lead) + 1]) == (*lead, "concurrently"):
            return len(lead)
    if heads[:2] == ["alter", "table"] and "detach" in heads and heads[-1] == "concurrently":
        return len(heads) - 1
    return None

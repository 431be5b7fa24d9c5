"""Writing one migration that stands for several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse._core.directives import Range, without_directives
from poolhouse._core.lexer import BYTE_ORDER_MARK, TRIVIA, TokenKind, line_column, split_statements, tokenize
from poolhouse._core.replay import adds_enum_value, for_replay
from poolhouse._core.statement_kind import StatementKind, kind_of
from poolhouse.errors import MigrationSquashError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from poolhouse._core.lexer import Statement
    from poolhouse._core.migration_file import VersionedFile

_BY_HAND = "Write the file by hand, with `-- poolhouse: {}` at its top, and let --prove compare"


def squash_text(files: Sequence[VersionedFile], *, module: str) -> str:
    """Return a migration that makes what `files` of `module` make, one after the other, in a new schema.

    Raises MigrationSquashError for what cannot be one transaction.
    """
    last = files[-1].version
    first = min(file.directives.replaces.first if file.directives.replaces else file.version for file in files)
    replaces = f"replaces: {Range(first, last)}"
    has_bodies = any(file.directives.template_bodies for file in files)
    directives = [replaces, *(["template-bodies"] if has_bodies else []), *_kept(files, module)]
    head = "".join(f"-- poolhouse: {each}\n" for each in directives)
    remedy = _BY_HAND.format(replaces)
    parts = [f"-- {file.filename}\n{_body(file, has_bodies=has_bodies, remedy=remedy)}\n" for file in files]
    return "\n".join((head, *parts))


def refuse_new_labels(file: VersionedFile, *, remedy: str) -> None:
    """Raise MigrationSquashError where `file` adds a value to an enum, which its transaction could not use."""
    for statement in split_statements(file.text, source=file.file):
        if adds_enum_value(statement.text):
            fact = "ALTER TYPE ... ADD VALUE, which nothing in the same transaction could use"
            raise _refused(file, statement, fact, remedy=remedy)


def _kept(files: Sequence[VersionedFile], module: str) -> list[str]:
    depends = [f"depends: {each}" for file in files for each in file.directives.depends if each.module != module]
    allow = [f"allow: {each.rule} {each.reason}" for file in files for each in file.directives.allow]
    return [*dict.fromkeys((*depends, *allow))]


def _body(file: VersionedFile, *, has_bodies: bool, remedy: str) -> str:
    refuse_new_labels(file, remedy=f"Give the type that label where it is created. {remedy}")
    if has_bodies and not file.directives.template_bodies:
        _refuse_braces(file, remedy=remedy)
    if file.directives.no_transaction:
        return "\n\n".join(_in_transaction(file, remedy=remedy))
    text = file.text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n")
    return _ended(without_directives(text, tokenize(text, source=file.file)).strip())


def _in_transaction(file: VersionedFile, *, remedy: str) -> Iterator[str]:
    for statement in split_statements(file.text, source=file.file):
        rewritten = for_replay(statement.text)
        if rewritten is None and kind_of(statement.text) is StatementKind.REPEATABLE:
            continue
        if rewritten is None or rewritten.before is not None:
            fact = "this statement has no form that runs in a transaction and does the same"
            raise _refused(file, statement, fact, remedy=remedy)
        yield f"{_without_gap(rewritten.sql, statement.text)};"


def _without_gap(rewritten: str, statement: str) -> str:
    """Return a rewritten statement without the blanks that stand in the place of what was taken out."""
    gap = [index for index, pair in enumerate(zip(rewritten, statement, strict=True)) if pair[0] != pair[1]]
    return f"{rewritten[: gap[0]].rstrip()} {rewritten[gap[-1] + 1 :].lstrip()}" if gap else rewritten


def _ended(text: str) -> str:
    """Return `text` with a semicolon behind its last statement."""
    code = [token for token in tokenize(text) if token.kind not in TRIVIA]
    if not code or text[code[-1].start : code[-1].end] == ";":
        return text
    return f"{text[: code[-1].end]};{text[code[-1].end :]}"


def _refuse_braces(file: VersionedFile, *, remedy: str) -> None:
    for kind, start, end in tokenize(file.text, source=file.file):
        if kind is TokenKind.BODY and "{{" in file.text[start:end]:
            line, column = line_column(file.text, start)
            fact = "a body with {{, where another file says template-bodies"
            raise MigrationSquashError(f"{file.file}:{line}:{column}", fact, remedy=remedy)


def _refused(file: VersionedFile, statement: Statement, fact: str, *, remedy: str) -> MigrationSquashError:
    line, column = line_column(file.text, statement.start)
    return MigrationSquashError(f"{file.file}:{line}:{column}", fact, remedy=remedy)

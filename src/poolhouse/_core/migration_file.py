"""One file of a migration set: its name, its directives, and everything that can be wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.checksum import canonical_checksum, raw_checksum
from poolhouse._core.lexer import TRIVIA, TokenKind, line_column, split_statements, tokenize
from poolhouse._core.suggestion import nearest
from poolhouse._core.template import compile_template
from poolhouse.errors import (
    DirectiveError,
    MigrationFilesError,
    MigrationNameError,
    MigrationTextError,
    PoolhouseError,
    SqlSyntaxError,
    TemplateError,
    TransactionControlError,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from poolhouse._core.lexer import Statement, Token
    from poolhouse._core.template import Rendering

HIGHEST_VERSION = 2**63 - 1  # a bigint holds it

_NAME = re.compile(r"([0-9]+)_([A-Za-z0-9][A-Za-z0-9_-]*)\.sql")
_REPEATABLE = re.compile(r"R_.*\.sql", re.IGNORECASE)
_FORM = "<digits>_<name>.sql, as in 0007_add_status.sql; letters, digits, _ and - make a name"

_TEMPLATE_BODIES = "template-bodies"
_PLANNED = (
    "allow",
    "depends",
    "irreversible",
    "isolate",
    "lock-timeout",
    "no-transaction",
    "phase",
    "statement-timeout",
)
_DIRECTIVE = re.compile(r"--\s*poolhouse\s*:\s*(?P<word>[^\s:]*)\s*:?\s*(?P<argument>.*)")

_CONTROL = frozenset({"abort", "begin", "commit", "end", "release", "rollback", "savepoint"})
_CONTROL_PAIRS = frozenset({("prepare", "transaction"), ("set", "transaction"), ("start", "transaction")})
# The driver sends a file as one message and would wait for ever for the data.
_CLIENT_COPY = frozenset({("from", "stdin"), ("to", "stdout")})


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """A migration as it was written; `file` is its path as messages show it."""

    file: str
    version: int
    name: str
    text: str = field(repr=False)
    checksum: bytes = field(repr=False)
    raw_checksum: bytes = field(repr=False)
    template_bodies: bool = False

    @property
    def filename(self) -> str:
        """The file's name without its folder."""
        return PurePath(self.file).name

    def rendering(self, schema: str, reads: Collection[str]) -> Rendering:
        """Return the SQL for `schema`, with the origin of each of its characters."""
        return compile_template(self.text, source=self.file, bodies=self.template_bodies).rendering(schema, reads)


@dataclass(frozen=True, slots=True, eq=False)
class LoadedMigrations:
    """The checked files of one migration set, in the order of their versions."""

    module: str
    schema: str
    reads: frozenset[str]
    directory: str
    files: tuple[MigrationFile, ...]

    def __repr__(self) -> str:
        return f"<LoadedMigrations of module {self.module!r}, schema {self.schema!r}: {len(self.files)} files>"


class _Directive(NamedTuple):
    word: str
    argument: str
    offset: int
    in_head: bool


def parse_name(file: str) -> tuple[int, str]:
    """Return version and name out of a path such as `migrations/users/0007_add_status.sql`; else MigrationNameError."""
    filename = PurePath(file).name
    match = _NAME.fullmatch(filename)
    if match is None and _REPEATABLE.fullmatch(filename):
        fact = "repeatable migrations are not supported by this version of poolhouse"
        raise MigrationNameError(file, fact, remedy=f"Write it as a versioned one: {_FORM}")
    if match is None:
        raise MigrationNameError(
            file, "it is not named as a migration", remedy=f"Name it {_FORM}, or move it elsewhere"
        )
    if int(match[1]) > HIGHEST_VERSION:
        raise MigrationNameError(file, "its version is too large", remedy=f"The highest is {HIGHEST_VERSION}")
    return int(match[1]), match[2]


def parse_migration(file: str, data: bytes, *, schema: str, reads: Collection[str] = ()) -> MigrationFile:
    """Return the migration that `data` holds, rendered once for `schema` to see that it can be.

    Raises MigrationNameError for its name, else MigrationFilesError with everything that is wrong with its text.
    """
    version, name = parse_name(file)
    try:
        text = _decode(file, data)
        tokens = list(tokenize(text, source=file))
    except (MigrationTextError, SqlSyntaxError) as error:
        raise MigrationFilesError([error]) from None
    directives = list(_directives(text, tokens))
    migration = MigrationFile(
        file=file,
        version=version,
        name=name,
        text=text,
        checksum=canonical_checksum(text),
        raw_checksum=raw_checksum(data),
        template_bodies=any(directive.word == _TEMPLATE_BODIES for directive in directives),
    )
    faults: list[PoolhouseError] = [*_directive_faults(file, text, directives), *_statement_faults(file, text)]
    try:
        migration.rendering(schema, reads)
    except TemplateError as error:
        faults.append(error)
    if faults:
        raise MigrationFilesError(faults)
    return migration


def _decode(file: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = line_column(data[: error.start].decode("utf-8"), error.start)
        fact = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise MigrationTextError(file, fact, line=line, column=column, remedy="Save the file as UTF-8") from None


def _directives(text: str, tokens: Iterable[Token]) -> Iterator[_Directive]:
    in_head = True
    for kind, start, end in tokens:
        in_head = in_head and kind in TRIVIA
        if kind is TokenKind.COMMENT and (match := _DIRECTIVE.fullmatch(text, start, end)):
            yield _Directive(match["word"], match["argument"].strip(), start, in_head)


def _directive_faults(file: str, text: str, directives: Iterable[_Directive]) -> Iterator[DirectiveError]:
    for directive in directives:
        word = directive.word
        line, column = line_column(text, directive.offset)
        if word in _PLANNED:
            fact = f"directive {word!r} is not supported by this version of poolhouse"
            remedy = "Upgrade poolhouse, or write the migration without it"
        elif word != _TEMPLATE_BODIES:
            close = nearest(word, (_TEMPLATE_BODIES, *_PLANNED))
            fact = f"there is no directive {word!r}"
            remedy = f"Did you mean {close}?" if close else f"Known is {_TEMPLATE_BODIES}"
        elif directive.argument:
            fact, remedy = f"directive {word!r} takes no argument", "Write each directive on a line of its own"
        elif not directive.in_head:
            fact, remedy = "a directive stands below the first statement", "Move it to the top of the file"
        else:
            continue
        yield DirectiveError(file, fact, remedy=remedy, line=line, column=column)


def _statement_faults(file: str, text: str) -> Iterator[TransactionControlError]:
    for statement in split_statements(text, source=file):
        words = _outer_words(statement)
        head = tuple(islice(words, 2))
        if head[0] in _CONTROL or head in _CONTROL_PAIRS:
            shown = head[0] if head[0] in _CONTROL else " ".join(head)
            fact = f"{shown.upper()} in a migration, which runs in a transaction together with its record in the ledger"
            remedy = "Remove it; poolhouse begins and commits"
        elif head[0] == "copy" and not _CLIENT_COPY.isdisjoint(pairwise(words)):
            fact, remedy = "COPY to or from the client in a migration, which has no client", "Write INSERT statements"
        else:
            continue
        line, column = line_column(text, statement.start)
        yield TransactionControlError(file, fact, remedy=remedy, line=line, column=column)


def _outer_words(statement: Statement) -> Iterator[str]:
    """Yield the statement's words outside parentheses, in lower case, and an empty one for any other token."""
    depth = 0
    for kind, start, end in tokenize(statement.text):
        text = statement.text[start:end]
        depth += (text == "(") - (text == ")")
        if kind not in TRIVIA and not depth:
            yield text.lower() if kind is TokenKind.WORD else ""

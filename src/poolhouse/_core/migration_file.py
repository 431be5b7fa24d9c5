"""One file of a migration set: its name, its directives, and everything that can be wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from poolhouse._core.checksum import canonical_checksum, directed_checksum, raw_checksum
from poolhouse._core.directives import Directives, Phase, parse_directives
from poolhouse._core.lexer import line_column, tokenize
from poolhouse._core.statement_faults import statement_faults
from poolhouse._core.template import compile_template
from poolhouse.errors import (
    DirectiveError,
    MigrationFilesError,
    MigrationNameError,
    MigrationTextError,
    PoolhouseError,
    SqlSyntaxError,
    TemplateError,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from poolhouse._core.template import Rendering

HIGHEST_VERSION = 2**63 - 1  # a bigint holds it

_NAME = re.compile(r"([0-9]+)_([A-Za-z0-9][A-Za-z0-9_-]*)\.sql")
_REPEATABLE = re.compile(r"R_([A-Za-z0-9][A-Za-z0-9_-]*)\.sql")
_FORM = "<digits>_<name>.sql, as in 0007_add_status.sql, or R_<name>.sql; letters, digits, _ and - make a name"


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """A migration as it was written; `file` is its path as messages show it."""

    file: str
    name: str
    text: str = field(repr=False)
    checksum: bytes = field(repr=False)
    raw_checksum: bytes = field(repr=False)
    directives: Directives

    @property
    def filename(self) -> str:
        """The file's name without its folder."""
        return PurePath(self.file).name

    def rendering(self, schema: str, reads: Collection[str]) -> Rendering:
        """Return the SQL for `schema`, with the origin of each of its characters."""
        template = compile_template(self.text, source=self.file, bodies=self.directives.template_bodies)
        return template.rendering(schema, reads)


@dataclass(frozen=True, slots=True)
class VersionedFile(MigrationFile):
    """A migration that is applied once, in the order of versions; as `is_baseline`, it is recorded and not run."""

    version: int
    is_baseline: bool = False

    @property
    def is_contract(self) -> bool:
        """Whether it takes something away that an older release may still use."""
        return self.directives.phase is Phase.CONTRACT

    def as_baseline(self) -> VersionedFile:
        """Return the same migration without anything to run, for where all that it does is done already."""
        return replace(self, text="", is_baseline=True)


@dataclass(frozen=True, slots=True)
class RepeatableFile(MigrationFile):
    """A migration that is applied after the versioned ones, whenever its content differs from what was applied."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedMigrations:
    """The checked files of one migration set: versioned ones in the order of versions, repeatable ones of names.

    `applies_late` says that a file below the head that was not applied is pending, and not an error. `folder_digest`
    is that of the whole folder as it was read, None where it is not known.
    """

    module: str
    schema: str
    reads: frozenset[str]
    directory: str
    files: tuple[VersionedFile, ...]
    repeatables: tuple[RepeatableFile, ...] = ()
    applies_late: bool = False
    folder_digest: bytes | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        count = len(self.files) + len(self.repeatables)
        return f"<LoadedMigrations of module {self.module!r}, schema {self.schema!r}: {count} files>"

    @property
    def newest(self) -> int:
        """The highest version; -1 without versioned files."""
        return self.files[-1].version if self.files else -1


def parse_name(file: str) -> tuple[int | None, str]:
    """Return version and name out of a path such as `migrations/users/0007_add_status.sql`; else MigrationNameError.

    The version of a repeatable migration is None.
    """
    filename = PurePath(file).name
    if (repeatable := _REPEATABLE.fullmatch(filename)) is not None:
        return None, repeatable[1]
    match = _NAME.fullmatch(filename)
    if match is None:
        raise MigrationNameError(
            file, "it is not named as a migration", remedy=f"Name it {_FORM}, or move it elsewhere"
        )
    if int(match[1]) > HIGHEST_VERSION:
        raise MigrationNameError(file, "its version is too large", remedy=f"The highest is {HIGHEST_VERSION}")
    return int(match[1]), match[2]


def parse_migration(
    file: str, data: bytes, *, schema: str, reads: Collection[str] = ()
) -> VersionedFile | RepeatableFile:
    """Return the migration that `data` holds, rendered once for `schema` to see that it can be.

    Raises MigrationNameError for its name, else MigrationFilesError with everything that is wrong with its text.
    """
    version, name = parse_name(file)
    try:
        text = _decode(file, data)
        tokens = list(tokenize(text, source=file))
    except (MigrationTextError, SqlSyntaxError) as error:
        raise MigrationFilesError([error]) from None
    directives, directive_faults = parse_directives(file, text, tokens)
    checksum = directed_checksum(canonical_checksum(text), directives.meaning)
    raw = raw_checksum(data)
    migration = (
        RepeatableFile(file, name, text, checksum, raw, directives)
        if version is None
        else VersionedFile(file, name, text, checksum, raw, directives, version)
    )
    faults: list[PoolhouseError] = [
        *directive_faults,
        *_unfit_directives(migration),
        *statement_faults(file, text, in_transaction=not directives.no_transaction),
    ]
    try:
        migration.rendering(schema, reads)
    except TemplateError as error:
        faults.append(error)
    if faults:
        raise MigrationFilesError(faults)
    return migration


def _unfit_directives(file: MigrationFile) -> Iterator[DirectiveError]:
    said = file.directives
    if isinstance(file, RepeatableFile):
        words = {
            "no-transaction": said.no_transaction,
            "phase": said.phase,
            "irreversible": said.irreversible,
            "replaces": said.replaces,
        }
        for word in (word for word, is_said in words.items() if is_said):
            fact = f"directive {word!r} in a repeatable migration"
            yield DirectiveError(file.file, fact, remedy="Move what needs it to a versioned migration")
    elif said.replaces and (said.no_transaction or said.phase is Phase.CONTRACT):
        fact = "directive 'replaces' in a migration that is outside of transactions, or of phase contract"
        yield DirectiveError(file.file, fact, remedy="It only ever runs in a new schema, and needs neither")


def _decode(file: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = line_column(data[: error.start].decode("utf-8"), error.start)
        fact = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise MigrationTextError(file, fact, line=line, column=column, remedy="Save the file as UTF-8") from None

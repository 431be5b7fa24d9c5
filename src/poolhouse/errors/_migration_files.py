"""Errors in the files of migrations, found before the database is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.errors._base import PoolhouseError, Violations
from poolhouse.errors._migrations import MigrationError, at

if TYPE_CHECKING:
    from collections.abc import Sequence


class MigrationFilesError(Violations[PoolhouseError], MigrationError):
    """Everything that is wrong with the files of one or more migration sets; the database was not asked.

    `violations` holds MigrationFileErrors, and for SQL that does not lex or render, SqlSyntaxErrors and TemplateErrors.
    """

    def __init__(self, violations: Sequence[PoolhouseError]) -> None:
        super().__init__("the migration files", violations)


class MigrationFileError(MigrationError):
    """One fault in one file or folder; `line` and `column` count from 1 and are None where the file is meant whole."""

    def __init__(
        self, file: str, fact: str, *, remedy: str, line: int | None = None, column: int | None = None
    ) -> None:
        self.file = file
        self.line = line
        self.column = column
        super().__init__(fact, place=at(file, line, column), remedy=remedy)


class MigrationFolderError(MigrationFileError):
    """The folder of a migration set is missing, empty, or no folder."""


class MigrationNameError(MigrationFileError):
    """A file's name says neither that it is a migration nor that it may be ignored."""


class DuplicateVersionError(MigrationFileError):
    """Two files have the same version."""

    def __init__(self, file: str, other: str, *, version: int) -> None:
        self.other = other
        self.version = version
        super().__init__(
            file, f"it has version {version}, and so has {other}", remedy="Give the newer one the next free version"
        )


class MigrationTextError(MigrationFileError):
    """A file cannot be read, or does not hold UTF-8 text."""


class DirectiveError(MigrationFileError):
    """A `-- poolhouse:` comment that is unknown, misplaced, given twice, or cannot be read."""


class TransactionControlError(MigrationFileError):
    """A statement that cannot run where a migration runs: COMMIT, COPY FROM STDIN, VACUUM inside a transaction."""


class MigrationDependencyError(MigrationFileError):
    """A migration depends on one that is not there, that waits for its own command, or, in a circle, on itself."""

"""Errors of files and a database that disagree about what was applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.errors._base import Violations
from poolhouse.errors._migrations import InSchema, MigrationError

if TYPE_CHECKING:
    from collections.abc import Sequence


class MigrationDriftError(Violations[MigrationError], MigrationError):
    """Files and database disagree about what has been applied; nothing was applied, in any schema."""

    def __init__(self, violations: Sequence[MigrationError]) -> None:
        super().__init__("the migrations and the database", violations)


class ModifiedMigrationError(InSchema):
    """A file was changed after it had been applied; `command` accepts it as it is now."""

    def __init__(self, file: str, *, module: str, schema: str, version: int, command: str) -> None:
        self.file = file
        self.command = command
        self.version = version
        super().__init__(
            f"it was changed after it had been applied to schema {schema!r}",
            module=module,
            schema=schema,
            place=file,
            remedy="Restore the file as it was, and make the change in a new migration; "
            f"or, where the schema is as the file says now, run: {command}",
        )


class MissingMigrationError(InSchema):
    """A migration was applied, newer ones have files, and its own file is gone; `twin` has the same content."""

    def __init__(self, name: str, *, directory: str, module: str, schema: str, version: int, twin: str | None) -> None:
        self.name = name
        self.version = version
        self.twin = twin
        renamed = f"Rename {twin}, which has the same content, back to version {version}"
        super().__init__(
            f"version {version} ({name}) was applied to schema {schema!r}, and its file is missing",
            module=module,
            schema=schema,
            place=directory,
            remedy=renamed if twin else "Restore the file, for example from version control",
        )


class ReplacedMigrationsError(InSchema):
    """A migration stands for others, of which a schema has some, and the files of the rest are gone.

    `applied` is the last that the schema has, `last` the last that there was.
    """

    def __init__(self, file: str, *, module: str, schema: str, version: int, applied: int, last: int) -> None:
        self.file = file
        self.version = version
        self.applied = applied
        self.last = last
        super().__init__(
            f"it stands for versions up to {last}; schema {schema!r} has those up to {applied}, and the files of the "
            "rest are gone",
            module=module,
            schema=schema,
            place=file,
            remedy="Apply the release that still has them, then this one",
        )


class LateMigrationError(InSchema):
    """A file has a lower version than what was applied already, and was not applied itself."""

    def __init__(self, file: str, *, module: str, schema: str, version: int, applied: int) -> None:
        self.file = file
        self.version = version
        self.applied = applied
        super().__init__(
            f"it was not applied to schema {schema!r}, which is at version {applied} already",
            module=module,
            schema=schema,
            place=file,
            remedy=f"Give it a version above {applied}, or let such files be applied: "
            "MigrationSet(..., out_of_order='apply')",
        )


class DivergedMigrationsError(InSchema):
    """The database has migrations that have no files, and the files have others that were not applied."""

    def __init__(
        self, directory: str, *, module: str, schema: str, files: Sequence[str], applied: Sequence[str]
    ) -> None:
        self.files = tuple(files)
        self.applied = tuple(applied)
        super().__init__(
            f"schema {schema!r} has {', '.join(applied)} applied, which is not here, "
            f"while {', '.join(files)} is here and not applied",
            module=module,
            schema=schema,
            place=directory,
            remedy="Bring in the files of the version that was deployed, and give yours versions above them",
        )


class SchemaDroppedError(InSchema):
    """The ledger says that a schema was migrated, but the schema is gone; `forget` is SQL that starts it afresh."""

    def __init__(self, *, module: str, schema: str, version: int, forget: str) -> None:
        self.version = version
        self.forget = forget
        super().__init__(
            f"the ledger says that schema {schema!r} is at version {version}, but there is no such schema",
            module=module,
            schema=schema,
            place=f"module {module!r}",
            remedy=f"Restore it from a backup, or, to start with an empty one, run: {forget}",
        )


class LedgerError(InSchema):
    """The tables of the ledger contradict each other, as after an edit by hand."""

    def __init__(self, fact: str, *, module: str, schema: str) -> None:
        super().__init__(
            fact,
            module=module,
            schema=schema,
            remedy="Restore poolhouse.head and poolhouse.ledger from a backup; poolhouse.event shows what was applied",
        )

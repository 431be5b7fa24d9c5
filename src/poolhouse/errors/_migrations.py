"""Errors of migrations: in their files, against the ledger, while they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.errors._base import PoolhouseError, Violations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_SHOWN = 5  # of the errors of many schemas in one message


class MigrationError(PoolhouseError):
    """Migrations were not, or not all, applied; what had been applied before stays applied and recorded."""


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
        super().__init__(fact, place=file if line is None else f"{file}:{line}:{column}", remedy=remedy)


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


class MigrationDriftError(Violations[MigrationError], MigrationError):
    """Files and database disagree about what has been applied; nothing was applied, in any schema."""

    def __init__(self, violations: Sequence[MigrationError]) -> None:
        super().__init__("the migrations and the database", violations)


class ModifiedMigrationError(MigrationError):
    """A file was changed after it had been applied; `command` accepts it as it is now."""

    def __init__(self, file: str, *, module: str, schema: str, version: int, command: str) -> None:
        self.file = file
        self.command = command
        self.module = module
        self.schema = schema
        self.version = version
        super().__init__(
            f"it was changed after it had been applied to schema {schema!r}",
            place=file,
            remedy="Restore the file as it was, and make the change in a new migration; "
            f"or, where the schema is as the file says now, run: {command}",
        )


class MissingMigrationError(MigrationError):
    """A migration was applied, newer ones have files, and its own file is gone; `twin` has the same content."""

    def __init__(self, name: str, *, directory: str, module: str, schema: str, version: int, twin: str | None) -> None:
        self.name = name
        self.module = module
        self.schema = schema
        self.version = version
        self.twin = twin
        renamed = f"Rename {twin}, which has the same content, back to version {version}"
        super().__init__(
            f"version {version} ({name}) was applied to schema {schema!r}, and its file is missing",
            place=directory,
            remedy=renamed if twin else "Restore the file, for example from version control",
        )


class ReplacedMigrationsError(MigrationError):
    """A migration stands for others, of which a schema has some, and the files of the rest are gone.

    `applied` is the last that the schema has, `last` the last that there was.
    """

    def __init__(self, file: str, *, module: str, schema: str, version: int, applied: int, last: int) -> None:
        self.file = file
        self.module = module
        self.schema = schema
        self.version = version
        self.applied = applied
        self.last = last
        super().__init__(
            f"it stands for versions up to {last}; schema {schema!r} has those up to {applied}, and the files of the "
            "rest are gone",
            place=file,
            remedy="Apply the release that still has them, then this one",
        )


class LateMigrationError(MigrationError):
    """A file has a lower version than what was applied already, and was not applied itself."""

    def __init__(self, file: str, *, module: str, schema: str, version: int, applied: int) -> None:
        self.file = file
        self.module = module
        self.schema = schema
        self.version = version
        self.applied = applied
        super().__init__(
            f"it was not applied to schema {schema!r}, which is at version {applied} already",
            place=file,
            remedy=f"Give it a version above {applied}, or let such files be applied: "
            "MigrationSet(..., out_of_order='apply')",
        )


class DivergedMigrationsError(MigrationError):
    """The database has migrations that have no files, and the files have others that were not applied."""

    def __init__(
        self, directory: str, *, module: str, schema: str, files: Sequence[str], applied: Sequence[str]
    ) -> None:
        self.module = module
        self.schema = schema
        self.files = tuple(files)
        self.applied = tuple(applied)
        super().__init__(
            f"schema {schema!r} has {', '.join(applied)} applied, which is not here, "
            f"while {', '.join(files)} is here and not applied",
            place=directory,
            remedy="Bring in the files of the version that was deployed, and give yours versions above them",
        )


class SchemaDroppedError(MigrationError):
    """The ledger says that a schema was migrated, but the schema is gone; `forget` is SQL that starts it afresh."""

    def __init__(self, *, module: str, schema: str, version: int, forget: str) -> None:
        self.module = module
        self.schema = schema
        self.version = version
        self.forget = forget
        super().__init__(
            f"the ledger says that schema {schema!r} is at version {version}, but there is no such schema",
            place=f"module {module!r}",
            remedy=f"Restore it from a backup, or, to start with an empty one, run: {forget}",
        )


class LedgerError(MigrationError):
    """The tables of the ledger contradict each other, as after an edit by hand."""

    def __init__(self, fact: str, *, module: str, schema: str) -> None:
        self.module = module
        self.schema = schema
        super().__init__(
            fact,
            place=f"module {module!r}, schema {schema!r}",
            remedy="Restore poolhouse.head and poolhouse.ledger from a backup; poolhouse.event shows what was applied",
        )


class MigrationDirtyError(MigrationError):
    """A migration outside of transactions is half done, and a person has to say how it goes on.

    `step` of `steps` statements is the one in question; those before it are done. `line` and `column` are its place,
    None where the file is not the one that was begun. `sqlstate` is None where nobody saw it fail. `commands` are what
    mends it: going on with that statement, or recording that it was finished, or undone, by hand. `goes_on` says that
    the next start goes on by itself.
    """

    def __init__(  # noqa: PLR0913 - all of it is what a person asks first
        self,
        file: str,
        fact: str,
        *,
        module: str,
        schema: str,
        version: int,
        step: int,
        steps: int,
        commands: Sequence[str],
        line: int | None = None,
        column: int | None = None,
        statement: str | None = None,
        sqlstate: str | None = None,
        goes_on: bool = False,
    ) -> None:
        self.file = file
        self.goes_on = goes_on
        self.module = module
        self.schema = schema
        self.version = version
        self.step = step
        self.steps = steps
        self.commands = tuple(commands)
        self.line = line
        self.column = column
        self.statement = statement
        self.sqlstate = sqlstate
        quoted = f", in: {statement}" if statement else ""
        first = "Mend the cause and start again, which goes on with it; or" if goes_on else "Look at what it did, then"
        super().__init__(
            f"{fact}{quoted}. It is statement {step} of {steps}, so that version {version} is half done in "
            f"schema {schema!r}",
            place=file if line is None else f"{file}:{line}:{column}",
            remedy=f"{first} run one of: {'; '.join(commands)}",
        )


class MigrationRepairError(MigrationError):
    """What was to be repaired is not in need of that repair; nothing was changed."""

    def __init__(self, fact: str, *, module: str, schema: str, version: int, remedy: str) -> None:
        self.module = module
        self.schema = schema
        self.version = version
        super().__init__(fact, place=f"module {module!r}, schema {schema!r}, version {version}", remedy=remedy)


class MigrationBaselineError(MigrationError):
    """A schema cannot be recorded as migrated; nothing was recorded.

    `differences` are what it has that the migrations do not make, and the other way round.
    """

    def __init__(self, fact: str, *, module: str, schema: str, remedy: str, differences: Sequence[object] = ()) -> None:
        self.module = module
        self.schema = schema
        self.differences = tuple(map(str, differences))
        listed = "".join(f"\n  - {each}" for each in self.differences)
        end = f":{listed}\n" if listed else ""
        super().__init__(f"{fact}{end}", place=f"module {module!r}, schema {schema!r}", remedy=remedy)


class MigrationSquashError(MigrationError):
    """Migrations cannot be squashed, or the one does not make what they make; no file was written or deleted.

    `differences` are those between what the one and what the others make.
    """

    def __init__(self, place: str, fact: str, *, remedy: str, differences: Sequence[object] = ()) -> None:
        self.differences = tuple(map(str, differences))
        listed = "".join(f"\n  - {each}" for each in self.differences)
        super().__init__(f"{fact}:{listed}\n" if listed else fact, place=place, remedy=remedy)


class MigrationPendingError(MigrationError):
    """Migrations are pending, and the start mode says that this process does not apply them.

    `pending` names the files as `module/file`; `waited` is for how many seconds somebody else was waited for.
    """

    def __init__(self, pending: Sequence[str], *, mode: str, waited: float | None = None) -> None:
        self.pending = tuple(pending)
        self.mode = mode
        self.waited = waited
        after = "" if waited is None else f"after {waited:.1f} s "
        count = f"{len(pending)} migration{'s are' if len(pending) > 1 else ' is'} pending"
        super().__init__(
            f"{after}{count}: {', '.join(pending)}",
            place=f"migration mode {mode!r}",
            remedy="Let the job that migrates run first, or start with migration mode 'apply'",
        )


class MigrationPoolerError(MigrationError):
    """A migration outside of transactions needs a session of its own, and a pooler lends transactions only."""

    def __init__(self, file: str, *, address: str, is_migration_dsn: bool) -> None:
        self.file = file
        self.address = address
        which = "migration_dsn" if is_migration_dsn else "the pool's DSN"
        super().__init__(
            f"it runs outside of transactions, and {which} ({address}) leads through a connection pooler",
            place=file,
            remedy="Set migration_dsn in the database settings to a DSN that leads to the server itself",
        )


class MigrationLockError(MigrationError):
    """The locks were not to be had within the limit; `blockers` describes who held them, as far as could be seen."""

    def __init__(
        self, fact: str, *, module: str, schema: str, waited: float, sqlstate: str, blockers: Sequence[str]
    ) -> None:
        self.module = module
        self.schema = schema
        self.waited = waited
        self.sqlstate = sqlstate
        self.blockers = tuple(blockers)
        held = f"blocked by {'; '.join(blockers)}" if blockers else "who blocked it could not be seen"
        super().__init__(
            f"after {waited:.1f} s {fact}: {held}",
            place=f"module {module!r}, schema {schema!r}",
            remedy="What is pending was not begun. Wait for it or end it, or raise migration_timeout",
        )


class MigrationApplyError(MigrationError):
    """A statement of a migration failed; neither it nor anything after it was applied to the same schema.

    `line` and `column` count from 1 and point at the fault, or at the statement where the server gave no position;
    both are None where not even the statement is known. `fact` ends with the SQLSTATE, and `statement` has its
    literals replaced by an ellipsis.
    `rolled_back` names the files that were undone, `version` is what the schema stays at (None: nothing),
    and `applied` names what the same call applied besides.
    """

    def __init__(  # noqa: PLR0913 - all of it is what a person asks first
        self,
        file: str,
        fact: str,
        *,
        schema: str,
        sqlstate: str,
        line: int | None = None,
        column: int | None = None,
        statement: str | None = None,
        rolled_back: Sequence[str] = (),
        version: int | None = None,
        applied: Sequence[str] = (),
        remedy: str | None = None,
    ) -> None:
        self.file = file
        self.schema = schema
        self.sqlstate = sqlstate
        self.line = line
        self.column = column
        self.statement = statement
        self.rolled_back = tuple(rolled_back)
        self.version = version
        self.applied = tuple(applied)
        quoted = f", in: {statement}" if statement else ""
        stays = f"stays at version {version}" if version is not None else "stays without migrations"
        undone = f" ({', '.join(rolled_back)} rolled back)" if rolled_back else ""
        besides = f". Applied, and kept: {', '.join(applied)}" if applied else ""
        super().__init__(
            f"{fact}{quoted}. Schema {schema!r} {stays}{undone}{besides}",
            place=file if line is None else f"{file}:{line}:{column}",
            remedy=remedy or "Mend the file and start again",
        )


class MigrationPrivilegeError(MigrationError):
    """The role may not do what migrating needs; `grant` is the SQL for someone who may give it the right."""

    def __init__(self, fact: str, *, place: str, role: str, grant: str) -> None:
        self.role = role
        self.grant = grant
        super().__init__(f"role {role!r} lacks a right: {fact}", place=place, remedy=f"Run: {grant}")


class MigrationReadOnlyError(MigrationError):
    """Migrations are pending, and the server or the role is read-only."""

    def __init__(self, *, module: str, schema: str, pending: Sequence[str]) -> None:
        self.module = module
        self.schema = schema
        self.pending = tuple(pending)
        are = "is" if len(pending) == 1 else "are"
        super().__init__(
            f"the server takes no writes [SQLSTATE 25006], and {', '.join(pending)} {are} pending",
            place=f"module {module!r}, schema {schema!r}",
            remedy="Migrate on the primary, by a role without default_transaction_read_only, then start again",
        )


class MigrationReplayError(MigrationError):
    """Migrations could not be run again in a scratch schema, so nothing can be said of the real one.

    Nothing was changed. `line` and `column` count from 1 and are None where no single place is to blame; `sqlstate`
    is None where it was not the server that refused.
    """

    def __init__(
        self,
        file: str,
        fact: str,
        *,
        schema: str,
        remedy: str,
        sqlstate: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        self.file = file
        self.schema = schema
        self.sqlstate = sqlstate
        self.line = line
        self.column = column
        super().__init__(
            f"schema {schema!r} cannot be replayed: {fact}",
            place=file if line is None else f"{file}:{line}:{column}",
            remedy=remedy,
        )


class MigrationSchemasError(MigrationError):
    """Some schemas of a set of many could not be migrated; the others are, except `untried` ones.

    `failures` are the errors by schema, in the order in which they came. The next call goes on with what is left.
    """

    def __init__(self, module: str, failures: Mapping[str, MigrationError], *, untried: int, total: int) -> None:
        self.module = module
        self.failures = dict(failures)
        self.untried = untried
        self.total = total
        shown = "".join(f"\n  - {schema}: {error}" for schema, error in list(self.failures.items())[:_SHOWN])
        more = f"\n  and {len(self.failures) - _SHOWN} more" if len(self.failures) > _SHOWN else ""
        left = f", and {untried} were not tried after that" if untried else ""
        super().__init__(
            f"{len(self.failures)} of {total} schemas could not be migrated{left}:{shown}{more}",
            place=f"module {module!r}",
            remedy="Mend what is named and start again, which goes on with what is left",
        )

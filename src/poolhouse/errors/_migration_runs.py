"""Errors of migrations that are to be applied, or being applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.errors._migrations import InSchema, MigrationError, at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHOWN = 5  # of the errors of many schemas in one message


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
            place=f"migration mode '{mode}'",
            remedy="Let the job that migrates run first (`poolhouse migrations up`), or start with mode 'apply'",
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


class MigrationLockError(InSchema):
    """The locks were not to be had within the limit; `blockers` describes who held them, as far as could be seen."""

    def __init__(
        self, fact: str, *, module: str, schema: str, waited: float, sqlstate: str, blockers: Sequence[str]
    ) -> None:
        self.waited = waited
        self.sqlstate = sqlstate
        self.blockers = tuple(blockers)
        held = f"blocked by {'; '.join(blockers)}" if blockers else "who blocked it could not be seen"
        super().__init__(
            f"after {waited:.1f} s {fact}: {held}",
            module=module,
            schema=schema,
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
            place=at(file, line, column),
            remedy=remedy or "Mend the file and start again",
        )


class MigrationPrivilegeError(MigrationError):
    """The role may not do what migrating needs; `grant` is the SQL for someone who may give it the right."""

    def __init__(self, fact: str, *, place: str, role: str, grant: str) -> None:
        self.role = role
        self.grant = grant
        super().__init__(f"role {role!r} lacks a right: {fact}", place=place, remedy=f"Run: {grant}")


class MigrationReadOnlyError(InSchema):
    """Migrations are pending, and the server or the role is read-only."""

    def __init__(self, *, module: str, schema: str, pending: Sequence[str]) -> None:
        self.pending = tuple(pending)
        are = "is" if len(pending) == 1 else "are"
        super().__init__(
            f"the server takes no writes [SQLSTATE 25006], and {', '.join(pending)} {are} pending",
            module=module,
            schema=schema,
            remedy="Migrate on the primary, by a role without default_transaction_read_only, then start again",
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

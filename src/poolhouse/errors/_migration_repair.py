"""Errors of migrations that are half done, and of the commands that mend, record, squash and replay them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.errors._migrations import InSchema, MigrationError, at, with_differences

if TYPE_CHECKING:
    from collections.abc import Sequence


class MigrationDirtyError(InSchema):
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
            module=module,
            schema=schema,
            place=at(file, line, column),
            remedy=f"{first} run one of: {'; '.join(commands)}",
        )


class MigrationRepairError(InSchema):
    """What was to be repaired is not in need of that repair; nothing was changed."""

    def __init__(self, fact: str, *, module: str, schema: str, version: int, remedy: str) -> None:
        self.version = version
        place = f"module {module!r}, schema {schema!r}, version {version}"
        super().__init__(fact, module=module, schema=schema, place=place, remedy=remedy)


class MigrationBaselineError(InSchema):
    """A schema cannot be recorded as migrated; nothing was recorded.

    `differences` are what it has that the migrations do not make, and the other way round.
    """

    def __init__(self, fact: str, *, module: str, schema: str, remedy: str, differences: Sequence[object] = ()) -> None:
        self.differences = tuple(map(str, differences))
        super().__init__(with_differences(fact, self.differences), module=module, schema=schema, remedy=remedy)


class MigrationSquashError(MigrationError):
    """Migrations cannot be squashed, or the one does not make what they make; no file was written or deleted.

    `differences` are those between what the one and what the others make.
    """

    def __init__(self, place: str, fact: str, *, remedy: str, differences: Sequence[object] = ()) -> None:
        self.differences = tuple(map(str, differences))
        super().__init__(with_differences(fact, self.differences), place=place, remedy=remedy)


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
            place=at(file, line, column),
            remedy=remedy,
        )

"""Migrations outside of transactions that are half done: whether they can go on, and what a person has to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from poolhouse._core.commands import repair_command
from poolhouse._core.lexer import line_column
from poolhouse._core.migration_file import VersionedFile
from poolhouse._core.statement_kind import StatementKind
from poolhouse.errors import MigrationDirtyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poolhouse._core.plan import Unfinished
    from poolhouse.migrations.attempt import Attempt, Refusal

_EDITED = "its file was changed after it had been begun"
_DIED = "the process that ran it died in its middle, and nobody knows what it had done"
_FAILED = "it failed, and may have done a part of its work"
_DECISIONS = ("resume", "mark-applied", "mark-rolled-back")


def interrupted(attempt: Attempt, unfinished: Unfinished, kinds: Sequence[StatementKind]) -> MigrationDirtyError | None:
    """Return why a person has to decide how a migration goes on which nobody is working on; None when it can go on.

    `kinds` are those of the statements of its file.
    """
    file, row = unfinished
    if row.checksum != file.checksum:
        return _dirty(attempt, unfinished, _EDITED)
    if row.steps_done >= len(kinds) or kinds[row.steps_done] is not StatementKind.UNKNOWN:
        return None
    stretch = attempt.bundle.stretches[row.steps_done]
    line, column = line_column(file.text, attempt.bundle.origin(stretch.step) or 0)
    return _dirty(attempt, unfinished, _FAILED if row.state == "failed" else _DIED, line=line, column=column)


def stopped(
    attempt: Attempt, refusal: Refusal, *, statement: str | None, place: tuple[int, int] | None
) -> MigrationDirtyError:
    """Return the error for a migration that failed after a part of it was done."""
    line, column = place or (None, None)
    (file,) = attempt.bundle.files
    version = file.version if isinstance(file, VersionedFile) else 0
    return MigrationDirtyError(
        file.file,
        refusal.fact or "it failed",
        module=attempt.loaded.module,
        schema=attempt.loaded.schema,
        version=version,
        step=refusal.step.statement + 1 if refusal.step else 1,
        steps=len(attempt.bundle.stretches),
        commands=_commands(attempt, version),
        line=line,
        column=column,
        statement=statement,
        sqlstate=refusal.sqlstate,
        goes_on=refusal.goes_on,
    )


def _dirty(attempt: Attempt, unfinished: Unfinished, fact: str, **place: Any) -> MigrationDirtyError:
    file, row = unfinished
    return MigrationDirtyError(
        file.file,
        fact,
        module=attempt.loaded.module,
        schema=attempt.loaded.schema,
        version=file.version,
        step=row.steps_done + 1,
        steps=row.steps_total,
        commands=_commands(attempt, file.version),
        **place,
    )


def _commands(attempt: Attempt, version: int) -> tuple[str, ...]:
    module, schema = attempt.loaded.module, attempt.loaded.schema
    return tuple(repair_command(each, module=module, version=version, schema=schema) for each in _DECISIONS)

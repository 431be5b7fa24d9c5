"""How pending migrations are cut into what is applied at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.lexer import split_statements
from poolhouse._core.statement_kind import adds_enum_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poolhouse._core.migration_file import MigrationFile


class Stage(NamedTuple):
    """Files that are applied together in one transaction, or one file that is applied without."""

    files: tuple[MigrationFile, ...]

    @property
    def is_transactional(self) -> bool:
        """Whether the stage happens whole or not at all."""
        return not self.files[0].directives.no_transaction


def first_stage(pending: Sequence[MigrationFile], *, alone: bool = False) -> Stage:
    """Return the files at the head of `pending`, of which there is one, that can be applied together.

    It ends after a file that is isolated or adds a value to an enum, which cannot be used before it is committed, and
    before one that has dependencies, which may have to be waited for. With `alone` it is one file.
    """
    count = 1
    while not alone and count < len(pending) and not _is_cut(pending[count - 1], pending[count]):
        count += 1
    return Stage(tuple(pending[:count]))


def _is_cut(before: MigrationFile, after: MigrationFile) -> bool:
    if any(file.directives.no_transaction or file.directives.isolate for file in (before, after)):
        return True
    return bool(after.directives.depends) or _adds_enum_value(before)


def _adds_enum_value(file: MigrationFile) -> bool:
    # Most files hold no such word anywhere, and need not be split to know it.
    if "value" not in file.text.lower():
        return False
    return any(adds_enum_value(statement.text) for statement in split_statements(file.text, source=file.file))

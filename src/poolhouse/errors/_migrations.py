"""What the errors of migrations have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.errors._base import PoolhouseError

if TYPE_CHECKING:
    from collections.abc import Sequence


class MigrationError(PoolhouseError):
    """Migrations were not, or not all, applied; what had been applied before stays applied and recorded."""


class InSchema(MigrationError):
    """An error of one module in one schema; that is its place, too, unless there is a better one."""

    def __init__(self, fact: str, *, module: str, schema: str, remedy: str, place: str | None = None) -> None:
        self.module = module
        self.schema = schema
        super().__init__(fact, place=place or f"module {module!r}, schema {schema!r}", remedy=remedy)


def at(file: str, line: int | None, column: int | None) -> str:
    """Return a place in a file as editors take it; the whole file where the line is None."""
    return file if line is None else f"{file}:{line}:{column}"


def with_differences(fact: str, differences: Sequence[str]) -> str:
    """Return a fact that ends with a list, if there is anything to list."""
    listed = "".join(f"\n  - {each}" for each in differences)
    return f"{fact}:{listed}" if differences else fact

"""What stands for a transaction in a test that is rolled back, and which one the running code is inside of."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poolhouse.testing.rollback.turns import Turns


@dataclass(slots=True, eq=False)
class Savepoint:
    """A transaction of a service: open until it is ended, `within` the one that it was begun in.

    `turns` are those of its connection. `opened_at` is where it was begun, and `writing` how many transactions had
    written then. `kept` are services whose work within it is done for good, as far as they know. `has_settings` says
    that it changed settings, and `is_left` that its service has given it up, and it is about to be rolled back.
    """

    turns: Turns
    name: str
    service: str
    role: str | None
    opened_at: str
    within: Savepoint | None
    writing: int | None = None
    task: asyncio.Task[Any] | None = field(default_factory=asyncio.current_task)
    is_open: bool = True
    is_left: bool = False
    has_settings: bool = False
    kept: list[str] = field(default_factory=list[str])
    nested: list[int] = field(default_factory=list[int])
    """How many had been kept when each of the savepoints was made that the service itself has within it."""

    def around(self) -> Iterator[Savepoint]:
        """Yield this one, and each that the one before is within."""
        savepoint: Savepoint | None = self
        while savepoint is not None:
            yield savepoint
            savepoint = savepoint.within


@dataclass(frozen=True, slots=True, eq=False)
class _Inside:
    """That some code is inside of a transaction, and of what it was inside before."""

    savepoint: Savepoint
    before: _Inside | None


_INSIDE: ContextVar[_Inside | None] = ContextVar("poolhouse_savepoint", default=None)


def _innermost(inside: _Inside | None) -> _Inside | None:
    while inside is not None and (inside.savepoint.is_left or not inside.savepoint.is_open):
        inside = inside.before
    return inside


def inside_of(turns: Turns) -> Savepoint | None:
    """Return the innermost open transaction that the running code is inside of: it, or who started it, has begun it."""
    inside = _innermost(_INSIDE.get())
    while inside is not None and inside.savepoint.turns is not turns:
        inside = _innermost(inside.before)
    return inside.savepoint if inside is not None else None


def enter(savepoint: Savepoint) -> None:
    """Let the running code, and what it starts, be inside of `savepoint` as long as that is open."""
    _INSIDE.set(_Inside(savepoint, _innermost(_INSIDE.get())))

"""What a verb has to say, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExitCode(IntEnum):
    """How a command ended."""

    FINE = 0
    PENDING = 1
    MISUSED = 2
    FAILED = 3
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headings; on a terminal it is drawn, elsewhere its columns are padded with spaces."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found or did: `shown` to people, or `data` printed as JSON, and the exit code of the process.

    `error` is what kept it from doing all of it, which people are told on standard error.
    """

    data: Mapping[str, object]
    shown: tuple[str | Table, ...] = ()
    code: ExitCode = ExitCode.FINE
    error: str | None = None

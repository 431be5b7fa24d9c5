"""What a start did and how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolhouse.migrations import MigrationReport


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step of a start, by its provider's dotted name, or `migrations`; times are in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StartReport:
    """A start that succeeded: its steps in the order in which they were done, and what was migrated."""

    steps: tuple[StepReport, ...]
    migrations: tuple[MigrationReport, ...]

    @property
    def seconds(self) -> float:
        """How long all steps took together."""
        return sum(step.seconds for step in self.steps)

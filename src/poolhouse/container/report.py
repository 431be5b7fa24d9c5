"""What a start did and how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolhouse.migrations import MigrationReport
    from poolhouse.roles import RoleReport


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step of a start, by its provider's dotted name, `migrations` or `roles`; times are in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StartReport:
    """A start that succeeded: its steps in the order in which they were done, what was migrated, and the roles."""

    steps: tuple[StepReport, ...]
    migrations: tuple[MigrationReport, ...]
    roles: tuple[RoleReport, ...] = ()

    @property
    def seconds(self) -> float:
        """How long all steps took together."""
        return sum(step.seconds for step in self.steps)

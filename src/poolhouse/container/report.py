"""What a start did and how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolhouse.migrations import MigrationReport
    from poolhouse.roles import RoleReport


# Seconds: what took less is not worth a word of its own.
_NOTABLE = 0.01


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step of a start, by its provider's dotted name, `migrations` or `roles`; times are in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StartReport:
    """A start that succeeded: its steps in the order in which they were done, what was migrated, and the roles.

    As text it is one line: how long the start took, and the steps that took longest.
    """

    steps: tuple[StepReport, ...]
    migrations: tuple[MigrationReport, ...]
    roles: tuple[RoleReport, ...] = ()

    @property
    def seconds(self) -> float:
        """How long all steps took together."""
        return sum(step.seconds for step in self.steps)

    def __str__(self) -> str:
        told = [step for step in self.steps if step.seconds >= max(_NOTABLE, self.seconds / 100)]
        parts = [f"{step.name} {step.seconds:.2f} s" for step in told]
        others = len(self.steps) - len(told)
        if others:
            parts.append(f"{others} {'other' if others == 1 else 'others'} {self.seconds - _sum(told):.2f} s")
        return f"started in {self.seconds:.2f} s{': ' if parts else ''}{', '.join(parts)}"


def _sum(steps: list[StepReport]) -> float:
    return sum(step.seconds for step in steps)

"""What a migration did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What was done for one module in one schema.

    `applied` are the versions that this call applied, in order; `version` is what the schema is at now.
    `ahead` are versions that the database has and the files have not: another, newer release was here.
    """

    module: str
    schema: str
    version: int
    applied: tuple[int, ...] = ()
    ahead: tuple[int, ...] = ()

    def __str__(self) -> str:
        done = f"{len(self.applied)} applied" if self.applied else "up to date"
        ahead = ", ahead of its files" if self.ahead else ""
        return f"{self.module}: {done}, schema {self.schema!r} at version {self.version}{ahead}"


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """What `migrate` did: one report for each set, in the order of the sets; `seconds` is how long all of it took."""

    reports: tuple[MigrationReport, ...]
    seconds: float

    @property
    def applied(self) -> int:
        """How many migrations were applied."""
        return sum(len(report.applied) for report in self.reports)

    def __str__(self) -> str:
        return "\n".join(map(str, self.reports)) or "no migration sets"

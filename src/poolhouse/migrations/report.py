"""What a migration did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What was done for one module in one schema.

    `applied` are the versions that this call applied, and `repeated` the names of repeatable migrations, in order;
    `version` is what the schema is at now, None where nobody asked. `ahead` are versions that the database has and
    the files have not: another, newer release was here. `held` are contract migrations that wait for their command.
    """

    module: str
    schema: str
    version: int | None
    applied: tuple[int, ...] = ()
    ahead: tuple[int, ...] = ()
    repeated: tuple[str, ...] = ()
    held: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.version is None:
            return f"{self.module}: schema {self.schema!r} was not looked at"
        count = len(self.applied) + len(self.repeated)
        done = f"{count} applied" if count else "up to date"
        ahead = ", ahead of its files" if self.ahead else ""
        held = f", contract {', '.join(map(str, self.held))} waits for its command" if self.held else ""
        return f"{self.module}: {done}, schema {self.schema!r} at version {self.version}{ahead}{held}"


@dataclass(frozen=True, slots=True)
class MigrationProgress:
    """How far a set of many schemas has come: of `total` with something pending, `done` are, and `failed` cannot be."""

    module: str
    done: int
    failed: int
    total: int

    def __str__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.module}: {self.done} of {self.total} schemas{failed}"


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """What `migrate` did: one report for each schema of each set, in order; `seconds` is how long all of it took."""

    reports: tuple[MigrationReport, ...]
    seconds: float

    @property
    def applied(self) -> int:
        """How many migrations were applied, the repeatable ones included."""
        return sum(len(report.applied) + len(report.repeated) for report in self.reports)

    def __str__(self) -> str:
        return "\n".join(map(str, self.reports)) or "no migration sets"

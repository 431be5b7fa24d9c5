"""What a migration did."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from poolhouse._core.listing import some_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


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
        return _line(self, [self.schema])


@dataclass(frozen=True, slots=True)
class MigrationProgress:
    """How far a set of many schemas has come: of `total` with something pending, `done` are, and `failed` cannot be.

    `reports` are those of the schemas that have come to it since the call before.
    """

    module: str
    done: int
    failed: int
    total: int
    reports: tuple[MigrationReport, ...] = field(default=(), repr=False)

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
        return "\n".join(_lines(self.reports)) or "no migration sets"


def _lines(reports: Iterable[MigrationReport]) -> Iterator[str]:
    """Yield a line for each schema, or for many of which the same can be said."""
    alike: dict[MigrationReport, list[str]] = defaultdict(list)
    for report in reports:
        alike[replace(report, schema="")].append(report.schema)
    for report, schemas in alike.items():
        yield _line(report, schemas)


def _line(report: MigrationReport, schemas: Sequence[str]) -> str:
    is_one = len(schemas) == 1
    where = f"schema {schemas[0]!r}" if is_one else some_of(schemas)
    if report.version is None:
        return f"{report.module}: {where} {'was' if is_one else 'were'} not looked at"
    count = len(report.applied) + len(report.repeated)
    done = f"{count} applied" if count else "up to date"
    ahead = ", ahead of its files" if report.ahead else ""
    held = f", contract {', '.join(map(str, report.held))} waits for its command" if report.held else ""
    return f"{report.module}: {done}, {where} at version {report.version}{ahead}{held}"

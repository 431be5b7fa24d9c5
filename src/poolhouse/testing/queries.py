"""What a test asks of the database, recorded: which statement, for which service, from where, how long."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from poolhouse.errors import RepeatedQueriesError
from poolhouse.pool import StatementEnded
from poolhouse.pool.neighbours import place_outside

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from poolhouse.pool import SharedPool


@dataclass(frozen=True, slots=True)
class RecordedQuery:
    """A statement that was run: its template as it was written, without arguments.

    `place` is the line that ran it, as `file:line`, and `seconds` what it took.
    """

    service: str
    statement: str
    place: str
    seconds: float
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class QuerySummary:
    """How often a service ran a statement, how long that took together, and from which lines."""

    service: str
    statement: str
    count: int
    seconds: float
    places: tuple[str, ...]

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count} times"
        return f"{self.service}: {times}, from {', '.join(self.places)}: {' '.join(self.statement.split())}"


class RecordedQueries:
    """The statements of a test, in the order in which they ended; those that only begin and end transactions left out.

    `len(queries)` of them were run. No argument of any is kept.
    """

    def __init__(self) -> None:
        self._queries: list[RecordedQuery] = []
        self._watched: list[SharedPool] = []

    def __iter__(self) -> Iterator[RecordedQuery]:
        return iter(tuple(self._queries))

    def __len__(self) -> int:
        return len(self._queries)

    def __repr__(self) -> str:
        return f"<RecordedQueries: {len(self)}>"

    def of(self, service: str) -> tuple[RecordedQuery, ...]:
        """Return those of one service."""
        return tuple(query for query in self._queries if query.service == service)

    def summary(self) -> tuple[QuerySummary, ...]:
        """Return each statement of each service once, those that were run most often first."""
        return _summary(self._queries)

    @contextmanager
    def each_at_most(self, times: int) -> Generator[None]:
        """Raise RepeatedQueriesError at the end of a block in which a service ran one statement more often.

        That is how a query for each row of another shows (N+1): its template is the same, and the arguments are not.
        """
        before = len(self._queries)
        yield
        repeated = [each for each in _summary(self._queries[before:]) if each.count > times]
        if repeated:
            raise RepeatedQueriesError(times, tuple(map(str, repeated)))

    # What the kit does with it

    def watch(self, pool: SharedPool) -> None:
        """Record what is asked of a pool."""
        pool.subscribe(StatementEnded, self._add)
        self._watched.append(pool)

    def leave(self) -> None:
        """Record no longer."""
        for pool in self._watched:
            pool.unsubscribe(StatementEnded, self._add)
        self._watched.clear()

    def _add(self, ended: StatementEnded) -> None:
        # Whoever ran the statement is still on the stack, since the pool tells of it at once.
        place, has_failed = place_outside(), ended.error is not None
        self._queries.append(RecordedQuery(ended.service, ended.statement, place, ended.seconds, has_failed))


def _summary(queries: Sequence[RecordedQuery]) -> tuple[QuerySummary, ...]:
    same = attrgetter("service", "statement")
    groups = [[*group] for _, group in groupby(sorted(queries, key=same), key=same)]
    summaries = [
        QuerySummary(
            group[0].service,
            group[0].statement,
            len(group),
            sum(query.seconds for query in group),
            tuple(dict.fromkeys(query.place for query in group)),
        )
        for group in groups
    ]
    return tuple(sorted(summaries, key=lambda each: -each.count))

"""The root of every error that poolhouse raises on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class PoolhouseError(Exception):
    """Anything that poolhouse refuses or could not do: catch this to catch all of it.

    `str()` gives one sentence that a person can act on, composed of `place` (where), `fact` (what) and
    `remedy` (what to do). No password and no parameter of a query is ever part of any of them.
    Errors survive pickling with all their attributes, so they cross process boundaries.
    """

    def __init__(self, fact: str, *, place: str | None = None, remedy: str | None = None) -> None:
        self.fact = fact
        self.place = place
        self.remedy = remedy
        head = f"{place}: {fact}" if place else fact
        # What ends with a list, a log or SQL is over with its line.
        end = "\n" if "\n" in head else ". "
        super().__init__(f"{head}{end}{remedy}" if remedy else head)

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses take typed arguments and hand a finished message up, so `args` alone cannot rebuild them.
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[PoolhouseError], args: tuple[Any, ...], state: dict[str, Any]) -> PoolhouseError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


ErrorT_co = TypeVar("ErrorT_co", bound=PoolhouseError, covariant=True)


class Violations(PoolhouseError, Generic[ErrorT_co]):
    """Everything that is wrong with one thing, reported at once; the single errors are in `violations`, in order."""

    def __init__(self, subject: str, violations: Iterable[ErrorT_co]) -> None:
        self.violations = tuple(violations)
        count = len(self.violations)
        lines = "".join(f"\n  - {violation}" for violation in self.violations)
        super().__init__(f"{subject}: {count} {'thing is' if count == 1 else 'things are'} wrong:{lines}")

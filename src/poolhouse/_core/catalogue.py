"""What a schema holds, as records that can be compared, and the differences between two of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

EXISTENCE = "existence"
COLUMN_ORDER = "column order"
DEFINITION = "definition"
IDENTITY = "identity"

_LONGEST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One object of a schema, or a part of one, such as a column.

    `place` names it among all entries, for people too: `table orders: column total`. `aspects` are pairs of what is
    known of it and how it is, in order; what is not there has no pair. `owner` is the place of what it cannot exist
    without, and `origins` are those that it was inherited or cloned from. `position` orders the columns of a table.
    """

    kind: str
    name: str
    place: str
    aspects: tuple[tuple[str, str], ...] = field(repr=False)
    owner: str | None = field(default=None, repr=False)
    origins: tuple[str, ...] = field(default=(), repr=False)
    position: int = field(default=0, repr=False)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that a schema holds except for rows, in the order of the places of its `entries`.

    Equal catalogues belong to schemas that nobody can tell apart but by their names and their data.
    """

    schema: str = field(compare=False)
    entries: tuple[CatalogueEntry, ...]

    def __repr__(self) -> str:
        return f"<Catalogue of schema {self.schema!r}: {len(self.entries)} entries>"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be.

    `kind` and `name` say of what; `aspect` is what differs in it. `expected` and `actual` are the two values, None
    where there is none. A missing or an unexpected object has the aspect `existence` and its kind for a value.
    """

    kind: str
    name: str
    aspect: str
    expected: str | None
    actual: str | None
    place: str = field(repr=False)

    def __str__(self) -> str:
        if self.aspect == EXISTENCE:
            return f"{self.place}: {'missing' if self.actual is None else 'unexpected'}"
        expected, actual = self.expected or "none", self.actual or "none"
        if "\n" in expected + actual or len(expected) + len(actual) > _LONGEST_SHOWN:
            return f"{self.place}: {self.aspect} differs"
        return f"{self.place}: {self.aspect} {actual}, expected {expected}"


class _Change(NamedTuple):
    expected: str | None
    actual: str | None


def compare(expected: Catalogue, actual: Catalogue) -> tuple[Difference, ...]:
    """Return what is different in `actual`, in the order of the places, and nothing twice.

    Parts of a missing or an unexpected object are not told, nor what partitions and children only inherit.
    """
    here = {entry.place: entry for entry in expected.entries}
    there = {entry.place: entry for entry in actual.entries}
    changes = {place: dict(_changes(here.get(place), there.get(place))) for place in sorted(here.keys() | there.keys())}
    for place, change in _reordered(here, there):
        changes[place][COLUMN_ORDER] = change
    return tuple(_told(changes, {**there, **here}))


def _told(changes: Mapping[str, Mapping[str, _Change]], entries: Mapping[str, CatalogueEntry]) -> Iterator[Difference]:
    for place, changed in changes.items():
        entry = entries[place]
        for aspect, change in changed.items():
            if not _follows(entry, aspect, change, changes):
                yield Difference(entry.kind, entry.name, aspect, change.expected, change.actual, place)


def _changes(expected: CatalogueEntry | None, actual: CatalogueEntry | None) -> Iterator[tuple[str, _Change]]:
    if expected is None or actual is None:
        if one := expected or actual:
            yield EXISTENCE, _Change(one.kind if expected else None, one.kind if actual else None)
        return
    wanted, found = dict(expected.aspects), dict(actual.aspects)
    for aspect in sorted(wanted.keys() | found.keys()):
        change = _Change(wanted.get(aspect), found.get(aspect))
        if change.expected != change.actual:
            yield aspect, change


def _follows(entry: CatalogueEntry, aspect: str, change: _Change, changes: Mapping[str, Mapping[str, _Change]]) -> bool:
    """Whether a change is only what another one, which is told, brings with it."""
    of_owner = changes.get(entry.owner or "", {})
    if aspect == EXISTENCE and (EXISTENCE in of_owner or IDENTITY in of_owner):
        return True
    return any(_implies(changes.get(origin, {}), aspect, change) for origin in entry.origins)


def _implies(changed: Mapping[str, _Change], aspect: str, change: _Change) -> bool:
    # The definition of an inherited object names the heir, so the two never read the same.
    return changed.get(aspect) == change or (aspect in {EXISTENCE, DEFINITION} and aspect in changed)


def _reordered(
    expected: Mapping[str, CatalogueEntry], actual: Mapping[str, CatalogueEntry]
) -> Iterator[tuple[str, _Change]]:
    common = expected.keys() & actual.keys()
    wanted, found = _columns(expected, common), _columns(actual, common)
    for table, columns in wanted.items():
        if columns != found.get(table):
            yield table, _Change(", ".join(columns), ", ".join(found.get(table, ())))


def _columns(entries: Mapping[str, CatalogueEntry], common: Collection[str]) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {}
    for entry in sorted((entries[place] for place in common), key=lambda entry: entry.position):
        if entry.kind == "column" and entry.owner is not None:
            columns.setdefault(entry.owner, []).append(entry.name.removeprefix(f"{entry.owner.partition(' ')[2]}."))
    return columns

"""Rights that something else than the migrations of a schema gives in it, and is expected to have given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from poolhouse._core.catalogue import Catalogue, CatalogueEntry
from poolhouse._core.identifiers import read_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from poolhouse.migrations.access import Session

_GRANTS_TO = "grants to "
_EXECUTE = "EXECUTE"


class Rights(Protocol):
    """Gives rights in a schema that was just replayed, such as those of services' roles."""

    @property
    def roles(self) -> Collection[str]:
        """The names of all roles that it gives rights to."""
        ...

    async def give(self, connection: Session, schema: str) -> tuple[str, ...]:
        """Give in the open transaction what `schema` is to have.

        Returns the names of roles that do not exist, to which nothing could be given.
        """
        ...


def with_roles(catalogue: Catalogue, missing: Iterable[str]) -> Catalogue:
    """Return a catalogue that expects roles besides, none of which exists."""
    entries = (CatalogueEntry("role", name, f"role {name}", ()) for name in missing)
    return replace(catalogue, entries=(*catalogue.entries, *entries))


def without_needless(catalogue: Catalogue, roles: Collection[str]) -> Catalogue:
    """Return a catalogue without what `roles` may do with routines that everybody may.

    A routine has such a right of its own or has not, as it was made after the role's default privileges or before.
    """
    return replace(catalogue, entries=tuple(_plain(entry, roles) for entry in catalogue.entries))


def _plain(entry: CatalogueEntry, roles: Collection[str]) -> CatalogueEntry:
    if dict(entry.aspects).get(f"{_GRANTS_TO}PUBLIC") != _EXECUTE:
        return entry
    return replace(entry, aspects=tuple(_needed(entry.aspects, roles)))


def _needed(aspects: Iterable[tuple[str, str]], roles: Collection[str]) -> Iterator[tuple[str, str]]:
    for name, value in aspects:
        if (
            value != _EXECUTE
            or not name.startswith(_GRANTS_TO)
            or read_name(name.removeprefix(_GRANTS_TO)) not in roles
        ):
            yield name, value

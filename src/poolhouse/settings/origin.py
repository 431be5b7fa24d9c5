"""Where a setting comes from."""

from __future__ import annotations

from typing import NamedTuple


class Origin(NamedTuple):
    """Where a value comes from: what kind of source, under which name there, and in which file, with its line."""

    kind: str
    name: str | None = None
    place: str | None = None

    def __str__(self) -> str:
        where = self.place or self.name
        return self.kind if where is None else f"{self.kind} {where}"

    def place_of(self, variable: str) -> str:
        """Return where to mend what is wrong with the setting that `variable`, in capitals, sets."""
        written = self.name if self.name is not None and self.name.upper() == variable else variable
        if self.kind == FILE:
            return f"{self.place} {written}"
        return self.place or written


ARGUMENT = "argument"
VARIABLE = "environment variable"
FILE = "file"
SECRET = "secrets file"  # noqa: S105 - the name of a kind of source
PROFILE = "profile default"
DEFAULT = "default"
ASSUMED = "assumed"

"""What an examination found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: a fault will keep the application from working, a warning may, advice is a matter of taste."""

    FINE = "fine"
    ADVICE = "advice"
    WARNING = "warning"
    FAULT = "fault"

    @property
    def is_bad(self) -> bool:
        """Whether somebody should do something about it."""
        return self in {Level.WARNING, Level.FAULT}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact, the setting or the part of the server that it is about, and what to do; no remedy where it is fine."""

    level: Level
    place: str
    fact: str
    remedy: str | None = None


def fine(place: str, fact: str) -> Finding:
    """Return a finding that nobody has to do anything about."""
    return Finding(Level.FINE, place, fact)


def advice(place: str, fact: str, remedy: str) -> Finding:
    """Return a finding that the application works with."""
    return Finding(Level.ADVICE, place, fact, remedy)


def warning(place: str, fact: str, remedy: str) -> Finding:
    """Return a finding that the application may fail of, some day or under load."""
    return Finding(Level.WARNING, place, fact, remedy)


def fault(place: str, fact: str, remedy: str) -> Finding:
    """Return a finding that the application will fail of."""
    return Finding(Level.FAULT, place, fact, remedy)


def quoted(role: str) -> str:
    """Return the name of a role as a remedy in SQL has it; it may be one that `quote_identifier` refuses."""
    return '"' + role.replace('"', '""') + '"'

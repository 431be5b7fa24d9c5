"""What was done for a service's role."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoleReport:
    """The role that a service works as, and the SQL that a call ran for it: nothing where all was in place."""

    service: str
    role: str
    statements: tuple[str, ...] = ()

    def __str__(self) -> str:
        count = len(self.statements)
        done = f"{count} statement{'' if count == 1 else 's'} run" if count else "in place"
        return f"{self.service}: role {self.role!r} {done}"

"""How a service's role stands, and what was done for it."""

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


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """How the role of a service stands, compared with what the service declares.

    `missing` says what is not as it should be, a sentence each, and `statements` is the SQL that makes up for it at
    `address`, to be run in its order. `waiting` says what rights cannot be given yet, since that to which they would be
    does not exist. `is_taken` says that the role is a superuser's or the login's own, for which there is no SQL.
    """

    service: str
    role: str
    address: str
    missing: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    is_taken: bool = False

    def __str__(self) -> str:
        stands = "taken" if self.is_taken else f"{len(self.missing)} missing" if self.missing else "in place"
        return f"{self.service}: role {self.role!r} {stands}"

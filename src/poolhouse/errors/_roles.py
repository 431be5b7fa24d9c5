"""Errors of establishing the roles of services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.errors._base import PoolhouseError
from poolhouse.errors._pool import PoolError

if TYPE_CHECKING:
    from collections.abc import Sequence


_ADMINISTRATOR = (
    "Let an administrator run what follows in this database, or choose another role_prefix where these roles belong to "
    "another application, or set service_roles to 'off'"
)
_TAKEN = "Choose another role_prefix, with which no role of somebody else begins, or set service_roles to 'off'"


class ServiceRolesError(PoolhouseError):
    """The services' roles are not as they should be, and this process may not, or is not to, make them so.

    `missing` says what is not, a sentence each, and `sql` makes up for all of it: statements for someone who may run
    them in this database, in psql as they are. There are none for roles that are a superuser's, or the login's own.
    """

    def __init__(self, fact: str, *, address: str, missing: Sequence[str], sql: str) -> None:
        self.address = address
        self.missing = tuple(missing)
        self.sql = sql
        lines = "".join(f"\n  - {each}" for each in missing)
        remedy = f"{_ADMINISTRATOR}:\n\n{sql}" if sql else _TAKEN
        super().__init__(f"{fact}:{lines}", place=address, remedy=remedy)


class ServiceRolesBusyError(PoolError):
    """Others kept changing the same roles, or kept locks on what they have rights to, until the limit had passed."""

    retryable = True

    def __init__(self, *, address: str, waited: float, reason: str) -> None:
        self.address = address
        self.waited = waited
        self.reason = reason
        super().__init__(
            f"after {waited:.1f} s the roles of services could not be established: {reason}",
            place=address,
            remedy="Start again, or raise migration_timeout",
        )

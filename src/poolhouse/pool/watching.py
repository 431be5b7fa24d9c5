"""Single statements while somebody watches: what stands in for those who lend them a connection, with a clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from poolhouse.pool.pooling import OWN_SERVICE
from poolhouse.pool.use import Use

if TYPE_CHECKING:
    from poolhouse._core.session_effects import SessionEffect
    from poolhouse.pool.lease import Lease
    from poolhouse.pool.leases import Leases


class WatchedLeases:
    """The leases of a pool, where each statement is noted when it ends; as long as nobody watches, they do without."""

    __slots__ = ("_leases",)

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

    def take_ready(self, service: str, statement: str, effect: SessionEffect) -> Lease | None:
        """Give a service a lease that needs nothing done to it, or return None."""
        lease = self._leases.take_ready(service, statement, effect)
        if lease is not None:
            self._leases.accounts.note_ready(service)
        return lease

    def put_back(self, lease: Lease) -> None:
        """Note a statement that ended well, and end it."""
        seconds = time.monotonic() - lease.since
        self._leases.note_statement(*_whose(lease), seconds)
        self._leases.put_back(lease)

    def give_up(self, lease: Lease, error: BaseException, *, sql: str, schema: str, reads: frozenset[str]) -> None:
        """Note a statement that failed, and end it; raises our error for what the driver raised."""
        seconds = time.monotonic() - lease.since
        # It may be another's as soon as it was given back.
        whose = _whose(lease)
        try:
            self._leases.give_up(lease, error, sql=sql, schema=schema, reads=reads)
        except BaseException as failure:
            self._leases.note_statement(*whose, seconds, error=failure)
            raise
        self._leases.note_statement(*whose, seconds, error=error)


def _whose(lease: Lease) -> tuple[str, str]:
    """Return the service and the statement that a lease was lent to."""
    return lease.service or OWN_SERVICE, lease.statement or ""


class WatchedUse(Use):
    """A use of a connection, where each statement is noted when it ends."""

    __slots__ = ("_begun",)

    def take_ready(self, service: str, statement: str, effect: SessionEffect) -> Lease:
        """Lend its connection to a statement; UsageError where it has been given back."""
        lease = super().take_ready(service, statement, effect)
        self._begun = time.monotonic()
        return lease

    def put_back(self, lease: Lease) -> None:
        """Note a statement that ended well, and keep the connection for the next one."""
        self._note(lease, None)

    def give_up(self, lease: Lease, error: BaseException, *, sql: str, schema: str, reads: frozenset[str]) -> None:
        """Note a statement that failed, and what it left; raises our error for what the driver raised."""
        try:
            super().give_up(lease, error, sql=sql, schema=schema, reads=reads)
        except BaseException as failure:
            self._note(lease, failure)
            raise
        self._note(lease, error)

    def _note(self, lease: Lease, error: BaseException | None) -> None:
        seconds = time.monotonic() - self._begun
        self.leases.note_statement(self.service, lease.statement or "", seconds, error=error)

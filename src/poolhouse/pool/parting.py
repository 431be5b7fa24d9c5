"""Parting with connections: closed when they have served for long enough, cut when they broke, forgotten when ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from poolhouse.pool.faults import DRIVER_ERRORS

if TYPE_CHECKING:
    from poolhouse.pool.lease import Lease
    from poolhouse.pool.leases import Leases
    from poolhouse.settings import DatabaseSettings


class Parting:
    """Connections on their way out, and what becomes of those who wait when one is gone."""

    def __init__(self, leases: Leases, settings: DatabaseSettings) -> None:
        self._leases = leases
        self._settings = settings
        self._leaving: set[Lease] = set()
        self._has_ended = False

    def end(self) -> None:
        """Let no other connection take the place of one that goes."""
        self._has_ended = True

    def retire(self, lease: Lease) -> None:
        """Close a connection that somebody held until now, and let another take its place."""
        self._leave(lease)
        self._close(lease)

    def retire_idle(self, lease: Lease) -> None:
        """Close a connection that nobody uses."""
        self._leave_idle(lease)
        self._close(lease)

    def cut(self, lease: Lease, reason: str) -> None:
        """Cut a connection that somebody held until now."""
        if not lease.is_gone:
            self._leases.accounts.note_broken(lease.service, reason)
            self._leave(lease)
        lease.connection.terminate()

    def note_end(self, lease: Lease) -> None:
        """Forget a connection that ended while nobody used it; whoever uses one notices himself."""
        if lease.is_gone or self._has_ended:
            return
        if lease in self._leases.sharing.idle_leases():
            self._leave_idle(lease)
            self._leases.accounts.note_broken(lease.service, "the server ended it while it was idle")
            self._leases.growing.grow()
        else:
            self._forget(lease)

    async def close_all(self) -> None:
        """Say goodbye to the server on all connections, none of which is in use."""
        leases = list(self._leases.all)
        for lease in leases:
            lease.is_gone = True
        await asyncio.gather(*(lease.connection.close() for lease in leases), return_exceptions=True)

    def cut_all(self) -> None:
        """Cut all connections, in use or not; the tasks that reset or close one end with it."""
        for lease in [*self._leases.all, *self._leaving]:
            lease.is_gone = True
            lease.connection.terminate()
        self._leases.accounts.closed += len(self._leases.all)
        self._leases.all.clear()

    def _leave(self, lease: Lease) -> None:
        lease.is_gone = True
        self._forget(lease)
        if self._has_ended:
            return
        self._leases.sharing.end_use(lease)
        self._leases.waiting.serve()
        self._leases.growing.grow()
        self._leases.note_quiet()

    def _leave_idle(self, lease: Lease) -> None:
        self._leases.sharing.remove(lease)
        lease.is_gone = True
        self._forget(lease)

    def _forget(self, lease: Lease) -> None:
        self._leases.all.discard(lease)
        self._leases.growing.note_size()

    def _close(self, lease: Lease) -> None:
        self._leases.accounts.closed += 1
        self._leaving.add(lease)
        self._leases.spawn(self._say_goodbye(lease))

    async def _say_goodbye(self, lease: Lease) -> None:
        try:
            await lease.connection.close(timeout=self._settings.connect_timeout)
        except DRIVER_ERRORS:
            # It broke, or does not answer: either way it is gone for us.
            lease.connection.terminate()
        finally:
            self._leaving.discard(lease)

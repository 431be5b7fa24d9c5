"""Handing leases from one service to another, and resetting them for the same one."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from poolhouse._core.session_effects import SessionEffect
from poolhouse.errors import ConnectionLostError, QueryTimeoutError
from poolhouse.pool.clearing import Clearing
from poolhouse.pool.faults import DRIVER_ERRORS
from poolhouse.pool.pooling import OWN_SERVICE, PoolerFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poolhouse.pool.lease import Lease
    from poolhouse.pool.leases import Leases
    from poolhouse.settings import DatabaseSettings

# Also for whose time is up when he gets a connection: cut short, it would cost the connection, where nobody has time.
_SHORTEST_HAND_OFF = 0.1


class HandingOff:
    """What becomes of a lease between two uses, where it cannot be used again as it is."""

    def __init__(self, leases: Leases, settings: DatabaseSettings, *, address: str, roles: Mapping[str, str]) -> None:
        self._leases = leases
        self._clearing = Clearing(leases.pooling, settings, address=address, roles=roles)

    async def make_ready(self, lease: Lease, service: str, deadline: float) -> bool:
        """Let a lease speak for its new owner, where it does not yet; return False where it is lost."""
        if lease.connection.is_closed():
            return False
        if not lease.needs_hand_off:
            return True
        role = self._clearing.role_of(service)
        if lease.lent is not None:
            # Each of its transactions will say so.
            lease.lent.speak_for(service, role, self._clearing.name_of(service))
        elif not self._clearing.needs_nothing(lease, service) and not await self._hand_off(
            lease, service, role, deadline
        ):
            return False
        lease.is_bare = lease.needs_hand_off = False
        lease.served = service
        return True

    async def _hand_off(self, lease: Lease, service: str, role: str | None, deadline: float) -> bool:
        begun = time.monotonic()
        is_counted = not (lease.is_bare and role is None)
        lease.effect = SessionEffect.SPOILT  # unless what follows comes to its end
        try:
            await self._clearing.speak_for(lease, role, timeout=max(deadline - begun, _SHORTEST_HAND_OFF))
        except PoolerFoundError:
            self._leases.note_pooler()
            self._leases.parting.retire(lease)
            return False
        except BaseException as error:
            failure = self._clearing.fault_of(error, service, role)
            # One that the administrator cancelled says nothing about the role either.
            if isinstance(failure, ConnectionLostError | QueryTimeoutError):
                return False
            self._leases.take_back(lease)
            if failure is None:
                raise
            raise failure from None
        # Where roles were changed meanwhile, they count with the next use.
        is_right = role == self._clearing.role_of(service)
        lease.effect = SessionEffect.CLEAN if is_right else SessionEffect.DIRTY
        lease.handed_off_in = time.monotonic() - begun
        if is_counted:
            self._leases.accounts.note_hand_off(service, lease.served, lease.handed_off_in)
        return True

    async def reset(self, lease: Lease) -> None:
        """Clear a session for its own service again, or for nobody where it was poolhouse's."""
        begun = time.monotonic()
        service = lease.service or OWN_SERVICE
        try:
            await self._clearing.clear(lease, service)
        except BaseException as error:
            self._leases.parting.cut(lease, f"its session could not be cleared: {type(error).__name__}")
            if isinstance(error, (*DRIVER_ERRORS, asyncio.CancelledError)):
                return
            raise
        if lease.is_gone:
            return
        self._leases.accounts.note_reset(service, time.monotonic() - begun)
        if self._leases.is_spent(lease):
            self._leases.parting.retire(lease)
        elif lease.effect is SessionEffect.CLEAN:
            self._leases.give_back(lease)
        else:
            # Who was told has changed the roles.
            self._leases.reset(lease)

"""Making a session speak for a service: what is sent to the server for it, on one lease."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

from poolhouse._core.hand_off import FORGET_PREPARED, NOTHING_PREPARED, clear_session, introduce
from poolhouse._core.session_effects import SessionEffect
from poolhouse._core.session_name import session_name
from poolhouse.errors import ConnectionLostError, QueryTimeoutError, RoleError
from poolhouse.pool.faults import no_answer, translate
from poolhouse.pool.pooling import OWN_SERVICE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poolhouse.errors import PoolhouseError
    from poolhouse.pool.lease import Lease
    from poolhouse.pool.pooling import Pooling
    from poolhouse.settings import DatabaseSettings

_chance = random.SystemRandom()


class Clearing:
    """Clears sessions, and lets them speak for the services' roles, as these are at the moment."""

    def __init__(self, pooling: Pooling, settings: DatabaseSettings, *, address: str, roles: Mapping[str, str]) -> None:
        self._pooling = pooling
        self._settings = settings
        self._address = address
        self._roles = roles

    def role_of(self, service: str) -> str | None:
        """Return the role that a service speaks for; None for the login role."""
        return self._roles.get(service)

    def name_of(self, service: str) -> str | None:
        """Return what the sessions of a service are called; None as they were connected."""
        return None if service == OWN_SERVICE else session_name(self._settings.application_name, service)

    def needs_nothing(self, lease: Lease, service: str) -> bool:
        """Whether a fresh session is as its service wants it: poolhouse's own has neither a role nor a name."""
        return lease.is_bare and service == OWN_SERVICE

    async def clear(self, lease: Lease, service: str) -> None:
        """Clear a session that its service changed, and let it speak for that service again."""
        # Roles may change while the server is at it.
        while lease.effect is not SessionEffect.CLEAN:
            role = self.role_of(service)
            await self.speak_for(lease, role, timeout=self._time_to_clear(lease))
            if role == self.role_of(service):
                lease.effect = SessionEffect.CLEAN

    def _time_to_clear(self, lease: Lease) -> float:
        limit = self._settings.connect_timeout
        # What did not answer in time may never do so again, and nobody can use it until that is known.
        return min(limit, self._settings.check_timeout) if lease.is_in_doubt else limit

    async def speak_for(self, lease: Lease, role: str | None, *, timeout: float) -> None:
        """Let a session speak for `role`, cleared of what others did; raises the driver's errors."""
        connection, service = lease.connection, lease.service or OWN_SERVICE
        name = self.name_of(service)
        if lease.lent is not None:
            await lease.lent.settle(is_in_doubt=lease.is_in_doubt, timeout=timeout)
            lease.lent.speak_for(service, role, name)
            lease.is_in_doubt = False
            return
        if lease.is_bare:
            lease.is_bare = False
            if self._pooling.detects:
                await self._pooling.begin_session(connection, role, name, timeout=timeout)
            else:
                await connection.execute(introduce(role, name), timeout=timeout)
            return
        if lease.is_in_doubt:
            # The driver waits here for the end of what it cancelled.
            with suppress(asyncpg.PostgresError):
                await connection.execute("SELECT", timeout=timeout)
            lease.is_in_doubt = False
        message = clear_session(role, name, in_transaction=lease.is_in_transaction, seed=_chance.uniform(-1.0, 1.0))
        if await connection.execute(message, timeout=timeout) != NOTHING_PREPARED:
            await connection.execute(FORGET_PREPARED, timeout=timeout)

    def fault_of(self, error: BaseException, service: str, role: str | None) -> PoolhouseError | None:
        """Return our error for one of `speak_for`, or None where it is none of ours."""
        if isinstance(error, TimeoutError):
            return no_answer(self._address)
        failure = translate(error, service=service)
        if failure is None or isinstance(failure, ConnectionLostError | QueryTimeoutError) or role is None:
            return failure
        return RoleError(service=service, role=role, reason=str(failure.fact))

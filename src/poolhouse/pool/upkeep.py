"""Looking after connections from time to time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from poolhouse._core.session_effects import SessionEffect
from poolhouse.pool.events import HeldTooLong
from poolhouse.pool.pooling import OWN_SERVICE

if TYPE_CHECKING:
    from poolhouse.pool.events import Events
    from poolhouse.pool.leases import Leases
    from poolhouse.settings import DatabaseSettings

_SHORTEST_ROUND = 0.02
_LONGEST_ROUND = 5.0


class Upkeep:
    """Makes rounds, as often as the shortest of the time limits asks for."""

    def __init__(self, leases: Leases, settings: DatabaseSettings, events: Events) -> None:
        self._leases = leases
        self._settings = settings
        self._events = events
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def end(self) -> None:
        """Make no round any more."""
        if self._timer is not None:
            self._timer.cancel()

    def begin(self) -> None:
        """Make the next round in a while."""
        times = (self._settings.max_idle, self._settings.max_age, self._settings.long_hold)
        period = min(max(min(times) / 4, _SHORTEST_ROUND), _LONGEST_ROUND)
        self._timer = self._loop.call_later(period, self._make_round)

    def _make_round(self) -> None:
        """Close what is too old or was idle for too long, and tell of what is held for long."""
        now = time.monotonic()
        for lease in self._leases.sharing.idle_leases():
            is_idle_for_long = lease.since + self._settings.max_idle <= now
            is_superfluous = is_idle_for_long and len(self._leases.all) > self._leases.min_size
            if is_superfluous or lease.expires <= now or lease.connection.is_closed():
                self._leases.parting.retire_idle(lease)
        tells = self._events.has(HeldTooLong)
        for lease in self._leases.all.difference(self._leases.sharing.idle_leases()):
            if lease.expires <= now:
                # One that is hardly ever idle is found so by chance only; this replaces it when it comes back.
                lease.soil(SessionEffect.SPOILT)
            if tells and lease.told_since != lease.since and lease.since + self._settings.long_hold <= now:
                lease.told_since = lease.since
                self._events.tell(HeldTooLong(lease.service or OWN_SERVICE, lease.statement, now - lease.since))
        self._leases.growing.grow()
        self.begin()

"""What a pool takes down of its services, and tells to whoever subscribes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.pool.events import (
    Acquired,
    ConnectionBroken,
    Events,
    HandedOff,
    SessionReset,
    SlowStatement,
    StatementEnded,
    Waited,
    kind_of,
)
from poolhouse.pool.statistics import PoolStatistics, ServiceTally, together

if TYPE_CHECKING:
    from poolhouse._core.lifecycle import LifecycleState
    from poolhouse.pool.leases import Leases
    from poolhouse.settings import DatabaseSettings


class Accounts:
    """Counts and times, and the events that tell of them.

    While it `is_timed`, all statements are, whether anybody subscribes or not.
    """

    def __init__(self, events: Events, settings: DatabaseSettings, *, is_timed: bool) -> None:
        self.is_timed = is_timed
        self.opened = 0
        self.closed = 0
        self.broken = 0
        self._events = events
        self._settings = settings
        self._tallies: dict[str, ServiceTally] = {}

    @property
    def is_watched(self) -> bool:
        """Whether somebody wants to know of every use, or of every statement."""
        events = self._events
        return self.is_timed or events.tells_slow or events.tells_ended or events.tells_acquired

    def tally(self, service: str) -> ServiceTally:
        """Return the counts of a service."""
        tally = self._tallies.get(service)
        if tally is None:
            tally = self._tallies[service] = ServiceTally()
        return tally

    def note_ready(self, service: str) -> None:
        """Take down that a service got a connection without asking twice."""
        if self._events.tells_acquired:
            self._events.tell(Acquired(service, 0.0))

    def note_acquired(self, service: str, seconds: float) -> None:
        """Take down that a service got a connection, which took so long, waiting and hand-off included."""
        self.tally(service).add_wait(seconds)
        if self._events.tells_acquired:
            self._events.tell(Acquired(service, seconds))

    def note_wait(self, service: str, seconds: float) -> None:
        """Take down for how many seconds a service waited for a connection."""
        self.tally(service).waits.add(seconds)
        if self._events.tells_waited:
            self._events.tell(Waited(service, seconds))

    def note_hand_off(self, service: str, before: str | None, seconds: float) -> None:
        """Take down that a session was cleared for a service, and for whom it spoke before."""
        self.tally(service).hand_offs += 1
        if self._events.has(HandedOff):
            self._events.tell(HandedOff(service, before, seconds))

    def note_reset(self, service: str, seconds: float) -> None:
        """Take down that a session was cleared for the service that it served."""
        self.tally(service).resets += 1
        if self._events.has(SessionReset):
            self._events.tell(SessionReset(service, seconds))

    def note_broken(self, service: str | None, reason: str) -> None:
        """Take down that a connection was lost or cut."""
        self.broken += 1
        if self._events.has(ConnectionBroken):
            self._events.tell(ConnectionBroken(service, reason))

    def note_statement(
        self, service: str, statement: str, seconds: float, *, error: BaseException | None, is_whole: bool
    ) -> None:
        """Take down how many seconds a statement took, or one more message of it, and tell of it where that is long."""
        if self.is_timed and is_whole:
            self.tally(service).statements.add(seconds)
        if self._events.tells_ended and is_whole:
            kind = None if error is None else kind_of(error)
            self._events.tell(StatementEnded(service, statement, seconds, kind))
        if self._events.tells_slow and seconds >= self._settings.slow_statement:
            self._events.tell(SlowStatement(service, statement, seconds))

    def statistics(self, leases: Leases, state: LifecycleState) -> PoolStatistics:
        """Return all figures as they are now; may be called in any thread."""
        sharing = leases.sharing
        shares = sorted(sharing.shares.items())
        services = {service: self.tally(service).freeze(share) for service, share in shares}
        return PoolStatistics(
            state=state,
            min_size=leases.min_size,
            max_size=leases.max_size,
            size=len(leases.all),
            idle=sharing.idle,
            in_use=sharing.in_use,
            waiting=sharing.waiting,
            opened=self.opened,
            closed=self.closed,
            broken=self.broken,
            services=services,
            waits=together(each.waits for each in services.values()),
        )

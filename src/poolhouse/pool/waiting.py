"""Waiting for a connection, up to a deadline."""

from __future__ import annotations

import asyncio
import time
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from poolhouse.errors import PoolExhaustedError, SelfDeadlockError
from poolhouse.pool.faults import no_answer
from poolhouse.pool.lease import Lease, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from poolhouse._core.sharing import Share
    from poolhouse.errors import PoolhouseError
    from poolhouse.pool.leases import Leases


class Waiting:
    """Who waits, until when, and for how long what is kept is kept from them.

    One timer serves all deadlines, since hardly any is ever reached, and one all leases that are kept.
    """

    def __init__(self, leases: Leases, *, address: str) -> None:
        self._leases = leases
        self._sharing = leases.sharing
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._next_deadline = float("inf")
        self._timer: asyncio.TimerHandle | None = None
        self._next_look: asyncio.TimerHandle | None = None

    def end(self) -> None:
        """Look at no clock any longer."""
        for timer in (self._timer, self._next_look):
            if timer is not None:
                timer.cancel()

    def join(self, share: Share[Lease, Place], begun: float, deadline: float) -> Place:
        """Let somebody queue up; raises SelfDeadlockError, or the last error of connecting, where that is in vain."""
        if self._leases.held:
            task = asyncio.current_task()
            if self._leases.held_by.get(task, 0) >= min(share.limit, self._leases.max_size):
                self._refuse_self_deadlock(share, task)
        self._leases.growing.refuse_in_vain(begun)
        place = Place(share, begun, deadline, self._loop.create_future())
        self._sharing.join(place)
        if deadline < self._next_deadline:
            self._watch(deadline)
        self.look_again()
        if len(self._leases.all) < self._leases.max_size:
            self._leases.growing.grow()
        return place

    def leave(self, place: Place) -> None:
        """Take somebody out of the queue who waits no longer, because he was cancelled, refused or is too late."""
        self._leases.accounts.note_wait(place.share.service, time.monotonic() - place.begun)
        future = place.future
        if future.done() and not future.cancelled() and future.exception() is None:
            self._leases.take_back(future.result())
        self._sharing.leave(place)
        self._leases.note_quiet()

    def serve(self) -> None:
        """Give idle leases to those who may have them by now."""
        for lease, place in self._sharing.serve(time.monotonic()):
            self._leases.give(place, lease)
        self.look_again()

    def look_again(self) -> None:
        """Let no lease be kept for longer from those who wait than it may be."""
        if self._next_look is None and self._sharing.is_keeping and (due := self._sharing.due) is not None:
            self._next_look = self._loop.call_later(max(due - time.monotonic(), 0.0), self._look)

    def _look(self) -> None:
        self._next_look = None
        self.serve()

    def _refuse_self_deadlock(self, share: Share[Lease, Place], task: asyncio.Task[Any] | None) -> None:
        own = [lease for lease in self._leases.all if lease.use is not None and lease.use.task is task]
        is_at_limit = share.in_use >= share.limit
        if is_at_limit:
            own = [lease for lease in own if lease.owner is share]
        if own and len(own) >= (share.limit if is_at_limit else self._leases.max_size):
            is_limited = is_at_limit and share.limit < self._leases.max_size
            raise SelfDeadlockError(service=share.service, held=len(own), is_limited=is_limited)

    def _watch(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next_deadline = deadline
        delay = max(deadline - time.monotonic(), 0.0)
        self._timer = self._loop.call_later(delay, self._note_deadline)

    def _note_deadline(self) -> None:
        now = time.monotonic()
        self._next_deadline = float("inf")
        self._timer = None
        next_one = float("inf")
        holders = cache(self._leases.holders)  # for all who are late at once
        for place in self._sharing.queued():
            if place.deadline > now:
                next_one = min(next_one, place.deadline)
            elif not place.future.done():
                self._sharing.leave(place)
                place.future.set_exception(self._overdue(place, now, holders))
        if next_one < float("inf"):
            self._watch(next_one)
        self._leases.note_quiet()

    def _overdue(
        self, place: Place, now: float, holders: Callable[[Share[Lease, Place] | None], tuple[str, ...]]
    ) -> PoolhouseError:
        share = place.share
        if len(self._leases.all) < self._leases.max_size and share.in_use < share.limit:
            return copy(self._leases.growing.failure) or no_answer(self._address)
        self._leases.accounts.tally(share.service).exhausted += 1
        is_limited = share.limit < self._leases.max_size and share.in_use >= share.limit
        return PoolExhaustedError(
            service=share.service,
            waited=now - place.begun,
            holders=holders(share if is_limited else None),
            max_size=share.limit if is_limited else self._leases.max_size,
            is_limited=is_limited,
        )

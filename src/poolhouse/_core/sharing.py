"""Who gets which lease: the turns of services that share a few connections, decided without a clock and without I/O.

A lease goes to the service it served last wherever that is fair, since it can be used again as it is. Fair is what a
turn allows: a lease stays with one service for a turn, and for longer only while nobody else is late, which is who has
waited for as long as a turn. Then it goes to the waiting service that was served longest ago. So each service that
waits, and is below its limit, is served a turn later than after as many turns as there are services, whatever the
others do. Among those who wait for one service, who came first is served first.

In a busy pool a lease is also kept for its service while nobody of it waits, though others do: handing it off, and
back a moment later, would cost more than both uses. Busy is a pool half of which is in use, so that half of it works at
least; and a lease is kept until it has not been used for a turn, or somebody is late.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


# How many who left may stay in a queue, besides as many as wait there: so hardly any leaving takes a search.
_SPARE_PLACES = 16


class Waiter:
    """Somebody who waits for a lease; `has_left` once that is given up, or over."""

    __slots__ = ("begun", "has_left", "share")

    def __init__(self, share: Share[Any, Any], begun: float) -> None:
        self.share = share
        self.begun = begun
        self.has_left = False


class Leasable:
    """What can be given to services, one after another: whose it is or was last, since when, and used since when.

    `needs_hand_off` says that it is not ready for its owner yet.
    """

    __slots__ = ("needs_hand_off", "owned_since", "owner", "since")

    def __init__(self) -> None:
        self.owner: Share[Any, Any] | None = None
        self.owned_since = 0.0
        self.since = 0.0
        self.needs_hand_off = True


LeaseT = TypeVar("LeaseT", bound=Leasable)
WaiterT = TypeVar("WaiterT", bound=Waiter)


class Share(Generic[LeaseT, WaiterT]):
    """One service's part: its idle leases, its uses and its queue.

    `turn` tells when it was served from its queue last, in numbers that only grow. `used` is a count of its uses that
    began, for whoever lets them begin: not everybody to whom a lease is given still wants it.
    """

    __slots__ = ("_queue", "idle", "in_use", "limit", "service", "turn", "used", "waiting")

    def __init__(self, service: str, limit: int) -> None:
        self.service = service
        self.limit = limit
        self.idle: list[LeaseT] = []
        self.in_use = 0
        self.waiting = 0
        self.turn = 0
        self.used = 0
        self._queue: deque[WaiterT] = deque()

    @property
    def first(self) -> WaiterT:
        """Who waits for longest; there must be one."""
        while (waiter := self._queue[0]).has_left:
            self._queue.popleft()
        return waiter

    @property
    def is_eligible(self) -> bool:
        """Whether somebody waits who may be served."""
        return self.waiting > 0 and self.in_use < self.limit

    def join(self, waiter: WaiterT) -> None:
        """Queue up at the end."""
        self._queue.append(waiter)
        self.waiting += 1

    def leave(self, waiter: WaiterT) -> None:
        """Take a waiter out; his place is skipped when it is his turn, which spares a search."""
        waiter.has_left = True
        self.waiting -= 1
        if not self.waiting:
            self._queue.clear()
        elif len(self._queue) > 2 * self.waiting + _SPARE_PLACES:
            self._queue = deque(self.queue())

    def next(self) -> WaiterT:
        """Take out who waits for longest; there must be one."""
        waiter = self.first
        self._queue.popleft()
        waiter.has_left = True
        self.waiting -= 1
        return waiter

    def queue(self) -> Iterator[WaiterT]:
        """All who wait, who came first first."""
        return (waiter for waiter in self._queue if not waiter.has_left)


class Sharing(Generic[LeaseT, WaiterT]):
    """The shares of all services, and the leases that are idle.

    Between two calls it holds that no lease is idle while somebody waits who may be served, unless it is kept for its
    own service; it `is_keeping` then, and `due` tells until when. Whoever takes a lease or a waiter away puts another
    in its place, or calls `serve`. `length_of_turn` is in seconds, as the times given are.
    """

    def __init__(self, *, limit: int, limits: Mapping[str, int], length_of_turn: float) -> None:
        self.shares: dict[str, Share[LeaseT, WaiterT]] = {}
        self.free: list[LeaseT] = []
        self.waiting = 0
        # Known without a look at all shares, since it is asked whenever somebody has to wait.
        self.is_keeping = False
        self._limit = limit
        self._limits = limits
        self._length_of_turn = length_of_turn
        self._turns = 0
        self._queued: dict[Share[LeaseT, WaiterT], None] = {}

    def share(self, service: str) -> Share[LeaseT, WaiterT]:
        """Return a service's share, a new one at the first time."""
        share = self.shares.get(service)
        if share is None:
            share = self.shares[service] = Share(service, self._limit_of(service))
        return share

    def _limit_of(self, service: str) -> int:
        return min(self._limits.get(service, self._limit), self._limit)

    def change_limit(self, limit: int) -> None:
        """Let all services together use so many; call `serve` afterwards."""
        self._limit = limit
        for share in self.shares.values():
            share.limit = self._limit_of(share.service)

    @property
    def idle(self) -> int:
        """How many leases nobody uses."""
        # A list, since exporters ask from other threads, and a new service comes when it likes.
        return len(self.free) + sum(len(share.idle) for share in list(self.shares.values()))

    @property
    def in_use(self) -> int:
        """How many leases are given to services, also where one is made ready before its next use."""
        return sum(share.in_use for share in list(self.shares.values()))

    @property
    def wanted(self) -> int:
        """How many leases more could be used at once by those who wait, besides those that are kept."""
        # Above a limit that was lowered while it was used up, a service wants nothing, and nothing less.
        usable = sum(min(share.waiting, max(share.limit - share.in_use, 0)) for share in self._queued)
        return max(usable - self.idle, 0) if usable else 0

    def idle_leases(self) -> list[LeaseT]:
        """Return all leases that nobody uses."""
        return [*self.free, *(lease for share in self.shares.values() for lease in share.idle)]

    def queued(self) -> list[WaiterT]:
        """Return all who wait."""
        return [waiter for share in self._queued for waiter in share.queue()]

    def take(self, share: Share[LeaseT, WaiterT], now: float, *, is_late: bool = False) -> LeaseT | None:
        """Give an idle lease to a service, or return None: its own, else one of nobody's, else another's.

        Of its own it is the one used last, so that those it does not need grow old; of others' the one unused for
        longest, and none that is kept, unless whoever asks is late, or will be.
        """
        if share.in_use >= share.limit:
            return None
        if share.idle:
            lease = share.idle.pop()
        elif self.free:
            lease = self.free.pop()
        else:
            others = [other.idle for other in self.shares.values() if other.idle]
            if not others:
                return None
            idle = min(others, key=lambda idle: idle[0].since)
            if not is_late and self._is_kept(idle[0], now):
                self.is_keeping = True
                return None
            lease = idle.pop(0)
        self._give(lease, share, now)
        return lease

    def _is_kept(self, lease: LeaseT, now: float) -> bool:
        """Whether a lease that nobody of its service waits for is not given to another."""
        is_fresh = now - lease.since < self._length_of_turn
        return is_fresh and 2 * sum(share.in_use for share in self.shares.values()) >= self._limit

    def _is_late(self, waiter: WaiterT, now: float) -> bool:
        return now - waiter.begun >= self._length_of_turn

    def join(self, waiter: WaiterT) -> None:
        """Let somebody wait for a lease who could not take one."""
        share: Share[LeaseT, WaiterT] = waiter.share
        share.join(waiter)
        self._queued[share] = None
        self.waiting += 1

    def leave(self, waiter: WaiterT) -> None:
        """Let somebody wait no longer; a second time does nothing."""
        if waiter.has_left:
            return
        share: Share[LeaseT, WaiterT] = waiter.share
        share.leave(waiter)
        self.waiting -= 1
        if not share.waiting:
            del self._queued[share]

    def put_back(self, lease: LeaseT, now: float) -> WaiterT | None:
        """End a use of a lease by its owner; return who is to have it now, or None where it is idle."""
        self.end_use(lease)
        return self.offer(lease, now)

    def end_use(self, lease: LeaseT) -> None:
        """End a use of a lease by its owner, without anything becoming of the lease yet."""
        if lease.owner is not None:
            lease.owner.in_use -= 1

    def offer(self, lease: LeaseT, now: float) -> WaiterT | None:
        """Give a lease that nobody uses to who is next; return him, or None where it is idle."""
        owner: Share[LeaseT, WaiterT] | None = lease.owner
        chosen = self._next(lease, owner, now) if self.waiting else None
        if chosen is None:
            (self.free if owner is None else owner.idle).append(lease)
            return None
        if chosen is owner and now - lease.owned_since >= self._length_of_turn:
            lease.owned_since = now
        self._give(lease, chosen, now)
        return self._serve(chosen)

    def _next(self, lease: LeaseT, owner: Share[LeaseT, WaiterT] | None, now: float) -> Share[LeaseT, WaiterT] | None:
        if owner is not None:
            if owner.is_eligible:
                if now - lease.owned_since < self._length_of_turn or not self._is_anybody_late(owner, now):
                    return owner
            elif self._is_kept(lease, now) and not self._is_anybody_late(owner, now):
                self.is_keeping = True
                return None
        return min(self._eligible(), key=_turn_of, default=None)

    def _eligible(self) -> list[Share[LeaseT, WaiterT]]:
        return [share for share in self._queued if share.is_eligible]

    def _is_anybody_late(self, owner: Share[LeaseT, WaiterT], now: float) -> bool:
        """Whether somebody of another service has waited for too long, and may be served."""
        return any(share is not owner and self._is_late(share.first, now) for share in self._eligible())

    def _serve(self, share: Share[LeaseT, WaiterT]) -> WaiterT:
        """Take out of a queue who is next in it."""
        waiter = share.next()
        self.waiting -= 1
        if not share.waiting:
            del self._queued[share]
        self._turns += 1
        share.turn = self._turns
        return waiter

    def _give(self, lease: LeaseT, share: Share[LeaseT, WaiterT], now: float) -> None:
        share.in_use += 1
        if lease.owner is not share:
            lease.owner = share
            lease.owned_since = now
            lease.needs_hand_off = True

    def serve(self, now: float) -> list[tuple[LeaseT, WaiterT]]:
        """Give idle leases to those who may have them by now; return who is to have which.

        To be called when it is `due`, and when a limit was raised, or a lease in use is no more.
        """
        served: list[tuple[LeaseT, WaiterT]] = []
        while (gift := self._gift(now)) is not None:
            served.append(gift)
        return served

    def _gift(self, now: float) -> tuple[LeaseT, WaiterT] | None:
        for share in sorted(self._eligible(), key=_turn_of):
            lease = self.take(share, now, is_late=self._is_late(share.first, now))
            if lease is not None:
                return lease, self._serve(share)
        return None

    @property
    def due(self) -> float | None:
        """When the first of the leases that are kept will be kept no longer; None where nobody waits for one."""
        begun = [share.first.begun for share in self._eligible()]
        since = [share.idle[0].since for share in self.shares.values() if share.idle]
        self.is_keeping = bool(begun and since)
        return min(*begun, *since) + self._length_of_turn if self.is_keeping else None

    def remove(self, lease: LeaseT) -> None:
        """Take an idle lease out, because it broke or is too old."""
        owner: Share[LeaseT, WaiterT] | None = lease.owner
        (self.free if owner is None else owner.idle).remove(lease)

    def clear(self) -> None:
        """Have no lease any more, neither idle nor given; who waits goes on to."""
        self.free.clear()
        for share in self.shares.values():
            share.in_use = 0
            share.idle.clear()

    def disown(self) -> None:
        """Let no idle lease be anybody's, so that each is handed off before its next use."""
        for share in self.shares.values():
            for lease in share.idle:
                lease.owner = None
                lease.needs_hand_off = True
            self.free += share.idle
            share.idle.clear()


def _turn_of(share: Share[Any, Any]) -> int:
    return share.turn

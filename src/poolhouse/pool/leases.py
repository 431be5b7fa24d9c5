"""The connections of an open pool, lent to services and taken back."""

from __future__ import annotations

import asyncio
import time
from copy import copy
from typing import TYPE_CHECKING, Any

from poolhouse._core.session_effects import SessionEffect
from poolhouse._core.sharing import Share, Sharing
from poolhouse.errors import UsageError
from poolhouse.pool.accounts import Accounts
from poolhouse.pool.faults import translate
from poolhouse.pool.growing import Growing
from poolhouse.pool.handing_off import HandingOff
from poolhouse.pool.parting import Parting
from poolhouse.pool.pooling import OWN_SERVICE
from poolhouse.pool.upkeep import Upkeep
from poolhouse.pool.use import Use
from poolhouse.pool.waiting import Waiting
from poolhouse.pool.watching import WatchedUse
from poolhouse.settings import Reset

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from poolhouse.errors import PoolhouseError, PoolStateError
    from poolhouse.pool.events import Events
    from poolhouse.pool.lease import Lease, Place
    from poolhouse.pool.pooling import Pooling
    from poolhouse.settings import DatabaseSettings

# Seconds for which a lease stays with one service while others wait: some forty hand-offs, and hardly a wait.
_LENGTH_OF_TURN = 0.004


class Leases:
    """The connections of a pool, from its opening to its closing, in the loop that runs then.

    All methods but coroutines act at once, so that no two tasks ever see half of a change.
    """

    def __init__(
        self,
        pooling: Pooling,
        settings: DatabaseSettings,
        *,
        address: str,
        roles: Mapping[str, str],
        events: Events,
        is_timed: bool = False,
    ) -> None:
        self.pooling = pooling
        self.accounts = Accounts(events, settings, is_timed=is_timed)
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self.is_debugged = settings.debug or self._loop.get_debug()
        self.min_size = settings.min_size
        self.max_size = settings.max_size
        self.sharing: Sharing[Lease, Place] = Sharing(
            limit=settings.max_size, limits=settings.max_connections, length_of_turn=_LENGTH_OF_TURN
        )
        self.all: set[Lease] = set()
        self.held: set[Lease] = set()
        # How many each task holds, for the one question that every wait asks.
        self.held_by: dict[asyncio.Task[Any] | None, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._looks_each_time = settings.reset is Reset.ALWAYS or settings.max_uses > 0
        self._closing: PoolStateError | None = None
        self._quiet: asyncio.Event | None = None
        self.handing_off = HandingOff(self, settings, address=address, roles=roles)
        self.growing = Growing(self, settings, address=address)
        self.parting = Parting(self, settings)
        self.waiting = Waiting(self, address=address)
        self._upkeep = Upkeep(self, settings, events)

    # Opening and closing

    async def open(self) -> None:
        """Connect `min_size` times, and at least once; raises the driver's error, and leaves nothing open then."""
        try:
            await self.growing.begin()
        except BaseException:
            self.terminate(None)
            raise
        self._upkeep.begin()

    async def drain(self, refusal: PoolStateError) -> None:
        """Return when nobody holds or waits for a connection; until then those who do go on."""
        self._closing = refusal
        self._looks_each_time = True
        self._quiet = asyncio.Event()
        self.note_quiet()
        await self._quiet.wait()

    async def close(self) -> None:
        """Say goodbye to the server on all connections, none of which is in use."""
        self._end()
        await self.parting.close_all()

    def terminate(self, refusal: PoolStateError | None) -> None:
        """Cut all connections, in use or not, and refuse whoever waits."""
        self._end()
        if refusal is not None:
            self.turn_away(refusal)
        self.parting.cut_all()
        self.sharing.clear()
        self.note_quiet()

    def _end(self) -> None:
        self.waiting.end()
        self.growing.end()
        self.parting.end()
        self._upkeep.end()

    async def settle(self) -> None:
        """Return when no task of this pool is left; after `terminate` that is at once, or nearly."""
        while tasks := [*self._tasks, *self.growing.under_way]:
            await asyncio.wait(tasks)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let work on a connection go on in a task of its own, for which `settle` waits."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def note_quiet(self) -> None:
        """Let a closing go on once nobody holds or waits for a connection."""
        if self._quiet is not None and not self.sharing.waiting and not self.sharing.in_use:
            self._quiet.set()

    def turn_away(self, failure: PoolhouseError) -> None:
        """Refuse whoever waits."""
        for place in self.sharing.queued():
            self.sharing.leave(place)
            if not place.future.done():
                # One error for each, which would gather the traces of all otherwise.
                place.future.set_exception(copy(failure))

    @property
    def is_closing(self) -> bool:
        """Whether nobody gets a connection any more but who waits for one already."""
        return self._closing is not None

    @property
    def is_of_this_loop(self) -> bool:
        """Whether the running loop is that in which the connections were made."""
        return self._loop is asyncio.get_running_loop()

    # Taking

    def take_ready(self, service: str, statement: str, effect: SessionEffect) -> Lease | None:
        """Give a service a lease that needs nothing done to it, or return None; what a single statement asks first."""
        share = self.sharing.shares.get(service)
        if share is None or not share.idle or share.in_use >= share.limit:
            return None
        lease = share.idle.pop()
        if lease.connection.is_closed():
            # The driver knows already, and will tell in a moment.
            share.idle.append(lease)
            return None
        share.in_use += 1
        share.used += 1
        lease.since = time.monotonic()
        lease.statement = statement
        lease.uses += 1
        if effect is not SessionEffect.CLEAN:
            lease.effect = effect
        return lease

    async def take(
        self,
        service: str,
        *,
        timeout: float | None,
        statement: str | None = None,
        effect: SessionEffect = SessionEffect.CLEAN,
    ) -> Lease:
        """Give a service a lease that speaks for it, within `timeout` seconds.

        Raises PoolExhaustedError past them, SelfDeadlockError at once when the running task holds all it could get,
        a ConnectError when there is no connection and none can be made, and PoolStateError when the pool closes.
        Cancelled, it leaves nothing behind.
        """
        begun = time.monotonic()
        deadline = begun + (self._settings.acquire_timeout if timeout is None else timeout)
        share = self.sharing.share(service)
        while True:
            if self._closing is not None:
                raise copy(self._closing)
            # Where others of the service wait, there is nothing to take.
            lease = None if share.waiting else self._take_idle(share, begun, deadline)
            if lease is None:
                place = self.waiting.join(share, begun, deadline)
                try:
                    lease = await place.future
                except BaseException:
                    self.waiting.leave(place)
                    raise
                self.accounts.note_wait(service, time.monotonic() - begun)
            lease.handed_off_in = 0.0
            if not lease.needs_hand_off and not lease.connection.is_closed():
                break
            # Others may ask meanwhile who holds it, and what for.
            lease.since, lease.statement = time.monotonic(), statement
            if await self.handing_off.make_ready(lease, share.service, deadline):
                break
            # It was asked nothing yet, so another will do.
            self.parting.cut(lease, "the server ended it while it was idle")
        if lease.lent is not None and statement is not None:
            self._admit_statement(lease, statement, effect)
        now = time.monotonic()
        lease.since = now
        lease.statement = statement
        lease.uses += 1
        share.used += 1
        if effect:
            lease.soil(effect)
        lease.waited = now - begun
        self.accounts.note_acquired(service, lease.waited)
        return lease

    def _admit_statement(self, lease: Lease, statement: str, effect: SessionEffect) -> None:
        assert lease.lent is not None  # noqa: S101 - a pooler is in between, or this is not called
        try:
            lease.lent.admit(statement, effect)
        except UsageError:
            self.take_back(lease)
            raise

    def _take_idle(self, share: Share[Lease, Place], now: float, deadline: float) -> Lease | None:
        # Who has no time to wait for a lease that is kept would be refused though there is one.
        is_late = deadline - now <= 2 * _LENGTH_OF_TURN
        while (lease := self.sharing.take(share, now, is_late=is_late)) is not None:
            if not lease.connection.is_closed():
                return lease
            self.parting.cut(lease, "the server ended it while it was idle")
        return None

    def give(self, place: Place | None, lease: Lease) -> None:
        """Give a lease to who is to have it, or to whoever is next where he has gone; None where it is idle."""
        while place is not None:
            if not place.future.done():
                place.future.set_result(lease)
                return
            # Cancelled in this very moment, and not yet out of the queue, as all who come next may be.
            place = self._offer(lease)
        self.waiting.look_again()

    # Giving back

    def put_back(self, lease: Lease) -> None:
        """End a use. What it did to the session is undone before anybody else sees the connection."""
        if lease.effect or self._looks_each_time:
            self.take_back(lease)
        elif not self.sharing.waiting:
            share = lease.owner
            share.in_use -= 1  # type: ignore[union-attr] # what is in use has an owner
            share.idle.append(lease)  # type: ignore[union-attr] # what is in use has an owner
        else:
            now = time.monotonic()
            if lease.expires <= now:
                self.take_back(lease)
            else:
                self.give(self.sharing.put_back(lease, now), lease)

    def take_back(self, lease: Lease) -> asyncio.Task[None] | None:
        """End a use about which anything may be; return the task that clears the session, where it needs to be."""
        lease.use = None
        if lease.is_gone:
            return None
        if lease.connection.is_closed():
            self.parting.cut(lease, "the server ended it")
        elif lease.effect is SessionEffect.SPOILT or self.is_spent(lease):
            self.parting.retire(lease)
        elif lease.effect is SessionEffect.DIRTY or self._settings.reset is Reset.ALWAYS:
            lease.effect = SessionEffect.DIRTY
            return self.reset(lease)
        else:
            self.give_back(lease)
        return None

    def reset(self, lease: Lease) -> asyncio.Task[None]:
        """Let a session be cleared in a task of its own."""
        return self.spawn(self.handing_off.reset(lease))

    def is_spent(self, lease: Lease) -> bool:
        """Whether a connection has served for long enough, or is one too many."""
        is_used_up = 0 < self._settings.max_uses <= lease.uses
        return is_used_up or lease.expires <= time.monotonic() or len(self.all) > self.max_size

    def give_back(self, lease: Lease) -> None:
        """End a use after which nothing is left to be cleared."""
        self.give(self._offer(lease), lease)
        self.note_quiet()

    def _offer(self, lease: Lease) -> Place | None:
        """End a use; return who is to have the lease now."""
        now = lease.since = time.monotonic()
        is_own = lease.service == OWN_SERVICE
        if not is_own and not lease.needs_hand_off:
            return self.sharing.put_back(lease, now)
        # Whom it was given to was cancelled before it was made to speak for him, or he is poolhouse itself, after whom
        # it is as good as new: it is nobody's.
        self.sharing.end_use(lease)
        lease.owner = None
        lease.is_bare = lease.is_bare or (is_own and not lease.needs_hand_off)
        lease.needs_hand_off = True
        return self.sharing.offer(lease, now)

    def give_up(self, lease: Lease, error: BaseException, *, sql: str, schema: str, reads: frozenset[str]) -> None:
        """End a use whose only statement failed; raises our error for what the driver raised."""
        service = lease.service
        lease.note(error)
        self.take_back(lease)
        failure = translate(error, service=service, sql=sql, schema=schema, reads=reads)
        if failure is not None:
            # Not chained: the driver's text can hold the query's arguments.
            raise failure from None

    def hold(self, lease: Lease, service: str) -> Use:
        """Let the running task hold a lease for more than a statement."""
        use = lease.use = (WatchedUse if self.accounts.is_watched else Use)(lease, self, service)
        self.held.add(lease)
        self.held_by[use.task] = self.held_by.get(use.task, 0) + 1
        return use

    def release(self, use: Use) -> asyncio.Task[None] | None:
        """End a use by hand; return the task that clears the session, where it needs to be."""
        lease = use.lease
        self.held.discard(lease)
        left = self.held_by.pop(use.task) - 1
        if left:
            self.held_by[use.task] = left
        if lease.is_in_transaction:
            lease.soil(SessionEffect.DIRTY)
        return self.take_back(lease)

    # Changes that concern all

    async def resize(self, min_size: int, max_size: int) -> None:
        """Keep and allow so many connections from now on; those in use above that are closed when they come back."""
        self.min_size, self.max_size = min_size, max_size
        self.sharing.change_limit(max_size)
        for lease in self.sharing.idle_leases()[: max(len(self.all) - max_size, 0)]:
            self.parting.retire_idle(lease)
        # Those in use are looked at when they come back, and so is each use after that.
        self._looks_each_time = self._looks_each_time or len(self.all) > max_size
        self.waiting.serve()
        self.growing.grow()
        # Not what was asked for here: the sizes may have been changed again.
        await self.growing.until(lambda: self.min_size <= len(self.all) <= self.max_size)

    def note_pooler(self) -> None:
        """Let no connection be used any longer that was taken for the server's own."""
        self.pooling.note_pooler()
        for lease in self.sharing.idle_leases():
            if lease.lent is None:
                self.parting.retire_idle(lease)
        for lease in self.all:
            if lease.lent is None:
                lease.soil(SessionEffect.SPOILT)

    def change_roles(self) -> None:
        """Let no connection be used any longer with the role it had."""
        idle = set(self.sharing.idle_leases())
        self.sharing.disown()
        self.waiting.serve()
        for lease in self.all - idle:
            if lease.effect is SessionEffect.CLEAN:
                lease.effect = SessionEffect.DIRTY

    # Who uses what

    def holders(self, share: Share[Lease, Place] | None = None) -> tuple[str, ...]:
        """Say who holds connections, who did so first first; or which of them one service holds."""
        now = time.monotonic()
        idle = set(self.sharing.idle_leases())
        # What broke while it was held is held all the same.
        held = sorted((self.all - idle) | self.held, key=lambda lease: lease.since)
        return tuple(lease.describe(now) for lease in held if lease.owner is not None and share in {None, lease.owner})

    def note_statement(
        self,
        service: str,
        statement: str,
        seconds: float,
        *,
        error: BaseException | None = None,
        is_whole: bool = True,
    ) -> None:
        """Take down how many seconds a statement took, or one more message of it."""
        self.accounts.note_statement(service, statement, seconds, error=error, is_whole=is_whole)

    def effect_of_raw(self, service: str) -> SessionEffect:
        """Return what touching the driver's own connection is taken for."""
        return SessionEffect.DIRTY if service == OWN_SERVICE else SessionEffect.SPOILT

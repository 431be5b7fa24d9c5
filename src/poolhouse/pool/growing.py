"""Making connections, as many as are wanted and no more, and pausing after failures."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from copy import copy
from typing import TYPE_CHECKING, Any

from poolhouse.errors import PoolError, ServerUnavailableError
from poolhouse.pool.faults import CONNECT_ERRORS, connect_error, no_answer
from poolhouse.pool.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncpg

    from poolhouse.errors import PoolhouseError
    from poolhouse.pool.leases import Leases
    from poolhouse.settings import DatabaseSettings

_log = logging.getLogger("poolhouse.pool")

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
# Replicas that were started together should not all connect anew at the same moment.
_YOUNGEST = 0.9


class Growing:
    """Connections on their way, and why the last one was not to be had."""

    def __init__(self, leases: Leases, settings: DatabaseSettings, *, address: str) -> None:
        self.failure: PoolhouseError | None = None
        self.under_way: set[asyncio.Task[None]] = set()
        self._leases = leases
        self._settings = settings
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._pause = _FIRST_PAUSE
        self._may_connect_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._sizes = asyncio.Event()
        self._has_ended = False

    async def begin(self) -> None:
        """Connect `min_size` times, and at least once; raises the driver's error, with nothing left on its way."""
        count = max(self._leases.min_size, 1)
        attempts = [asyncio.ensure_future(self._leases.pooling.connect()) for _ in range(count)]
        try:
            for connection in await asyncio.gather(*attempts):
                self._admit(connection)
        except BaseException:
            for attempt in attempts:
                attempt.add_done_callback(_terminate_result)
                attempt.cancel()
            await asyncio.wait(attempts)
            raise

    def end(self) -> None:
        """Make no connection any more, and let nobody wait for one."""
        self._has_ended = True
        self._sizes.set()
        if self._timer is not None:
            self._timer.cancel()
        for opening in self.under_way:
            opening.cancel()

    async def wait_for_size(self, timeout: float) -> None:
        """Return when `min_size` connections stand; raises ServerUnavailableError after `timeout` seconds."""
        self.grow()
        try:
            async with asyncio.timeout(timeout):
                await self.until(lambda: len(self._leases.all) >= self._leases.min_size)
        except TimeoutError:
            raise copy(self.failure) or no_answer(self._address) from None

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Return when it is so, which is asked each time that there are more or fewer connections, or at the end."""
        while not is_so() and not self._has_ended:
            self._sizes.clear()
            await self._sizes.wait()

    def note_size(self) -> None:
        """Take down that there is a connection more, or less."""
        self._sizes.set()

    def refuse_in_vain(self, now: float) -> None:
        """Raise the last failure while it is fresh, nothing stands, and waiting cannot mend it."""
        failure = self.failure
        if failure is None or self._leases.all or now >= self._may_connect_at:
            return
        if not (isinstance(failure, PoolError) and failure.retryable):
            # A server that is asked too often with a wrong password may lock the role.
            raise copy(failure)

    def grow(self) -> None:
        """Connect for those who wait, as far as there is room, and for `min_size`."""
        room = self._leases.max_size - len(self._leases.all) - len(self.under_way)
        if room <= 0 or self._has_ended:
            return
        count = min(self._wanted - len(self.under_way), room)
        if count <= 0:
            return
        pause = self._may_connect_at - time.monotonic()
        # Where there is no connection at all, nor one on its way, those who wait would rather know at once.
        if pause > 0 and (self._leases.all or self.under_way or not self._leases.sharing.waiting):
            if self._timer is None:
                self._timer = self._loop.call_later(pause, self._grow_again)
            return
        for _ in range(count):
            opening = asyncio.create_task(self._open_another(), name="poolhouse: connecting")
            self.under_way.add(opening)
            opening.add_done_callback(self._note_opened)

    @property
    def _wanted(self) -> int:
        """How many connections more there should be, for those who wait and for `min_size`."""
        missing = 0 if self._leases.is_closing else self._leases.min_size - len(self._leases.all)
        return max(self._leases.sharing.wanted, missing)

    def _grow_again(self) -> None:
        self._timer = None
        self.grow()

    async def _open_another(self) -> None:
        try:
            connection = await self._leases.pooling.connect()
        except CONNECT_ERRORS as error:
            self.under_way.discard(asyncio.current_task())
            self._note_refused(connect_error(error, address=self._address))
            return
        self.under_way.discard(asyncio.current_task())
        if self._has_ended:
            connection.terminate()
        else:
            self._admit(connection)

    def _admit(self, connection: asyncpg.Connection[Any]) -> None:
        """Take up a new connection; where there are too many by now, part with it."""
        leases, now = self._leases, time.monotonic()
        age = self._settings.max_age * random.uniform(_YOUNGEST, 1.0)  # noqa: S311 - jitter is no secret
        lease = Lease(connection, born=now, expires=now + age)
        connection.add_termination_listener(lambda _: leases.parting.note_end(lease))
        leases.accounts.opened += 1
        leases.all.add(lease)
        self.note_size()
        self._forget_failures()
        if len(leases.all) > leases.max_size:
            leases.parting.retire(lease)
        else:
            leases.give(leases.sharing.offer(lease, now), lease)

    def _forget_failures(self) -> None:
        self.failure = None
        self._pause = _FIRST_PAUSE
        self._may_connect_at = 0.0

    def _note_refused(self, failure: PoolhouseError) -> None:
        self.failure = failure
        self._may_connect_at = time.monotonic() + self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        if self._leases.all or self.under_way:
            return
        # Nobody can give anything back, and nothing is on its way, so whoever waits would do so in vain.
        self._leases.turn_away(failure)

    def _note_opened(self, opening: asyncio.Task[None]) -> None:
        self.under_way.discard(opening)
        if not opening.cancelled() and (error := opening.exception()) is not None:
            fact = f"connecting failed in an unforeseen way ({type(error).__name__})"
            _log.error("%s: %s", self._address, fact)
            remedy = "Report it, unless the event loop is about to end"
            self._note_refused(ServerUnavailableError(fact, address=self._address, remedy=remedy))
        self.grow()
        self._leases.note_quiet()


def _terminate_result(attempt: asyncio.Future[asyncpg.Connection[Any]]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()

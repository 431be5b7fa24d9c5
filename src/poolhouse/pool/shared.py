"""The handle on the one pool that all services share."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import SecretStr

from poolhouse._core.address import describe_dsn
from poolhouse._core.lifecycle import LifecycleState, move
from poolhouse.errors import ConfigurationError, DrainTimeoutError, PoolStateError
from poolhouse.pool.events import Events, EventT
from poolhouse.pool.faults import DRIVER_ERRORS, translate
from poolhouse.pool.leases import Leases
from poolhouse.pool.neighbours import note_closed, note_opened, place_outside
from poolhouse.pool.opening import open_when_up
from poolhouse.pool.pooling import OWN_SERVICE, Pooling
from poolhouse.pool.statistics import PoolStatistics
from poolhouse.pool.use import LeaseContext
from poolhouse.pool.watching import WatchedLeases

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    import asyncpg

    from poolhouse._core.session_effects import SessionEffect
    from poolhouse.pool.lease import Lease
    from poolhouse.pool.tracing import Tracer
    from poolhouse.pool.use import Lender, StandIn, Use
    from poolhouse.settings import DatabaseSettings


# Seconds for saying goodbye to the server when draining has taken all the time there was.
_FAREWELL = 0.5


class Server(Protocol):
    """Something that knows a DSN once it runs, such as an embedded PostgreSQL."""

    @property
    def dsn(self) -> str | None:
        """The server's DSN, or None where it does not run or is not wanted."""
        ...


class SharedPool:
    """The one pool of connections that all services of an application share.

    Building it does nothing, so that everything that needs it can be wired before a server is there;
    the container's lifecycle opens and closes it. A closed pool can be opened again.

    A connection remembers which service it served last, and is used again by that service as it is. For
    another one, everything in its session is cleared first, in one message, which also takes on that service's role.
    While services wait for connections, each gets its turn; `max_connections` of the settings limits single ones.

    It has no `__enter__`, `__aenter__` or `__await__`: dependency-injector would enter or await it.
    """

    def __init__(self, settings: DatabaseSettings, *, server: Server | None = None) -> None:
        self._settings = settings
        self._server = server
        self._place = place_outside()
        self._state = LifecycleState.NEW
        self._leases: Leases | None = None
        self._stand_in: StandIn | None = None
        self._roles: dict[str, str] = {}
        self._events = Events()
        self._timed_by = 0
        self._tracer: Tracer | None = None
        self._moving = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ready: Lender | None = None
        """The leases, as long as a single statement may use them without further ado; for the schema managers."""

    def __repr__(self) -> str:
        size = len(self._leases.all) if self._leases else 0
        max_size = self._leases.max_size if self._leases else self._settings.max_size
        return f"<SharedPool {self._state.value}, {self.address}, {size} of {max_size} connections>"

    @property
    def settings(self) -> DatabaseSettings:
        """The settings it was built with."""
        return self._settings

    @property
    def dsn(self) -> SecretStr | None:
        """The DSN that the pool connects with, for what needs a connection beside it; None while there is none yet."""
        dsn = self._dsn()
        return None if dsn is None else SecretStr(dsn)

    @property
    def is_open(self) -> bool:
        """Whether connections can be leased."""
        return self._state is LifecycleState.STARTED

    @property
    def address(self) -> str:
        """Role, host, port and database that the pool connects to; never the password."""
        dsn = self._dsn()
        return describe_dsn(dsn) if dsn else "no address yet"

    def _dsn(self) -> str | None:
        if self._settings.dsn is not None:
            return self._settings.dsn.get_secret_value()
        return self._server.dsn if self._server is not None else None

    # Roles and events

    @property
    def roles(self) -> Mapping[str, str]:
        """The roles that services speak for, by service; one without speaks for the login role."""
        return MappingProxyType(self._roles)

    def set_roles(self, roles: Mapping[str, str]) -> None:
        """Let services speak for other roles from now on; connections in use do so with their next use.

        The roles must exist, and be granted to the login role. poolhouse itself has none.
        """
        if OWN_SERVICE in roles:
            raise ConfigurationError(
                f"service {OWN_SERVICE!r} cannot have a role",
                remedy="It is poolhouse's own, and speaks as the login role",
            )
        if roles != self._roles:
            self._roles.clear()
            self._roles.update(roles)
            if self._leases is not None:
                self._leases.change_roles()

    def subscribe(self, kind: type[EventT], handler: Callable[[EventT], object]) -> None:
        """Call `handler` with every event of a kind, such as HandedOff, in the moment it happens.

        It must return soon and not block; what it raises is logged. Watching Acquired or SlowStatement costs every
        statement about half a microsecond, besides the handler.
        """
        self._events.subscribe(kind, handler)
        self._note_ready()

    def unsubscribe(self, kind: type[EventT], handler: Callable[[EventT], object]) -> None:
        """Call `handler` no longer; does nothing when it was not."""
        self._events.unsubscribe(kind, handler)
        self._note_ready()

    def time_statements(self, *, is_wanted: bool) -> None:
        """Count how long statements take, by service, in the statistics; for about half a microsecond each.

        Whoever wants it says so once, and once that it is wanted no more; until then it goes on, also when the pool
        was closed and opened.
        """
        self._timed_by += 1 if is_wanted else -1
        if self._leases is not None:
            self._leases.accounts.is_timed = self._timed_by > 0
        self._note_ready()

    @property
    def tracer(self) -> Tracer | None:
        """Who follows each operation, or None."""
        return self._tracer

    def trace(self, tracer: Tracer | None) -> None:
        """Let `tracer` follow each operation from now on, or nobody; raises ConfigurationError where one does already.

        It costs a statement several microseconds, besides what the tracer does.
        """
        if tracer is not None and self._tracer is not None:
            fact = f"the pool is traced by {self._tracer!r} already"
            raise ConfigurationError(fact, remedy="Give each pool one tracer")
        self._tracer = tracer
        self._note_ready()

    def _note_ready(self) -> None:
        leases, is_open = self._leases, self._state is LifecycleState.STARTED
        # What a pooler lends needs more for each statement than a lease, and so does a tracer.
        is_longer = self._tracer is not None or self._stand_in is not None
        if leases is None or not is_open or leases.pooling.lends or is_longer:
            self.ready = None
        else:
            self.ready = WatchedLeases(leases) if leases.accounts.is_watched else leases

    # Opening and closing

    async def open(self) -> None:
        """Connect; returns when the first connections stand. Does nothing when the pool is open.

        Waits up to `startup_timeout` for a server that is not up yet, then raises ServerUnavailableError.
        A refused role (AuthenticationError) or a missing database (DatabaseMissingError) is raised at once.
        A failure or a cancellation leaves no connection behind, and the pool can be opened again. Raises PoolStateError
        when it is open in another event loop.
        """
        async with self._turn():
            if self._state is LifecycleState.STARTED:
                self._refuse_another_loop()
                return
            dsn = self._dsn()
            if dsn is None:
                raise ConfigurationError("the pool has no DSN", remedy="Set the DSN in the database settings")
            self._move(LifecycleState.STARTING)
            try:
                self._leases = await open_when_up(
                    lambda: self._new_leases(dsn), address=describe_dsn(dsn), limit=self._settings.startup_timeout
                )
            except BaseException:
                self._move(LifecycleState.STOPPING)
                self._move(LifecycleState.STOPPED)
                raise
            self._move(LifecycleState.STARTED)
            note_opened(self, dsn, self._place)

    def _refuse_another_loop(self) -> None:
        if self._leases is not None and not self._leases.is_of_this_loop:
            raise PoolStateError(
                "the pool was opened in another event loop, whose connections cannot be used in this one",
                remedy="Close it before that loop ends, as a container does, or use a pool for each loop",
            )

    def _new_leases(self, dsn: str) -> Leases:
        settings = self._settings

        pooling = Pooling(dsn, settings, found=self._note_ready)
        return Leases(
            pooling,
            settings,
            address=describe_dsn(dsn),
            roles=self._roles,
            events=self._events,
            is_timed=self._timed_by > 0,
        )

    async def close(self) -> None:
        """Close all connections; does nothing when the pool is not open.

        New leases are refused at once. Those that are held or waited for have `drain_timeout` seconds to
        end; then they are cut, and DrainTimeoutError names their holders. Cancelling the call cuts them
        without waiting. When it returns or raises, no connection is left.
        """
        async with self._turn():
            leases = self._leases
            if self._state is not LifecycleState.STARTED or leases is None:
                return
            if self._stand_in is not None:
                await self._stand_in.end()
            self._move(LifecycleState.STOPPING)
            try:
                await self._drain(leases)
            finally:
                self._move(LifecycleState.STOPPED)
                note_closed(self)
                leases.terminate(self._not_open())
                await leases.settle()

    async def _drain(self, leases: Leases) -> None:
        limit = self._settings.drain_timeout
        begun = time.monotonic()
        try:
            async with asyncio.timeout(limit):
                await leases.drain(self._not_open())
        except TimeoutError:
            raise DrainTimeoutError(waited=limit, holders=leases.holders()) from None
        with suppress(TimeoutError):
            # A server that no longer answers cannot be said goodbye to; terminate() follows.
            async with asyncio.timeout(max(limit - (time.monotonic() - begun), _FAREWELL)):
                await leases.close()

    def _turn(self) -> asyncio.Lock:
        # A lock belongs to the loop that waited for it first, and a pool may be opened in one loop after another.
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._moving = loop, asyncio.Lock()
        return self._moving

    def _move(self, target: LifecycleState) -> None:
        self._state = move(self._state, target, subject="the pool")
        self._note_ready()

    async def resize(self, min_size: int, max_size: int) -> None:
        """Keep at least, and allow at most, so many connections from now on, until the pool is opened again.

        Connections above `max_size` are closed when they come back; returns when none of those is left, and at least
        `min_size` stand. Raises ConfigurationError for sizes that cannot be, PoolStateError when the pool is not open.
        """
        if not 0 <= min_size <= max_size or max_size < 1:
            fact = f"a pool cannot have from {min_size} to {max_size} connections"
            raise ConfigurationError(fact, remedy="Choose 0 <= min_size <= max_size, and a max_size of at least 1")
        await self._opened().resize(min_size, max_size)

    async def wait(self, timeout: float | None = None) -> None:
        """Return when `min_size` connections stand, and the server answers on one, for a readiness check.

        Raises ServerUnavailableError after `timeout` seconds (`startup_timeout` of the settings by default).
        """
        limit = self._settings.startup_timeout if timeout is None else timeout
        deadline = time.monotonic() + limit
        await self._opened().growing.wait_for_size(limit)
        await self.check(timeout=max(deadline - time.monotonic(), 0.001))

    # Using

    def take(
        self, service: str, *, timeout: float | None, statement: str, effect: SessionEffect
    ) -> Coroutine[Any, Any, Lease]:
        """Take a lease for a single statement, as `acquire` does for several; whoever lent it takes it back."""
        return self._opened().take(service, timeout=timeout, statement=statement, effect=effect)

    def lease(self, service: str, *, timeout: float | None = None) -> LeaseContext:
        """Return an asynchronous context manager that holds one connection for `service`, as a Use.

        Waits at most `timeout` seconds (`acquire_timeout` of the settings by default), then raises
        PoolExhaustedError, which names the holders. Raises PoolStateError when the pool is not open.
        The connection goes back when the block ends, however it ends, also when cancelled.
        """
        return LeaseContext(self, service, timeout)

    async def acquire(self, service: str, *, timeout: float | None = None) -> Use:
        """Take a connection as `lease` does, to be given back by `release`; prefer `lease`.

        Raises SelfDeadlockError at once where the running task holds every connection that it could get.
        """
        leases = self._opened()
        if self._stand_in is not None:
            return await self._stand_in.acquire(service, timeout=timeout)
        return leases.hold(await leases.take(service, timeout=timeout), service)

    async def release(self, use: Use, *, wait: bool = True) -> None:
        """Give a connection back; a second time does nothing. Never fails because of the connection's state.

        Where the use changed its session, it takes until that is cleared, at most `connect_timeout` seconds; which
        goes on when the call is cancelled. With `wait` False the call returns at once.
        """
        if use.is_over:
            return
        use.is_over = True
        cleared = use.leases.release(use)
        if wait and cleared is not None:
            await asyncio.wait([cleared])

    def replace_leases(self, stand_in: StandIn | None) -> None:
        """Let all uses from now on come from `stand_in`, or from the pool's own leases again; for tests.

        Raises PoolStateError when the pool is not open, or has one already. Closing the pool ends it first.
        """
        self._opened()
        if stand_in is not None and self._stand_in is not None:
            fact = "something stands in for the leases of the pool already"
            raise PoolStateError(fact, remedy="Roll one test back at a time, each with a pool of its own")
        self._stand_in = stand_in
        self._note_ready()

    def _opened(self) -> Leases:
        if self._leases is not None and self._state is LifecycleState.STARTED:
            return self._leases
        raise self._not_open()

    def _not_open(self) -> PoolStateError:
        return PoolStateError(
            f"the pool is not open, it is {self._state.value}",
            place=self.address if self._dsn() else None,
            remedy="Start its container: `async with Container()`, or `await container.init_resources()`",
        )

    async def check(self, timeout: float | None = None) -> None:
        """Ask the server for a sign of life, within `timeout` seconds (`check_timeout` by default).

        Raises PoolStateError when the pool is not open, PoolExhaustedError when no connection came free,
        and ServerUnavailableError or a DatabaseError when the server did not answer.
        """
        limit = self._settings.check_timeout if timeout is None else timeout
        deadline = time.monotonic() + limit
        try:
            async with self.lease(OWN_SERVICE, timeout=limit) as use:
                connection: asyncpg.Connection[Any] = use.lease.connection
                await connection.execute("SELECT 1", timeout=max(deadline - time.monotonic(), 0.001))
        except DRIVER_ERRORS as error:
            raise translate(error, service=OWN_SERVICE) or error from None

    def statistics(self) -> PoolStatistics:
        """Return the pool's figures as they are now, without asking the server; may be called in any thread."""
        leases = self._leases
        if leases is None:
            return PoolStatistics(self._state, self._settings.min_size, self._settings.max_size)
        return leases.accounts.statistics(leases, self._state)

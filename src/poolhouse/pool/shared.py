"""The handle on the one pool that all services share."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import SecretStr

from poolhouse._core.address import describe_dsn
from poolhouse._core.lifecycle import LifecycleState, move
from poolhouse.errors import ConfigurationError, DrainTimeoutError, PoolExhaustedError, PoolStateError
from poolhouse.pool.connections import AsyncpgConnections
from poolhouse.pool.faults import CONNECT_ERRORS, DRIVER_ERRORS, connect_error, translate
from poolhouse.pool.opening import open_when_up
from poolhouse.pool.statistics import PoolStatistics, ServiceTally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncpg.pool import PoolConnectionProxy

    from poolhouse.pool.connections import Connections
    from poolhouse.settings import DatabaseSettings


# Seconds for saying goodbye to the server when draining has taken all the time there was.
_FAREWELL = 0.5


class Server(Protocol):
    """Something that knows a DSN once it runs, such as an embedded PostgreSQL."""

    @property
    def dsn(self) -> str | None:
        """The server's DSN, or None where it does not run or is not wanted."""
        ...


@dataclass(slots=True, eq=False)
class Lease:
    """One connection, held for one service until the block that took it ends.

    `failed` says that the server refused something in the open transaction, so that it can only be rolled back,
    and `is_over` that the connection was given back and may be somebody else's by now.
    """

    service: str
    since: float
    connection: PoolConnectionProxy[Any]
    failed: bool = False
    is_over: bool = False

    def describe(self, now: float) -> str:
        """Say who holds the connection, and for how long."""
        return f"{self.service} ({now - self.since:.1f} s)"


class SharedPool:
    """The one pool of connections that all services of an application share.

    Building it does nothing, so that everything that needs it can be wired before a server is there;
    the container's lifecycle opens and closes it. A closed pool can be opened again.

    It has no `__enter__`, `__aenter__` or `__await__`: dependency-injector would enter or await it.
    """

    def __init__(self, settings: DatabaseSettings, *, server: Server | None = None) -> None:
        self._settings = settings
        self._server = server
        self._state = LifecycleState.NEW
        self._connections: Connections | None = None
        self._leases: set[Lease] = set()
        self._returning: set[asyncio.Task[None]] = set()
        self._tallies: dict[str, ServiceTally] = {}
        self._roles: dict[str, str] = {}
        self._quiet = asyncio.Event()
        self._moving = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        size = self._connections.size if self._connections else 0
        return f"<SharedPool {self._state.value}, {self.address}, {size} of {self._settings.max_size} connections>"

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

    @property
    def roles(self) -> Mapping[str, str]:
        """The PostgreSQL role of each service that has one; all others work as the role of the DSN."""
        return MappingProxyType(self._roles)

    def set_roles(self, roles: Mapping[str, str]) -> None:
        """Let services work as roles that the role of the DSN may take; services without one in `roles` lose theirs."""
        self._roles = {**roles}

    def _dsn(self) -> str | None:
        if self._settings.dsn is not None:
            return self._settings.dsn.get_secret_value()
        return self._server.dsn if self._server is not None else None

    async def open(self) -> None:
        """Connect; returns when the first connection stands. Does nothing when the pool is open.

        Waits up to `startup_timeout` for a server that is not up yet, then raises ServerUnavailableError.
        A refused role (AuthenticationError) or a missing database (DatabaseMissingError) is raised at once.
        A failure or a cancellation leaves no connection behind, and the pool can be opened again.
        """
        async with self._turn():
            if self._state is LifecycleState.STARTED:
                return
            dsn = self._dsn()
            if dsn is None:
                raise ConfigurationError("the pool has no DSN", remedy="Set the DSN in the database settings")
            self._move(LifecycleState.STARTING)
            try:
                self._connections = await open_when_up(
                    lambda: AsyncpgConnections(dsn, self._settings),
                    address=describe_dsn(dsn),
                    limit=self._settings.startup_timeout,
                )
            except BaseException:
                self._move(LifecycleState.STOPPING)
                self._move(LifecycleState.STOPPED)
                raise
            self._tallies = {}
            self._move(LifecycleState.STARTED)

    async def close(self) -> None:
        """Close all connections; does nothing when the pool is not open.

        New leases are refused at once. Those that are held or waited for have `drain_timeout` seconds to
        end; then they are cut, and DrainTimeoutError names their holders. Cancelling the call cuts them
        without waiting. When it returns or raises, no connection is left.
        """
        async with self._turn():
            if self._state is not LifecycleState.STARTED or self._connections is None:
                return
            self._move(LifecycleState.STOPPING)
            connections = self._connections
            try:
                await self._drain(connections)
            finally:
                connections.terminate()
                self._connections = None
                self._leases.clear()
                for tally in self._tallies.values():
                    tally.in_use = 0
                self._move(LifecycleState.STOPPED)

    async def _drain(self, connections: Connections) -> None:
        limit = self._settings.drain_timeout
        begun = time.monotonic()
        self._quiet = asyncio.Event()
        if not self._is_quiet():
            try:
                async with asyncio.timeout(limit):
                    await self._quiet.wait()
            except TimeoutError:
                now = time.monotonic()
                holders = tuple(lease.describe(now) for lease in sorted(self._leases, key=lambda lease: lease.since))
                raise DrainTimeoutError(waited=limit, holders=holders) from None
        try:
            async with asyncio.timeout(max(limit - (time.monotonic() - begun), _FAREWELL)):
                await connections.close()
        except DRIVER_ERRORS:
            # A server that no longer answers cannot be said goodbye to; terminate() follows.
            pass

    def _is_quiet(self) -> bool:
        return not self._leases and not any(tally.waiting for tally in self._tallies.values())

    def _turn(self) -> asyncio.Lock:
        # A lock belongs to the loop that waited for it first, and a pool may be opened in one loop after another.
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._moving = loop, asyncio.Lock()
        return self._moving

    def _move(self, target: LifecycleState) -> None:
        self._state = move(self._state, target, subject="the pool")

    def lease(self, service: str, *, timeout: float | None = None) -> LeaseContext:
        """Return an asynchronous context manager that holds one connection for `service`.

        Waits at most `timeout` seconds (`acquire_timeout` of the settings by default), then raises
        PoolExhaustedError, which names the holders. Raises PoolStateError when the pool is not open.
        The connection goes back when the block ends, however it ends, also when cancelled.
        """
        return LeaseContext(self, service, timeout)

    async def acquire(self, service: str, *, timeout: float | None = None) -> Lease:
        """Take a connection as `lease` does, to be given back by `release`; prefer `lease`."""
        connections = self._opened()
        tally = self._tallies.setdefault(service, ServiceTally())
        limit = self._settings.acquire_timeout if timeout is None else timeout
        begun = time.monotonic()
        tally.waiting += 1
        try:
            connection = await connections.take(service, timeout=limit)
        except TimeoutError:
            tally.exhausted += 1
            raise self._exhausted(service, begun) from None
        except CONNECT_ERRORS as error:
            if self._connections is not connections:
                raise self._not_open() from None
            raise connect_error(error, address=self.address) from None
        finally:
            tally.waiting -= 1
            self._note_quiet()
        now = time.monotonic()
        tally.add_wait(now - begun)
        tally.in_use += 1
        lease = Lease(service, now, connection)
        self._leases.add(lease)
        return lease

    async def release(self, lease: Lease, *, wait: bool = True) -> None:
        """Give a connection back; a second time does nothing. Never fails because of the connection's state.

        It takes until the server has reset the session, at most `connect_timeout` seconds, and goes on when
        the call is cancelled. With `wait` False the call returns at once, for those whose time is up.
        """
        if lease.is_over:
            return
        lease.is_over = True
        # A task of its own, so that the lease counts as held until its connection can be used again.
        returning = asyncio.ensure_future(self._give_back(lease))
        self._returning.add(returning)
        # Not at its end: a loop that cancels all its tasks can hit it before its first step.
        returning.add_done_callback(partial(self._returned, lease))
        if wait:
            await asyncio.shield(returning)

    async def _give_back(self, lease: Lease) -> None:
        connections = self._connections
        # After a close, the lease is of connections that are gone.
        if connections is None or lease not in self._leases:
            return
        # The use is over and had its own outcome; a connection that cannot be reset is replaced.
        with suppress(*DRIVER_ERRORS):
            await connections.give_back(lease.connection, timeout=self._settings.connect_timeout)

    def _returned(self, lease: Lease, returning: asyncio.Task[None]) -> None:
        self._returning.discard(returning)
        if lease in self._leases:
            self._leases.discard(lease)
            self._tallies[lease.service].in_use -= 1
        self._note_quiet()

    def _opened(self) -> Connections:
        if self._connections is not None and self._state is LifecycleState.STARTED:
            return self._connections
        raise self._not_open()

    def _not_open(self) -> PoolStateError:
        return PoolStateError(
            f"the pool is not open, it is {self._state.value}",
            remedy="Start its container: `async with Container()`, or `await container.init_resources()`",
        )

    def _note_quiet(self) -> None:
        if self._state is LifecycleState.STOPPING and self._is_quiet():
            self._quiet.set()

    def _exhausted(self, service: str, begun: float) -> PoolExhaustedError:
        now = time.monotonic()
        oldest = sorted(self._leases, key=lambda lease: lease.since)
        holders = tuple(lease.describe(now) for lease in oldest)
        return PoolExhaustedError(
            service=service, waited=now - begun, holders=holders, max_size=self._settings.max_size
        )

    async def check(self, timeout: float | None = None) -> None:
        """Ask the server for a sign of life, within `timeout` seconds (`check_timeout` by default).

        Raises PoolStateError when the pool is not open, PoolExhaustedError when no connection came free,
        and ServerUnavailableError or a DatabaseError when the server did not answer.
        """
        limit = self._settings.check_timeout if timeout is None else timeout
        deadline = time.monotonic() + limit
        try:
            async with self.lease("poolhouse", timeout=limit) as lease:
                await lease.connection.execute("SELECT 1", timeout=max(deadline - time.monotonic(), 0.001))
        except DRIVER_ERRORS as error:
            raise translate(error, service="poolhouse") or error from None

    def statistics(self) -> PoolStatistics:
        """Return the pool's figures as they are now, without asking the server."""
        connections = self._connections
        return PoolStatistics(
            state=self._state,
            min_size=self._settings.min_size,
            max_size=self._settings.max_size,
            size=connections.size if connections else 0,
            idle=connections.idle if connections else 0,
            in_use=len(self._leases),
            waiting=sum(tally.waiting for tally in self._tallies.values()),
            services={service: tally.freeze() for service, tally in sorted(self._tallies.items())},
        )


class LeaseContext:
    """What `SharedPool.lease` returns: takes a connection on entry, gives it back on exit."""

    __slots__ = ("_lease", "_pool", "_service", "_timeout")

    def __init__(self, pool: SharedPool, service: str, timeout: float | None) -> None:
        self._pool = pool
        self._service = service
        self._timeout = timeout
        self._lease: Lease | None = None

    async def __aenter__(self) -> Lease:
        self._lease = await self._pool.acquire(self._service, timeout=self._timeout)
        return self._lease

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if self._lease is not None:
            await self._pool.release(self._lease, wait=not isinstance(error, TimeoutError))

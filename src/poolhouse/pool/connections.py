"""Where leases get their connections from: the seam behind which the way of sharing can change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    from poolhouse.settings import DatabaseSettings


_CLOSED = "the pool is closed"


class Connections(Protocol):
    """A bounded set of connections that are handed out one use at a time."""

    @property
    def size(self) -> int:
        """How many connections are open."""
        ...

    @property
    def idle(self) -> int:
        """How many of them nobody uses."""
        ...

    async def open(self) -> None:
        """Connect; raises the driver's own error, and leaves nothing open then or when cancelled."""
        ...

    async def take(self, service: str, *, timeout: float) -> PoolConnectionProxy[Any]:
        """Return a connection for `service`, within `timeout` seconds.

        TimeoutError when all are in use for so long, the driver's error or an OSError when a new one cannot be made.
        """
        ...

    async def give_back(self, connection: PoolConnectionProxy[Any], *, timeout: float) -> None:
        """End a use; the connection is clean before its next one, or replaced. Survives cancellation."""
        ...

    async def close(self) -> None:
        """Close all connections, none of which may be in use."""
        ...

    def terminate(self) -> None:
        """Cut all connections at once, in use or not."""
        ...


class AsyncpgConnections:
    """Connections out of `asyncpg.Pool`, whose session is reset after every use."""

    def __init__(self, dsn: str, settings: DatabaseSettings) -> None:
        self._max_size = settings.max_size
        self._attempts: set[asyncio.Task[asyncpg.Connection[Any]]] = set()
        self._ended = False
        self._pool = asyncpg.create_pool(
            dsn,
            min_size=settings.min_size,
            # At least one, so that a wrong password shows when the pool is opened and not later.
            init_size=max(settings.min_size, 1),
            max_size=settings.max_size,
            max_inactive_connection_lifetime=settings.max_idle,
            timeout=settings.connect_timeout,
            command_timeout=settings.command_timeout,
            server_settings={"application_name": settings.application_name},
            connect=self._connect,
        )

    async def _connect(self, *args: Any, **options: Any) -> asyncpg.Connection[Any]:
        # asyncpg.Pool goes on connecting after it was cut, for those that had been waiting: so no attempt
        # begins then, and one under way can be cancelled, being a task of its own.
        if self._ended:
            raise asyncpg.InterfaceError(_CLOSED)
        attempt = asyncio.ensure_future(asyncpg.connect(*args, **options))
        self._attempts.add(attempt)
        try:
            connection: asyncpg.Connection[Any] = await attempt
        except asyncio.CancelledError:
            self._drop(attempt)
            if self._ended and not _is_cancelled():
                raise asyncpg.InterfaceError(_CLOSED) from None
            raise
        finally:
            self._attempts.discard(attempt)
        if self._ended:
            connection.terminate()
            raise asyncpg.InterfaceError(_CLOSED)
        return connection

    def _drop(self, attempt: asyncio.Task[asyncpg.Connection[Any]]) -> None:
        # Cancelled in the very moment in which the connection stood: nobody else knows of it.
        if attempt.done() and not attempt.cancelled() and attempt.exception() is None:
            attempt.result().terminate()

    @property
    def size(self) -> int:
        """How many connections are open."""
        return self._pool.get_size()

    @property
    def idle(self) -> int:
        """How many of them nobody uses."""
        return self._pool.get_idle_size()

    async def open(self) -> None:
        """Connect `min_size` times, and at least once."""
        try:
            await self._pool
        except BaseException:
            # When one of several connections fails, asyncpg.Pool leaves its siblings connecting.
            siblings = tuple(self._attempts)
            self.terminate()
            if siblings:
                await asyncio.wait(siblings)
            raise

    async def take(self, service: str, *, timeout: float) -> PoolConnectionProxy[Any]:  # noqa: ARG002 - asyncpg.Pool knows no services
        """Return a connection; with a `timeout` of 0 only one that is idle now."""
        try:
            # asyncpg does not even look when there is no time at all.
            return await self._pool.acquire(timeout=max(timeout, 0.001))
        except TimeoutError:
            if self.size < self._max_size:
                raise ConnectionError("no answer in time") from None
            raise

    async def give_back(self, connection: PoolConnectionProxy[Any], *, timeout: float) -> None:
        """Reset the connection's session; one that cannot be reset is closed and replaced."""
        await self._pool.release(connection, timeout=timeout)

    async def close(self) -> None:
        """Close all connections, none of which may be in use."""
        self._ended = True
        await self._pool.close()

    def terminate(self) -> None:
        """Cut all connections at once, and those that are being made."""
        self._ended = True
        for attempt in self._attempts:
            attempt.cancel()
        self._pool.terminate()


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

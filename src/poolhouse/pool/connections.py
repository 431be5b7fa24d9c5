"""Where leases get their connections from: the seam behind which the way of sharing can change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    from poolhouse.settings import DatabaseSettings


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
        """Return a connection for `service`; TimeoutError when none is free within `timeout` seconds."""
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
        self._connecting: set[asyncio.Task[Any]] = set()
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
        task = asyncio.current_task()
        assert task is not None, "coroutines run in tasks"  # noqa: S101 - for the type checker
        self._connecting.add(task)
        try:
            connection: asyncpg.Connection[Any] = await asyncpg.connect(*args, **options)
        finally:
            self._connecting.discard(task)
        if self._ended:
            # asyncpg.Pool hands out fresh connections even after it was cut, to those that had been waiting.
            connection.terminate()
            raise asyncpg.InterfaceError("the pool is closed")
        return connection

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
            self.terminate()
            # When one of several connections fails, asyncpg.Pool leaves its siblings connecting.
            for task in self._connecting:
                task.cancel()
            raise

    async def take(self, service: str, *, timeout: float) -> PoolConnectionProxy[Any]:  # noqa: ARG002 - asyncpg.Pool knows no services
        """Return a connection; TimeoutError when none is free within `timeout` seconds."""
        return await self._pool.acquire(timeout=timeout)

    async def give_back(self, connection: PoolConnectionProxy[Any], *, timeout: float) -> None:
        """Reset the connection's session; one that cannot be reset is closed and replaced."""
        await self._pool.release(connection, timeout=timeout)

    async def close(self) -> None:
        """Close all connections, none of which may be in use."""
        self._ended = True
        await self._pool.close()

    def terminate(self) -> None:
        """Cut all connections at once; those under way are cut when they stand."""
        self._ended = True
        self._pool.terminate()

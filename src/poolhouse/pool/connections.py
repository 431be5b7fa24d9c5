"""Where leases get their connections from: the seam behind which the way of sharing can change."""

from __future__ import annotations

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
        self._pool = asyncpg.create_pool(
            dsn,
            # One connection shows whether connecting works at all. More at once would leak: when one of several
            # fails, asyncpg leaves its siblings connecting. The pool's own upkeep brings the rest up to min_size.
            init_size=1,
            min_size=settings.min_size,
            max_size=settings.max_size,
            max_inactive_connection_lifetime=settings.max_idle,
            timeout=settings.connect_timeout,
            command_timeout=settings.command_timeout,
            server_settings={"application_name": settings.application_name},
        )

    @property
    def size(self) -> int:
        """How many connections are open."""
        return self._pool.get_size()

    @property
    def idle(self) -> int:
        """How many of them nobody uses."""
        return self._pool.get_idle_size()

    async def open(self) -> None:
        """Connect once, so that a wrong password shows here and not later; the rest up to `min_size` follows."""
        await self._pool

    async def take(self, service: str, *, timeout: float) -> PoolConnectionProxy[Any]:  # noqa: ARG002 - asyncpg.Pool knows no services
        """Return a connection; TimeoutError when none is free within `timeout` seconds."""
        return await self._pool.acquire(timeout=timeout)

    async def give_back(self, connection: PoolConnectionProxy[Any], *, timeout: float) -> None:
        """Reset the connection's session; one that cannot be reset is closed and replaced."""
        await self._pool.release(connection, timeout=timeout)

    async def close(self) -> None:
        """Close all connections, none of which may be in use."""
        await self._pool.close()

    def terminate(self) -> None:
        """Cut all connections at once."""
        self._pool.terminate()

"""LISTEN as an asynchronous iterator."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poolhouse.errors import ConnectionLostError
from poolhouse.pool.faults import DRIVER_ERRORS, translate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from poolhouse.pool import Lease, SharedPool


@dataclass(frozen=True, slots=True)
class Notification:
    """One NOTIFY, as the server delivered it; `pid` is that of the sending backend."""

    channel: str
    payload: str
    pid: int


class Listener:
    """An asynchronous context manager around LISTEN; iterate over what it gives.

    It holds one connection of the pool as long as it listens. Entered means listening: what is sent from
    then on arrives, in order, and is kept until it is asked for. When the connection is lost, iteration
    raises ConnectionLostError after what had arrived; listen again, and look for what was missed.
    """

    __slots__ = ("_channel", "_lease", "_pool", "_queue", "_service")

    def __init__(self, pool: SharedPool, service: str, channel: str) -> None:
        self._pool = pool
        self._service = service
        self._channel = channel
        self._lease: Lease | None = None
        self._queue: asyncio.Queue[Notification | None] = asyncio.Queue()

    async def __aenter__(self) -> AsyncIterator[Notification]:
        self._lease = lease = await self._pool.acquire(self._service)
        try:
            lease.connection.add_termination_listener(self._on_end)
            await lease.connection.add_listener(self._channel, self._on_notification)
        except BaseException as error:
            await self._leave(lease)
            if isinstance(error, DRIVER_ERRORS):
                raise translate(error, service=self._service) or error from None
            raise
        return self._notifications()

    async def __aexit__(self, *_: object) -> None:
        if self._lease is not None:
            await self._leave(self._lease)

    async def _leave(self, lease: Lease) -> None:
        self._lease = None
        try:
            if not lease.connection.is_closed():
                lease.connection.remove_termination_listener(self._on_end)
                await lease.connection.remove_listener(self._channel, self._on_notification)
        except DRIVER_ERRORS:
            # Nothing is left to stop listening on.
            pass
        finally:
            await self._pool.release(lease)

    def _on_notification(self, _connection: Any, pid: int, channel: str, payload: object) -> None:
        self._queue.put_nowait(Notification(channel, str(payload), pid))

    def _on_end(self, _connection: Any) -> None:
        self._queue.put_nowait(None)

    async def _notifications(self) -> AsyncIterator[Notification]:
        while (notification := await self._queue.get()) is not None:
            yield notification
        raise ConnectionLostError(
            f"the connection that listened on {self._channel!r} was lost",
            service=self._service,
            remedy="Listen again, and look for what was missed meanwhile",
        )

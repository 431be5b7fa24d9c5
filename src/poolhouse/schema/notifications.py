"""LISTEN as an asynchronous iterator."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from poolhouse._core.session_effects import SessionEffect
from poolhouse.errors import ConnectionLostError, UsageError
from poolhouse.pool.faults import DRIVER_ERRORS, translate

if TYPE_CHECKING:
    from poolhouse.pool import SharedPool, Use


@dataclass(frozen=True, slots=True)
class Notification:
    """One NOTIFY, as the server delivered it; `pid` is that of the sending backend."""

    channel: str
    payload: str
    pid: int


class Notifications:
    """Iterates over what arrives, in order; asking may be given up and taken up again without loss.

    Once the connection is lost and everything that had arrived was asked for, raises ConnectionLostError.
    """

    __slots__ = ("_end", "_queue")

    def __init__(self, end: ConnectionLostError) -> None:
        self._queue: asyncio.Queue[Notification | None] = asyncio.Queue()
        self._end = end

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notification:
        notification = await self._queue.get()
        if notification is None:
            self.put(None)
            raise self._end
        return notification

    def put(self, notification: Notification | None) -> None:
        """Add what arrived, or None at the end."""
        self._queue.put_nowait(notification)


class Listener:
    """An asynchronous context manager around LISTEN; iterate over what it gives.

    It holds one connection of the pool as long as it listens. Entered means listening: what is sent from
    then on arrives, in order, and is kept until it is asked for. When the connection is lost, iteration
    raises ConnectionLostError after what had arrived; listen again, and look for what was missed.
    """

    __slots__ = ("_channels", "_notifications", "_pool", "_service", "_use")

    def __init__(self, pool: SharedPool, service: str, channels: tuple[str, ...]) -> None:
        self._pool = pool
        self._service = service
        self._channels = channels
        self._use: Use | None = None
        end = ConnectionLostError(
            f"the connection that listened on {', '.join(map(repr, channels))} was lost",
            service=service,
            remedy="Listen again, and look for what was missed meanwhile",
        )
        self._notifications = Notifications(end)

    async def __aenter__(self) -> Notifications:
        if self._use is not None:
            raise UsageError("the listener listens already", service=self._service, remedy="Call listen() again")
        self._use = use = await self._pool.acquire(self._service)
        use.lease.statement = f"LISTEN {', '.join(self._channels)}"
        use.lease.soil(SessionEffect.DIRTY)
        connection = use.lease.connection
        try:
            connection.add_termination_listener(self._on_end)
            for channel in self._channels:
                await connection.add_listener(channel, self._on_notification)
        except BaseException as error:
            await self._leave(use)
            if isinstance(error, DRIVER_ERRORS):
                raise translate(error, service=self._service) or error from None
            raise
        return self._notifications

    async def __aexit__(self, *_: object) -> None:
        if self._use is not None:
            await self._leave(self._use)

    async def _leave(self, use: Use) -> None:
        connection = use.lease.connection
        try:
            if not connection.is_closed():
                connection.remove_termination_listener(self._on_end)
                for channel in self._channels:
                    await connection.remove_listener(channel, self._on_notification)
        except BaseException as error:
            # The driver may go on calling for what it was not told to forget.
            use.lease.soil(SessionEffect.SPOILT)
            if not isinstance(error, DRIVER_ERRORS):
                raise
        finally:
            await self._pool.release(use)

    def _on_notification(self, _connection: Any, pid: int, channel: str, payload: object) -> None:
        self._notifications.put(Notification(channel, str(payload), pid))

    def _on_end(self, _connection: Any) -> None:
        self._notifications.put(None)

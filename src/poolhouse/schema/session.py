"""One operation's connection: leased for it, or that of the transaction it joins."""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from poolhouse.pool.faults import DRIVER_ERRORS, aborts_transaction, translate

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    from poolhouse.pool import Lease, SharedPool


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A transaction that a task has open for a schema: what the task's queries for that schema join."""

    pool: SharedPool
    schema: str
    task: asyncio.Task[Any] | None
    lease: Lease
    outer: Scope | None


_innermost: ContextVar[Scope | None] = ContextVar("poolhouse_scope", default=None)


def joined_lease(pool: SharedPool, schema: str) -> Lease | None:
    """Return the connection of the transaction that the running task has open on `pool` for `schema`.

    A task that was started inside a transaction does not find it, although it inherits the context: two
    tasks cannot use one connection at the same time.
    """
    scope = _innermost.get()
    while scope is not None:
        if scope.pool is pool and scope.schema == schema and scope.task is asyncio.current_task():
            return scope.lease
        scope = scope.outer
    return None


def enter_scope(pool: SharedPool, schema: str, lease: Lease) -> Scope:
    """Make a transaction the innermost one of the running task."""
    scope = Scope(pool, schema, asyncio.current_task(), lease, _innermost.get())
    _innermost.set(scope)
    return scope


def leave_scope(scope: Scope) -> None:
    """Make the transaction outside of `scope` the innermost one again."""
    # Not ContextVar.reset(): a fixture may be entered in one context and left in another.
    _innermost.set(scope.outer)


class Session:
    """The context of one operation: has a connection, counts its time, translates what the driver raises.

    Uses the connection `held` when there is one, and leases one for its own time otherwise.
    """

    __slots__ = ("_deadline", "_held", "_leased", "_pool", "_service", "_timeout")

    def __init__(self, pool: SharedPool, service: str, *, held: Lease | None, timeout: float | None) -> None:
        self._pool = pool
        self._service = service
        self._held = held
        self._timeout = timeout
        self._deadline: float | None = None
        self._leased: Lease | None = None

    async def __aenter__(self) -> Self:
        if self._timeout is not None:
            self._deadline = time.monotonic() + self._timeout
        if self._held is None:
            self._held = self._leased = await self._pool.acquire(self._service, timeout=self._timeout)
        return self

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None and self._held is not None and aborts_transaction(error):
            self._held.failed = True
        if self._leased is not None:
            await self._pool.release(self._leased)
        if isinstance(error, DRIVER_ERRORS):
            # `from None`, and not chained: the driver's text can hold the query's arguments.
            raise translate(error, service=self._service) or error from None

    @property
    def connection(self) -> PoolConnectionProxy[Any]:
        """The connection, between entry and exit."""
        assert self._held is not None, "a session is used inside its block only"  # noqa: S101 - a fault of this package alone
        return self._held.connection

    def remaining(self) -> float | None:
        """Return the seconds left of the operation's time limit, None when it has none."""
        return None if self._deadline is None else max(self._deadline - time.monotonic(), 0.001)

"""Uses of leases: each of one connection by one service, from when it is taken until it is given back."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from poolhouse.errors import UsageError
from poolhouse.pool.faults import aborts_transaction, translate

if TYPE_CHECKING:
    import asyncpg

    from poolhouse._core.session_effects import SessionEffect
    from poolhouse.pool.lease import Lease
    from poolhouse.pool.shared import SharedPool

_HERE = str(Path(__file__).parent.parent)


class Lender(Protocol):
    """What lends a connection to a single statement: the leases, or a use that has one already.

    Whoever got one gives it back by `put_back`, or with the error that ended the statement by `give_up`.
    """

    def take_ready(self, service: str, statement: str, effect: SessionEffect) -> Lease | None:
        """Give a service a lease that needs nothing done to it, or return None."""
        ...

    def put_back(self, lease: Lease) -> None:
        """End a statement that ended well."""
        ...

    def give_up(self, lease: Lease, error: BaseException, *, sql: str, schema: str, reads: frozenset[str]) -> None:
        """End a statement that failed; raises our error for what the driver raised."""
        ...


class Source(Protocol):
    """Where uses come from, and go back to: the leases of a pool, or what stands in for them."""

    is_debugged: bool

    def effect_of_raw(self, service: str) -> SessionEffect:
        """Return what touching the driver's own connection is taken for; UsageError where it is not to be had."""
        ...

    def release(self, use: Use) -> asyncio.Task[None] | None:
        """End a use; return the task that clears up after it, where that has to be done."""
        ...

    def note_statement(
        self,
        service: str,
        statement: str,
        seconds: float,
        *,
        error: BaseException | None = None,
        is_whole: bool = True,
    ) -> None:
        """Take down a statement that took so many seconds; it `is_whole` unless it is a further part of one."""
        ...


class StandIn(Source, Protocol):
    """A source of uses that a pool has instead of its own leases, as in a test that is rolled back."""

    async def acquire(self, service: str, *, timeout: float | None) -> Use:
        """Give a use to a service."""
        ...

    async def end(self) -> None:
        """Give back to the pool what it has of it, and stand in no longer."""
        ...


class Use:
    """One use of a connection by one service, from when it is taken until it is given back.

    `connection` is asyncpg's own. What its user does to it cannot be judged, so it is closed and replaced after the
    use. `failed` says that the server refused something in the open transaction, so that it can only be rolled back,
    and `is_over` that the connection was given back and may be somebody else's by now.
    """

    __slots__ = ("failed", "is_over", "lease", "leases", "place", "service", "since", "task")

    def __init__(self, lease: Lease, leases: Source, service: str) -> None:
        self.lease = lease
        self.leases = leases
        self.service = service
        self.since = lease.since
        self.task = asyncio.current_task()
        self.place = _calling_place() if leases.is_debugged else None
        self.failed = False
        self.is_over = False

    def __repr__(self) -> str:
        return f"<Use of a connection by service {self.service!r}{', over' if self.is_over else ''}>"

    @property
    def connection(self) -> asyncpg.Connection[Any]:
        """The asyncpg connection, whose session is nobody else's after this."""
        if self.is_over:
            raise over(self.service)
        self.lease.soil(self.leases.effect_of_raw(self.service))
        return self.lease.connection

    def note(self, error: BaseException) -> None:
        """Take down what is left of the session after `error`; see Lease."""
        self.lease.note(error)

    def take_ready(self, service: str, statement: str, effect: SessionEffect) -> Lease:
        """Lend its connection to a statement; UsageError where it has been given back."""
        if self.is_over:
            raise over(service)
        lease = self.lease
        lease.statement = statement
        if effect:
            lease.soil(effect)
        return lease

    def put_back(self, lease: Lease) -> None:
        """Keep the connection for the next statement."""

    def give_up(self, lease: Lease, error: BaseException, *, sql: str, schema: str, reads: frozenset[str]) -> None:
        """Take down what a statement left that failed; raises our error for what the driver raised."""
        if not self.is_over:
            self.failed = self.failed or aborts_transaction(error)
            lease.note(error)
        failure = translate(error, service=self.service, sql=sql, schema=schema, reads=reads)
        if failure is not None:
            # Not chained: the driver's text can hold the query's arguments.
            raise failure from None


class LeaseContext:
    """What `SharedPool.lease` returns: takes a connection on entry, gives it back on exit."""

    __slots__ = ("_pool", "_service", "_timeout", "_use")

    def __init__(self, pool: SharedPool, service: str, timeout: float | None) -> None:
        self._pool = pool
        self._service = service
        self._timeout = timeout
        self._use: Use | None = None

    async def __aenter__(self) -> Use:
        self._use = await self._pool.acquire(self._service, timeout=self._timeout)
        return self._use

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if self._use is None:
            return
        if error is not None:
            self._use.note(error)
        await self._pool.release(self._use, wait=not isinstance(error, TimeoutError))


def over(service: str) -> UsageError:
    """Return the error for a connection that is used after it went back, where somebody else may have it by now."""
    remedy = "Use it inside its `async with` block only"
    return UsageError("the connection was given back already", service=service, remedy=remedy)


def _calling_place() -> str | None:
    frame = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the documented way to a caller
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"

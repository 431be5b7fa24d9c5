"""Leases: connections that remember whom they served last, and single uses of them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from poolhouse._core.session_effects import SessionEffect
from poolhouse._core.sharing import Leasable, Share, Waiter
from poolhouse.errors import UsageError
from poolhouse.pool.faults import aborts_transaction, translate
from poolhouse.pool.pooling import LentConnection

_HERE = str(Path(__file__).parent.parent)


class Lease(Leasable):
    """A connection that one service may use again and again, as it is, until it is handed off to another.

    `effect` is what its uses did to the session since it was cleared, and `is_bare` that nobody used it since it was
    made or cleared for nobody. `served` is the service whose role it speaks for. `use` is the present use where
    somebody holds it by hand, and `statement` the template of the present use, or of the last one; `told_since` is
    the beginning of the last use of which was told that it is long. `waited` is what getting it took, and
    `handed_off_in` what of that the hand-off took, 0 where there was none; neither counts where it was ready. While it
    `is_in_doubt`, nobody knows whether the server is in a transaction. `lent` is the connection where a pooler lends
    its session, and `gate` what statements have to pass before they are sent, where not all may be.
    """

    __slots__ = (
        "connection",
        "effect",
        "expires",
        "gate",
        "handed_off_in",
        "is_bare",
        "is_gone",
        "is_in_doubt",
        "lent",
        "served",
        "statement",
        "told_since",
        "use",
        "uses",
        "waited",
    )

    def __init__(self, connection: asyncpg.Connection[Any], *, born: float, expires: float) -> None:
        super().__init__()
        self.connection = connection
        self.effect = SessionEffect.CLEAN
        self.expires = expires
        self.handed_off_in = 0.0
        self.since = born
        self.is_bare = True
        self.is_gone = False
        self.is_in_doubt = False
        # Not isinstance(), which the driver's metaclass answers for all of its connections.
        self.lent = connection if type(connection) is LentConnection else None
        self.gate: Gate | None = self.lent
        self.served: str | None = None
        self.statement: str | None = None
        self.told_since = 0.0
        self.use: Use | None = None
        self.uses = 0
        self.waited = 0.0

    @property
    def service(self) -> str | None:
        """Whom it serves, or served last."""
        return self.owner.service if self.owner is not None else None

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction is open on the connection, failed or not."""
        return not self.connection.is_closed() and self.connection.is_in_transaction()

    def left_of(self, timeout: float | None) -> float | None:
        """Return what waiting for the present use has left of a time limit."""
        return None if timeout is None else max(timeout - self.waited, 0.001)

    def soil(self, effect: SessionEffect) -> None:
        """Take down what a use does to the session; the worst of it counts."""
        self.effect = max(self.effect, effect)

    def note(self, error: BaseException) -> None:
        """Take down what is left of a statement that ended with `error`.

        What the server refuses is undone as a whole, and what the driver refuses is never sent; of a statement that
        was cancelled, or ran out of time, nobody knows.
        """
        if not isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
            self.soil(SessionEffect.DIRTY)
            self.is_in_doubt = True

    def describe(self, now: float) -> str:
        """Say who holds the connection, for how long, with which statement, and where, if that is known."""
        about = [f"{now - self.since:.1f} s"]
        if self.statement is not None:
            about.append(_short(self.statement))
        if self.use is not None and self.use.place is not None:
            about.append(self.use.place)
        return f"{self.service} ({', '.join(about)})"


def _short(statement: str) -> str:
    words = " ".join(statement.split())
    return words if len(words) <= 60 else f"{words[:59]}…"


class Place(Waiter):
    """Somebody's place in the queue: who waits for a connection, and until when."""

    __slots__ = ("deadline", "future")

    def __init__(self, share: Share[Any, Any], begun: float, deadline: float, future: asyncio.Future[Lease]) -> None:
        super().__init__(share, begun)
        self.deadline = deadline
        self.future = future


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


class Gate(Protocol):
    """What lets statements reach a session, or not."""

    def admit(self, statement: str, effect: SessionEffect) -> None:
        """Raise UsageError where a statement must not be sent; `effect` is what it does to its session."""
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


def over(service: str) -> UsageError:
    """Return the error for a connection that is used after it went back, where somebody else may have it by now."""
    remedy = "Use it inside its `async with` block only"
    return UsageError("the connection was given back already", service=service, remedy=remedy)


def _calling_place() -> str | None:
    frame = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the documented way to a caller
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"

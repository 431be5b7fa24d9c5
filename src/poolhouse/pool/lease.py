"""Leases: connections that remember whom they served last, and the queue of those who wait for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import asyncpg

from poolhouse._core.session_effects import SessionEffect
from poolhouse._core.sharing import Leasable, Share, Waiter
from poolhouse.pool.pooling import LentConnection

if TYPE_CHECKING:
    import asyncio

    from poolhouse.pool.use import Use


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


class Gate(Protocol):
    """What lets statements reach a session, or not."""

    def admit(self, statement: str, effect: SessionEffect) -> None:
        """Raise UsageError where a statement must not be sent; `effect` is what it does to its session."""
        ...

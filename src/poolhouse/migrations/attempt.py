"""One try to apply a bundle."""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from poolhouse.errors import ConnectionLostError
from poolhouse.migrations.blockers import Watch
from poolhouse.migrations.bundle import compose
from poolhouse.migrations.files import ledger_migrations
from poolhouse.pool.faults import translate

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from asyncpg.pool import PoolConnectionProxy

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Plan
    from poolhouse.migrations.bundle import Bundle, Step
    from poolhouse.pool import SharedPool

# For the driver None means the connection's command_timeout, so this is how "without limit" is spelt: three years.
# Killing a long migration would only make the next start begin it again.
_UNLIMITED = 1e8


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is tried: the pending files of one module in one schema, on top of the head that they were planned for."""

    loaded: LoadedMigrations
    plan: Plan
    bundle: Bundle
    lock_timeout: float

    @property
    def creates_ledger(self) -> bool:
        """Whether the tables do not exist yet in which all others are recorded."""
        return _creates_ledger(self.loaded, self.plan)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an attempt failed: at which step (None: before the first), and who was seen to block it meanwhile."""

    error: asyncpg.PostgresError
    step: Step | None
    blockers: tuple[str, ...]

    @property
    def sqlstate(self) -> str:
        """The server's code."""
        return self.error.sqlstate or ""

    @property
    def position(self) -> int | None:
        """Where in the bundle the server saw the fault, counted from 0; None when it did not say."""
        return _position(self.error)


def prepare(loaded: LoadedMigrations, plan: Plan, *, lock_timeout: float) -> Attempt:
    """Return an attempt at what `plan` has pending; `lock_timeout` is in seconds."""
    has_ledger = not _creates_ledger(loaded, plan)
    bundle = compose(loaded, plan, token=secrets.token_hex(8), lock_timeout=lock_timeout, has_ledger=has_ledger)
    return Attempt(loaded, plan, bundle, lock_timeout)


async def send(attempt: Attempt, connection: PoolConnectionProxy[Any], pool: SharedPool) -> Refusal | None:
    """Apply everything and return None, or nothing and return why.

    A connection that breaks raises the driver's error, since then nobody knows which of the two it was.
    """
    bundle = attempt.bundle
    watch = Watch(pool, connection.get_server_pid(), interval=attempt.lock_timeout / 2)
    with _announced(connection, bundle) as announced:
        try:
            async with watch:
                await connection.execute(bundle.sql, timeout=_UNLIMITED)
        except asyncpg.PostgresError as error:
            if isinstance(translate(error), ConnectionLostError):
                raise
            position = _position(error)
            pointed = None if position is None else bundle.step_at(position)
            return Refusal(error, pointed or announced(), watch.seen)
    return None


def _creates_ledger(loaded: LoadedMigrations, plan: Plan) -> bool:
    return loaded is ledger_migrations() and plan.head is None


def _position(error: asyncpg.PostgresError) -> int | None:
    position = getattr(error, "position", None)
    return int(position) - 1 if position else None


@contextmanager
def _announced(
    connection: PoolConnectionProxy[Any], bundle: Bundle
) -> Generator[Callable[[], Step | None], None, None]:
    """Listen for the bundle's notices; what is yielded returns the step that was announced last."""
    last: Step | None = None

    def listen(_: Any, message: asyncpg.PostgresLogMessage) -> None:
        nonlocal last
        last = bundle.step_of(getattr(message, "message", None) or "") or last

    connection.add_log_listener(listen)
    try:
        yield lambda: last
    finally:
        # A connection that broke is not the pool's any more, and refuses.
        with suppress(asyncpg.InterfaceError):
            connection.remove_log_listener(listen)

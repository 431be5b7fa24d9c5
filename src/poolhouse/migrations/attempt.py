"""One try to apply a stage: what is tried, and how it was refused."""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from poolhouse.errors import ConnectionLostError
from poolhouse.migrations.blockers import Watch
from poolhouse.migrations.bundle import compose, script
from poolhouse.migrations.files import ledger_migrations
from poolhouse.pool.faults import translate

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Plan
    from poolhouse._core.stages import Stage
    from poolhouse.migrations.access import Session
    from poolhouse.migrations.bundle import Bundle, Step
    from poolhouse.pool import SharedPool

# For the driver None means the connection's command_timeout, so this is how "without limit" is spelt: three years.
# Killing a long migration would only make the next start begin it again.
UNLIMITED = 1e8


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is tried: a stage of one module in one schema, on top of the head that it was planned for."""

    loaded: LoadedMigrations
    plan: Plan
    bundle: Bundle
    lock_timeout: float
    is_transactional: bool = True

    @property
    def creates_ledger(self) -> bool:
        """Whether the tables do not exist yet in which all others are recorded."""
        return _creates_ledger(self.loaded, self.plan)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an attempt failed: the server's error, or None where somebody else is at work.

    `step` is the one that failed (None: before the first), `position` the character of the bundle's SQL that the
    server pointed at, from 0. `blockers` were seen in the way meanwhile. `fact` is what we saw ourselves.
    `half_done` says that a part of the stage stays, and `goes_on` that the next attempt continues with the step.
    """

    sqlstate: str
    error: asyncpg.PostgresError | None = None
    step: Step | None = None
    position: int | None = None
    blockers: tuple[str, ...] = ()
    fact: str | None = None
    half_done: bool = False
    goes_on: bool = False


def prepare(loaded: LoadedMigrations, plan: Plan, stage: Stage, *, lock_timeout: float) -> Attempt:
    """Return an attempt at `stage`, the first of what `plan` has pending; `lock_timeout` is in seconds."""
    if plan.unfinished or not stage.is_transactional:
        (file,) = stage.files
        limit = file.directives.lock_timeout or 0.0
        return Attempt(loaded, plan, script(loaded, file), limit, is_transactional=False)
    has_ledger = not _creates_ledger(loaded, plan)
    token = secrets.token_hex(8)
    bundle = compose(loaded, plan, stage.files, token=token, lock_timeout=lock_timeout, has_ledger=has_ledger)
    return Attempt(loaded, plan, bundle, lock_timeout)


async def send(attempt: Attempt, connection: Session, pool: SharedPool) -> Refusal | None:
    """Apply everything in one transaction and return None, or nothing and return why.

    A connection that breaks raises the driver's error, since then nobody knows which of the two it was.
    """
    bundle = attempt.bundle
    watch = Watch(pool, connection.get_server_pid(), interval=attempt.lock_timeout / 2)
    with _announced(connection, bundle) as announced:
        try:
            async with watch:
                await connection.execute(bundle.sql, timeout=UNLIMITED)
        except asyncpg.PostgresError as error:
            position = position_of(error)
            pointed = None if position is None else bundle.step_at(position)
            step = pointed or announced()
            return Refusal(sqlstate_of(error), error, step, position, watch.seen)
    return None


def sqlstate_of(error: asyncpg.PostgresError) -> str:
    """Return the server's code; raises the error where it means that the connection is gone."""
    if isinstance(translate(error), ConnectionLostError):
        raise error
    return error.sqlstate or ""


def position_of(error: asyncpg.PostgresError) -> int | None:
    """Return where in the message the server saw the fault, counted from 0; None when it did not say."""
    position = getattr(error, "position", None)
    return int(position) - 1 if position else None


def _creates_ledger(loaded: LoadedMigrations, plan: Plan) -> bool:
    return loaded is ledger_migrations() and plan.head is None


@contextmanager
def _announced(connection: Session, bundle: Bundle) -> Generator[Callable[[], Step | None], None, None]:
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

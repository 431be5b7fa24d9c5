"""A pool's connections replaced by one of them, in a transaction that is rolled back in the end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast

import asyncpg

from poolhouse._core.savepoints import COUNT_WRITING, READ_CONSTRAINTS, REMEDY, begin, constraints_of, end, go_on, undo
from poolhouse._core.sharing import Share
from poolhouse.errors import PoolhouseError, RoleError, UndoneCommitError, UsageError
from poolhouse.pool.faults import DRIVER_ERRORS
from poolhouse.pool.lease import Lease
from poolhouse.pool.use import Use
from poolhouse.testing.rollback.savepoint import Savepoint, inside_of
from poolhouse.testing.rollback.savepoint_connection import SavepointConnection
from poolhouse.testing.rollback.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine

    from poolhouse._core.savepoints import Constraints
    from poolhouse._core.session_effects import SessionEffect
    from poolhouse.pool import SharedPool

T = TypeVar("T")

# poolhouse's own uses, which speak for the login role.
_OWN_SERVICE: Final = "poolhouse"


class RolledBack:
    """All uses of an open pool, in one transaction on one connection, which is rolled back when the block ends.

    What is a transaction otherwise, or a statement of its own, is a savepoint here: its role is set for it, deferred
    constraints are checked at its end, and an error in it undoes it alone. So services see what others have done, as
    if it were committed. Uses take turns, in the order of their coming, each waiting until the transaction before it
    has ended.

    What is begun inside of an open transaction by another service is another transaction on another connection
    otherwise. Here it is inside of that one. Where a test could tell the difference, something is refused (UsageError),
    or the block raises UndoneCommitError at its end.
    """

    def __init__(self, pool: SharedPool, *, constraints: Constraints | None = None) -> None:
        self._pool = pool
        self.constraints = constraints
        """The deferrable constraints of the database, read when the block is entered unless they are given."""
        self.refusals: list[UsageError] = []
        """What was refused so far, in case the code that is tested keeps it to itself."""
        self.turns = Turns()
        self.is_debugged = asyncio.get_running_loop().get_debug()
        self._loop = asyncio.get_running_loop()
        self._use: Use | None = None
        self._names = 0
        self._lost: Counter[tuple[str, str]] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()
        self.check()

    async def begin(self) -> None:
        """Let all uses of the pool from now on be in the transaction."""
        self._use = await self._pool.acquire(_OWN_SERVICE)
        try:
            if self.constraints is None:
                rows = await self.connection.fetch(READ_CONSTRAINTS)
                self.constraints = constraints_of([(row["condeferred"], row["name"]) for row in rows])
            await self.connection.execute("BEGIN")
            self._pool.replace_leases(self)
        except BaseException:
            await self._pool.release(self._use)
            raise

    async def end(self) -> None:
        """Roll back, and let the pool be as before; a second time does nothing. The pool does so when it is closed."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._use is None:
            return
        self._pool.replace_leases(None)
        limit = self._pool.settings.drain_timeout
        try:
            # Whoever still sends something is waited for; a transaction that is still open ends here.
            async with self.turns.last_turn(time.monotonic() + limit):
                await self.connection.execute("ROLLBACK", timeout=limit)
        except (TimeoutError, *DRIVER_ERRORS):
            # Its end rolls back as well.
            self.connection.terminate()
        finally:
            self.turns.pop_all()
            use, self._use = self._use, None
            await self._pool.release(use)

    def check(self) -> None:
        """Raise UndoneCommitError where something was rolled back that was committed, as far as its service knows."""
        if self._lost:
            raise UndoneCommitError(tuple(self._lost))

    # What a pool asks of its leases

    async def acquire(self, service: str, *, timeout: float | None) -> Use:
        """Give a service what looks like a connection of its own; at once, since there are as many as are wanted."""
        del timeout
        self._check(service)
        connection = SavepointConnection(self, service)
        now = time.monotonic()
        lease = Lease(cast("asyncpg.Connection[Any]", connection), born=now, expires=float("inf"))
        lease.owner, lease.since, lease.gate = Share(service, 1), now, connection
        use = lease.use = Use(lease, self, service)
        return use

    def _check(self, service: str) -> None:
        if self._loop is not asyncio.get_running_loop():
            fact = "the pool was opened in another event loop than this one"
            remedy = "Let tests and their fixtures share a loop: the same loop_scope for both"
            raise UsageError(fact, service=service, remedy=remedy)
        if self.connection.is_closed():
            raise self.refusal("the connection was lost, and all that the test has done with it", service)

    def release(self, use: Use) -> asyncio.Task[None] | None:
        """End a use; what it has left open is rolled back by the task that is returned."""
        connection = cast("SavepointConnection", use.lease.gate)
        savepoint = connection.savepoint
        if savepoint is None or not savepoint.is_open or self._use is None:
            return None
        # Not waited for after a timeout, and what comes next is no part of it.
        savepoint.is_left = True
        task = asyncio.create_task(self._undo_what_is_left(connection), name="poolhouse: rolling back")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _undo_what_is_left(self, connection: SavepointConnection) -> None:
        with suppress(PoolhouseError, *DRIVER_ERRORS):
            await connection.execute("ROLLBACK")

    def effect_of_raw(self, service: str) -> SessionEffect:
        """Refuse: what is done to the driver's own connection, nobody can undo."""
        raise self.refusal(
            "the driver's own connection is not to be had, since what is done to it cannot be undone", service
        )

    def note_statement(
        self,
        service: str,
        statement: str,
        seconds: float,
        *,
        error: BaseException | None = None,
        is_whole: bool = True,
    ) -> None:
        """Take down a statement as the pool does."""
        if self._use is not None:
            self._use.leases.note_statement(service, statement, seconds, error=error, is_whole=is_whole)

    # What the connections ask

    @property
    def connection(self) -> asyncpg.Connection[Any]:
        """The one connection that there is."""
        assert self._use is not None  # noqa: S101 - entered, or nobody asks
        return self._use.lease.connection

    @property
    def is_over(self) -> bool:
        """Whether the test has ended."""
        return self._use is None

    @property
    def patience(self) -> float:
        """How many seconds somebody waits for the transactions of others."""
        return self._pool.settings.acquire_timeout

    def refusal(self, fact: str, service: str, *, remedy: str = REMEDY) -> UsageError:
        """Return the error for what cannot be had in a test that is rolled back, and take it down."""
        error = UsageError(f"in a test that is rolled back, {fact}", service=service, remedy=remedy)
        self.refusals.append(error)
        return error

    async def send(self, message: str) -> str:
        """Send a message of the kit's own, to its end, also when the caller is cancelled."""
        work = self.connection.execute(message, timeout=self._pool.settings.connect_timeout)
        return await to_its_end(work)

    async def open(
        self, service: str, within: Savepoint | None, *, place: str = "", readonly: bool = False
    ) -> Savepoint:
        """Begin a transaction of a service, within another or not; the turn is the caller's."""
        self._names += 1
        role = self._pool.roles.get(service)
        savepoint = Savepoint(self.turns, f"poolhouse_{self._names}", service, role, place, within)
        message = begin(savepoint.name, role, readonly=readonly)
        try:
            if within is None:
                await self.send(message)
            else:
                savepoint.writing = _count(await self.send(f"{message}; {COUNT_WRITING}"))
        except asyncpg.InFailedSQLTransactionError:
            outer = within.service if within is not None else ""
            fact = f"nothing can be done inside of a transaction of service {outer!r} that has failed"
            raise self.refusal(fact, service) from None
        except asyncpg.InvalidParameterValueError as error:
            await self.undo(savepoint)
            raise RoleError(service=service, role=str(role), reason=str(error.args[0])) from None
        except asyncio.CancelledError:
            await self.undo(savepoint)
            raise
        return savepoint

    async def close(self, savepoint: Savepoint) -> None:
        """Do what a commit does; where the server refuses it, what a rollback does, and raise the driver's error.

        A cancellation is raised when all of it is done: in between, what follows would speak for the wrong role.
        """
        await to_its_end(self._close(savepoint))

    async def _close(self, savepoint: Savepoint) -> None:
        outer = savepoint.within
        try:
            if outer is not None and _count(await self.send(COUNT_WRITING)) > (savepoint.writing or 0):
                savepoint.kept.append(savepoint.service)
            assert self.constraints is not None  # noqa: S101 - known since the block was entered
            message = end(savepoint.name, self.constraints, has_settings=savepoint.has_settings)
            await self.send(message if outer is None else go_on(message, outer.role))
        except asyncpg.PostgresError:
            if not self.connection.is_closed():
                await self.undo(savepoint)
            raise
        if outer is not None:
            outer.kept += savepoint.kept

    async def undo(self, savepoint: Savepoint, *, is_in_doubt: bool = False) -> None:
        """Do what a rollback does; `is_in_doubt` says that the server may still be at something that was cancelled."""
        self.note_undone(savepoint)
        if is_in_doubt:
            # The driver waits here for the end of what it cancelled.
            with suppress(asyncpg.PostgresError):
                await self.send("SELECT")
        await self.send(undo(savepoint.name))

    def note_undone(self, savepoint: Savepoint, *, since: int = 0) -> None:
        """Take down what others had done within a transaction that is rolled back, and believe to be done for good."""
        for service in savepoint.kept[since:]:
            if service != savepoint.service:
                self._lost[savepoint.service, service] += 1
        del savepoint.kept[since:]

    @asynccontextmanager
    async def turn(self, connection: SavepointConnection, deadline: float) -> AsyncGenerator[Savepoint | None]:
        """Wait for a connection's turn, and give the transaction that it is inside of, its own or another's.

        Raises UsageError where that would never come, or not until the deadline.
        """
        at = connection.savepoint
        around = inside_of(self.turns)
        if at is None:
            at = around
            self._check_inside(connection, at)
        elif around is not None and around is not at and at in around.around():
            self._refuse_to_overlap(connection.service, around)
        # Not where the time was up for what is done in the turn.
        turn = self.turns.turn(at, deadline)
        try:
            await turn.__aenter__()
        except TimeoutError:
            raise self._waited_in_vain(connection.service) from None
        try:
            yield at
        finally:
            await turn.__aexit__(None, None, None)

    def _check_inside(self, connection: SavepointConnection, at: Savepoint | None) -> None:
        service = connection.service
        for outer in at.around() if at is not None else ():
            if outer.service == service:
                another = "task" if outer.task is not asyncio.current_task() else "connection"
                fact = (
                    f"another {another} cannot use the database inside of a transaction of its own service (opened at "
                    f"{outer.opened_at}): it would be no part of it, and not see what it has done"
                )
                raise self.refusal(fact, service)
            if outer.has_settings:
                fact = (
                    f"nothing can be done inside of a transaction that has changed settings, here of {outer.service!r}"
                )
                raise self.refusal(fact, service)

    def _refuse_to_overlap(self, service: str, inner: Savepoint) -> None:
        fact = (
            f"it cannot go on with its transaction inside of one of service {inner.service!r} (opened at "
            f"{inner.opened_at}): two that overlap take two connections"
        )
        raise self.refusal(fact, service)

    def _waited_in_vain(self, service: str) -> UsageError:
        innermost = self.turns.innermost
        who = "a statement" if innermost is None else f"a transaction of service {innermost.service!r}"
        where = "" if innermost is None else f", opened at {innermost.opened_at},"
        fact = f"transactions take turns, and {who}{where} did not end within {self.patience:g} s"
        return self.refusal(fact, service)


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; a cancellation of the caller is raised when that is done."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        # Seen, so that asyncio does not complain: the cancellation is what counts.
        task.exception()
        raise cancelled
    return task.result()

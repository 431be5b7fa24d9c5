"""Who holds what a migration waits for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from poolhouse.errors import PoolhouseError
from poolhouse.pool.faults import DRIVER_ERRORS

if TYPE_CHECKING:
    from asyncpg import Record

    from poolhouse.migrations.access import Session
    from poolhouse.pool import SharedPool

_SESSION = """
SELECT session.pid, session.application_name, session.state,
    coalesce(session.xact_start, session.state_change, session.backend_start) AS since
FROM pg_catalog.pg_stat_activity AS session
"""

_HOLDERS = f"""{_SESSION}
JOIN pg_catalog.pg_locks AS lock ON lock.pid = session.pid
JOIN pg_catalog.pg_database AS database ON database.oid = lock.database
WHERE database.datname = pg_catalog.current_database() AND lock.granted AND lock.locktype = 'advisory'
    AND lock.classid = $1::oid AND lock.objid = $2::oid AND lock.objsubid = 1
"""

_BLOCKERS = f"{_SESSION} WHERE session.pid = ANY (pg_catalog.pg_blocking_pids($1))"


async def holders_of(connection: Session, key: int) -> tuple[str, ...]:
    """Describe the sessions that hold the advisory lock `key`."""
    high, low = divmod(key % 2**64, 2**32)
    return tuple(_describe(row) for row in await connection.fetch(_HOLDERS, high, low))


async def blockers_of(connection: Session, pid: int) -> tuple[str, ...]:
    """Describe the sessions that the server process `pid` waits for."""
    return tuple(_describe(row) for row in await connection.fetch(_BLOCKERS, pid))


def _describe(session: Record) -> str:
    application = repr(session["application_name"]) if session["application_name"] else "of no name"
    # Another role's session hides its state and its times from those without pg_read_all_stats.
    state = session["state"] or "in a state this role may not see"
    since = f" since {session['since']:%Y-%m-%d %H:%M:%S%z}" if session["since"] else ""
    return f"process {session['pid']} (application {application}, {state}{since})"


class Watch:
    """Looks every `interval` seconds whom a server process waits for, through a connection of its own.

    Once the wait is over the server no longer tells, so it has to be asked meanwhile. Use it with `async with`.
    """

    def __init__(self, pool: SharedPool, pid: int, *, interval: float) -> None:
        self._pool = pool
        self._pid = pid
        self._interval = interval
        self._task: asyncio.Task[None] | None = None
        self.seen: tuple[str, ...] = ()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._look(), name=f"poolhouse: who blocks process {self._pid}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                async with self._pool.lease("poolhouse", timeout=self._interval) as lease:
                    self.seen = await blockers_of(lease.connection, self._pid) or self.seen
            except (PoolhouseError, *DRIVER_ERRORS):
                # Without a second connection the blocker stays unknown; the migration goes on.
                continue

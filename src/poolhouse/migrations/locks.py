"""Who holds the locks under which schemas are migrated, and ending a session that does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from poolhouse._core.identifiers import quote_identifier
from poolhouse.errors import MigrationLockError, MigrationPrivilegeError
from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import pauses, translated
from poolhouse.migrations.bundle import BUSY, lock_key
from poolhouse.migrations.faults import who
from poolhouse.migrations.schemas import schemas_of
from poolhouse.pool.faults import translate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from poolhouse.migrations.migration_set import MigrationSet

# The halves of a key are unsigned; put together again they are the key, which has a sign.
_HOLDERS = """
SELECT held.key, session.pid, session.application_name AS application, session.usename AS role, session.state,
    coalesce(session.xact_start, session.state_change, session.backend_start) AS since, session.backend_start AS begun
FROM (
    SELECT pid, (classid::bigint << 32) | objid::bigint AS key FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
) AS held
JOIN pg_catalog.pg_stat_activity AS session USING (pid)
WHERE held.key = ANY ($1::bigint[]) ORDER BY session.pid
"""

# The number of a process that ended may be somebody else's by now.
_END = """
SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
WHERE pid = $1 AND backend_start IS NOT DISTINCT FROM $2
"""


@dataclass(frozen=True, slots=True)
class LockHolder:
    """A session that holds the lock of a module in a schema.

    `since` is when its transaction began, or when it was active last; it and `state` are None where this role may not
    see them.
    """

    module: str
    schema: str
    pid: int
    application: str
    role: str | None
    state: str | None
    since: datetime | None
    migrations: MigrationSet = field(repr=False)
    begun: datetime | None = field(repr=False)


async def lock_holders(sets: Sequence[MigrationSet]) -> tuple[LockHolder, ...]:
    """Return who holds the lock of any of `sets`, in their order and that of their schemas.

    It is one statement for each set, and one more for a query of its schemas.
    """
    return tuple([holder for each in sets for holder in await _holders(each, await schemas_of(each))])


async def end_session(holder: LockHolder, *, timeout: float = 5.0) -> bool:
    """End the session of `holder`, and return once its lock is free; False where it had let go by itself.

    What it has not committed is rolled back; a migration outside of transactions stays half done. Raises
    MigrationPrivilegeError, and MigrationLockError when it still holds the lock after `timeout` seconds.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    if not _is_among(holder, await _holders(holder.migrations, [holder.schema])):
        return False
    await _terminate(holder)
    for pause in pauses():
        left = await _holders(holder.migrations, [holder.schema])
        if not _is_among(holder, left):
            break
        if loop.time() >= deadline:
            blockers = [f"process {holder.pid} (application {holder.application!r})"]
            fact = "the session that was to end still holds the lock"
            names = {"module": holder.module, "schema": holder.schema}
            raise MigrationLockError(fact, **names, waited=timeout, sqlstate=BUSY, blockers=blockers)
        await asyncio.sleep(pause)
    return True


async def _holders(migrations: MigrationSet, schemas: Sequence[str]) -> list[LockHolder]:
    keys = {lock_key(migrations.module, schema): schema for schema in schemas}
    with translated():
        async with Access(migrations.db.pool).looking() as connection:
            rows = await connection.fetch(_HOLDERS, [*keys])
    holders = [
        LockHolder(
            migrations.module,
            keys[row["key"]],
            row["pid"],
            row["application"] or "",
            row["role"],
            row["state"],
            row["since"],
            migrations,
            row["begun"],
        )
        for row in rows
    ]
    places = {schema: place for place, schema in enumerate(schemas)}
    return sorted(holders, key=lambda holder: places[holder.schema])


def _is_among(holder: LockHolder, others: Sequence[LockHolder]) -> bool:
    return any((other.pid, other.begun) == (holder.pid, holder.begun) for other in others)


async def _terminate(holder: LockHolder) -> None:
    with translated():
        async with Access(holder.migrations.db.pool).looking() as connection:
            try:
                await connection.fetchval(_END, holder.pid, holder.begun)
            except asyncpg.InsufficientPrivilegeError as error:
                role, _ = await who(connection)
                said = translate(error)
                fact = said.fact if said else "it may not end the session"
                grant = f"GRANT pg_signal_backend TO {quote_identifier(role)};"
                raise MigrationPrivilegeError(fact, place=f"process {holder.pid}", role=role, grant=grant) from None

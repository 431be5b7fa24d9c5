"""Changing the ledger beside what a run of migrations records."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import asyncpg

from poolhouse.migrations.bringing_up import pauses, translated
from poolhouse.migrations.bundle import BUSY, STALE, block, guard
from poolhouse.migrations.faults import lock_error

if TYPE_CHECKING:
    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse.migrations.access import Access


async def change_ledger(access: Access, loaded: LoadedMigrations, sql: str, *, is_stale: str, limit: float) -> bool:
    """Run `sql` in one transaction under the lock of `loaded`; False where the condition `is_stale` holds by then.

    Waits at most `limit` seconds for a process that migrates, then raises MigrationLockError.
    """
    message = block(guard(loaded, is_stale)) + sql
    started = time.monotonic()
    for pause in pauses():
        with translated():
            async with access.changing() as connection:
                try:
                    await connection.execute(message)
                except asyncpg.PostgresError as error:
                    if error.sqlstate == STALE:
                        return False
                    if error.sqlstate != BUSY:
                        raise
                    waited = time.monotonic() - started
                    if waited >= limit:
                        raise await lock_error(connection, loaded, BUSY, waited=waited) from None
                else:
                    return True
        await asyncio.sleep(min(pause, limit))
    raise AssertionError("pauses never end")

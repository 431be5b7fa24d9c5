"""What a person decides about one migration in one schema, where nobody else can know.

Each function is one repair, takes the set whose schema it is for, is recorded as an event, and waits at most `timeout`
seconds for a process that migrates (`migration_timeout` of the pool's settings by default). What is not in need of the
repair is refused with MigrationRepairError, and nothing is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from poolhouse._core.dependencies import Dependencies
from poolhouse._core.plan import Head, Plan, applied_of, plan_from_ledger
from poolhouse.errors import MigrationRepairError
from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import translated
from poolhouse.migrations.bundle import script
from poolhouse.migrations.ledger import accept, finish, is_stale, read_ledger, undo
from poolhouse.migrations.recording import change_ledger
from poolhouse.migrations.run import Run

if TYPE_CHECKING:
    from poolhouse._core.migration_file import LoadedMigrations, VersionedFile
    from poolhouse._core.plan import LedgerRow
    from poolhouse.migrations.access import Session
    from poolhouse.migrations.migration_set import MigrationSet
    from poolhouse.migrations.report import MigrationReport

__all__ = ["accept_checksum", "mark_applied", "mark_rolled_back", "resume"]


async def resume(migrations: MigrationSet, version: int, *, timeout: float | None = None) -> MigrationReport:
    """Go on with a half-done migration: run its interrupted statement again, and then the rest of its file.

    The file is taken as it is now; the statements that are done are not run again. What else is pending stays so.
    """
    case = await _Case.of(migrations, version, timeout)
    row, file = case.half_done(), case.file()
    steps = len(script(case.loaded, file).stretches)
    if row.steps_done > steps:
        fact = f"{row.steps_done} of its statements are done, and its file has {steps} now"
        raise case.refuse(fact, remedy="Put them back into the file, or mark it as applied")
    plan = plan_from_ledger(case.loaded, case.head, case.rows)
    run = Run(case.access, Dependencies([case.loaded]), limit=case.limit)
    return await run.resume(case.loaded, plan)


async def mark_applied(migrations: MigrationSet, version: int, *, timeout: float | None = None) -> None:
    """Record that a half-done migration was finished by hand, so that all its file says is done."""
    case = await _Case.of(migrations, version, timeout)
    row, file = case.half_done(), case.file()
    plan = Plan(case.head, applied_of(case.rows))
    await case.change(finish(case.loaded, plan, file, repair="mark-applied"), row)


async def mark_rolled_back(migrations: MigrationSet, version: int, *, timeout: float | None = None) -> None:
    """Record that a half-done migration was undone by hand, so that it is pending from its first statement.

    Its file may be gone.
    """
    case = await _Case.of(migrations, version, timeout)
    row = case.half_done()
    await case.change(undo(case.loaded, case.head or Head(0, b""), row), row)


async def accept_checksum(migrations: MigrationSet, version: int, *, timeout: float | None = None) -> None:
    """Record a file that was changed after it had been applied as what was applied; nothing of it is run."""
    case = await _Case.of(migrations, version, timeout)
    file = case.file()
    row = next((row for row in case.rows if row.version == version and not row.is_open), None)
    if row is None:
        raise case.refuse("it is not applied", remedy="Apply it")
    if row.checksum == file.checksum:
        raise case.refuse("its file is as it was applied", remedy="There is nothing to accept")
    applied = applied_of(case.rows).plus([file])
    head = Head(applied.version, applied.digest, dirty=case.head is not None and case.head.dirty)
    await case.change(accept(case.loaded, file, head), next((row for row in case.rows if row.is_open), None))


class _Case:
    """One migration in one schema, and all that the database says of the set."""

    def __init__(
        self,
        access: Access,
        loaded: LoadedMigrations,
        version: int,
        *,
        limit: float,
        head: Head | None,
        rows: tuple[LedgerRow, ...],
    ) -> None:
        self.access = access
        self.loaded = loaded
        self.version = version
        self.limit = limit
        self.head = head
        self.rows = rows

    @classmethod
    async def of(cls, migrations: MigrationSet, version: int, timeout: float | None) -> _Case:
        loaded = migrations.load()
        pool = migrations.db.pool
        access = Access(pool)
        limit = pool.settings.migration_timeout if timeout is None else timeout
        with translated():
            async with access.changing() as connection:
                head, rows = await _read(connection, loaded)
        return cls(access, loaded, version, limit=limit, head=head, rows=rows)

    def refuse(self, fact: str, *, remedy: str) -> MigrationRepairError:
        module, schema = self.loaded.module, self.loaded.schema
        return MigrationRepairError(fact, module=module, schema=schema, version=self.version, remedy=remedy)

    def half_done(self) -> LedgerRow:
        begun = next((row for row in self.rows if row.is_open), None)
        if begun is not None and begun.version == self.version:
            return begun
        remedy = f"Half done is version {begun.version}" if begun else "Nothing is half done here"
        raise self.refuse("it is not half done", remedy=remedy)

    def file(self) -> VersionedFile:
        for file in self.loaded.files:
            if file.version == self.version:
                return file
        raise self.refuse(f"{self.loaded.directory} has no file of this version", remedy="Restore the file")

    async def change(self, sql: str, begun: LedgerRow | None) -> None:
        """Run `sql` in one transaction under the lock, unless the ledger is not any more what it was."""
        stale = is_stale(self.loaded, self.head, begun)
        if not await change_ledger(self.access, self.loaded, sql, is_stale=stale, limit=self.limit):
            fact = "another process has changed the ledger meanwhile"
            raise self.refuse(fact, remedy="Look where it stands now")


async def _read(connection: Session, loaded: LoadedMigrations) -> tuple[Head | None, tuple[LedgerRow, ...]]:
    try:
        return await read_ledger(connection, loaded)
    except asyncpg.UndefinedTableError:
        # Nobody has migrated anything in this database yet.
        return None, ()

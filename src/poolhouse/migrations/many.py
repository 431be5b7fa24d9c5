"""A start for a set of many schemas: where they stand, and what is to be done about it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.dependencies import Dependencies
from poolhouse._core.identifiers import check_identifier
from poolhouse._core.migration_file import parse_name
from poolhouse._core.template import compile_template
from poolhouse.errors import ConfigurationError, MigrationFilesError, MigrationPendingError
from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import pauses, translated
from poolhouse.migrations.files import LEDGER, ledger_written, read_folder
from poolhouse.migrations.planning import sought_by
from poolhouse.migrations.report import MigrationReport
from poolhouse.migrations.rollout import Rollout
from poolhouse.migrations.run import Run
from poolhouse.settings import MigrationMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from poolhouse.migrations.access import Session
    from poolhouse.migrations.files import WrittenMigrations
    from poolhouse.migrations.ledger import Standing
    from poolhouse.migrations.migration_set import MigrationSet
    from poolhouse.migrations.report import MigrationProgress
    from poolhouse.migrations.rollout import Batch


class _Found(NamedTuple):
    schemas: Sequence[str]
    has_ledger: bool
    behind: Mapping[str, Standing]


async def migrate_many(
    migrations: MigrationSet,
    others: Sequence[MigrationSet],
    mode: MigrationMode,
    *,
    limit: float,
    contract: bool,
    progress: Callable[[MigrationProgress], None] | None,
) -> list[MigrationReport]:
    """Bring the schemas of a set up to date, after `others` of the same pool; returns a report for each, in order."""
    access = Access(migrations.db.pool)
    written = migrations.written(read_folder(migrations.directory))
    if mode is MigrationMode.SKIP:
        written.load()
        schemas: Sequence[str] = () if isinstance(migrations.schemas, str) else migrations.schemas or ()
        return [MigrationReport(migrations.module, schema, None) for schema in schemas]
    found = await _look(migrations, access, written)
    if not found.behind and found.has_ledger:
        return _reports(written, found, {})
    loaded = written.load()
    run = Run(access, Dependencies([]), limit=limit, contract=contract)
    rollout = Rollout(
        loaded,
        access,
        run,
        limit=limit,
        contract=contract,
        failure_limit=migrations.failure_limit,
        progress=progress,
    )
    if faults := Dependencies([*(each.load() for each in others), loaded]).faults():
        raise MigrationFilesError(faults)
    if mode is not MigrationMode.APPLY:
        found = await _wait(migrations, access, written, rollout, found, mode, limit=limit)
    elif not found.has_ledger:
        await run.migrate([])
    await rollout.apply(await rollout.plans(found.behind))
    return _reports(written, found, rollout.reports)


async def _look(migrations: MigrationSet, access: Access, written: WrittenMigrations) -> _Found:
    with translated():
        async with access.looking() as connection:
            schemas = await _schemas(migrations, connection)
            own, behind = await sought_by(connection, migrations.module, schemas, written.folder_digest)
    return _Found(schemas, own[LEDGER].is_settled(ledger_written().folder_digest), behind)


async def _schemas(migrations: MigrationSet, connection: Session) -> Sequence[str]:
    if not isinstance(migrations.schemas, str):
        return migrations.schemas or ()
    db = migrations.db
    query = compile_template(migrations.schemas, source=f"the query of module {migrations.module!r}")
    rows = await connection.fetch(query.render(db.schema, sorted(db.reads)))
    names = [row[0] for row in rows]
    if all(isinstance(name, str) for name in names):
        return [check_identifier(name) for name in dict.fromkeys(names)]
    fact = "the query of its schemas returns something else than their names"
    raise ConfigurationError(fact, place=f"module {migrations.module!r}", remedy="Let it return one column of text")


async def _wait(
    migrations: MigrationSet,
    access: Access,
    written: WrittenMigrations,
    rollout: Rollout,
    found: _Found,
    mode: MigrationMode,
    *,
    limit: float,
) -> _Found:
    """Return where all stand once nothing is pending; MigrationPendingError, at once or at the limit."""
    begun, pause_of = time.monotonic(), pauses()
    while True:
        batches = [batch for batch in await rollout.plans(found.behind) if batch.plan.pending]
        if not batches:
            return found
        waited = time.monotonic() - begun
        if mode is MigrationMode.CHECK or waited >= limit:
            pending = [name for batch in batches for name in _pending(migrations.module, batch)]
            raise MigrationPendingError(pending, mode=mode, waited=waited if mode is MigrationMode.WAIT else None)
        await asyncio.sleep(min(next(pause_of), limit - waited))
        found = await _look(migrations, access, written)


def _pending(module: str, batch: Batch) -> list[str]:
    where = f"schema {batch.schemas[0]!r}" if len(batch.schemas) == 1 else f"{len(batch.schemas)} schemas"
    return [f"{module}/{file.filename} in {where}" for file in batch.plan.pending]


def _reports(
    written: WrittenMigrations, found: _Found, reports: Mapping[str, MigrationReport]
) -> list[MigrationReport]:
    newest = max((parse_name(path.name)[0] or 0 for path, _ in written.folder.files), default=0)
    return [reports.get(schema) or MigrationReport(written.module, schema, newest) for schema in found.schemas]

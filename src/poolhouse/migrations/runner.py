"""Bringing schemas up to date: what a start asks for, in the mode it was given."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from poolhouse._core.suggestion import nearest
from poolhouse.errors import ConfigurationError, UsageError
from poolhouse.migrations.access import Access
from poolhouse.migrations.many import ManySchemas
from poolhouse.migrations.reading import glance_at, load_written, read_all
from poolhouse.migrations.report import MigrationReport, MigrationResult
from poolhouse.migrations.run import Run
from poolhouse.schema.session import joined_use
from poolhouse.settings import MigrationMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from poolhouse.migrations.migration_set import MigrationSet
    from poolhouse.migrations.report import MigrationProgress
    from poolhouse.pool import SharedPool


async def migrate(
    sets: Sequence[MigrationSet],
    *,
    timeout: float | None = None,
    mode: MigrationMode | str | None = None,
    contract: bool = False,
    progress: Callable[[MigrationProgress], None] | None = None,
) -> MigrationResult:
    """Bring the schemas of all `sets` up to date.

    Asks one SELECT when nothing is pending, and needs no right but SELECT on `poolhouse.head` for it. Otherwise a
    schema's pending files are applied together or not at all where their directives and their statements allow it,
    and at most once however many processes do the same at the same moment; a missing schema is created. Sets are
    migrated at the same time, but for what depends on another, reads its schema, or shares it: that keeps its order.
    Contract migrations stay pending, and are reported, unless `contract` is true.

    `mode` says what to do about pending migrations (`migration_mode` of the pool's settings by default): `apply`
    them; `wait` until another process has; `check`, which raises MigrationPendingError; or `skip`, which reads the
    files and asks the database nothing. `timeout` limits in seconds the waiting for others (`migration_timeout` of
    the pool's settings by default), never the running of a migration. Cancellation rolls back what is under way; a
    migration outside of transactions goes on with the next start.

    Sets of many schemas come after the others, which they may depend on, each with a statement of its own when nothing
    is pending and a report for each schema. `progress` is called after each of their transactions; without it, that is
    a line in the log. Where schemas fail, MigrationSchemasError tells which, and why, once the others of the set are
    done; sets behind it are not begun.

    Nothing at all is applied when a set's files are faulty (MigrationFilesError), or disagree with what was applied
    (MigrationDriftError). For a query of schemas that can only be asked after others are migrated, and for schemas
    that it tells only then, that is found out then. Where nothing is pending no file is looked into, and so neither is
    what one depends on: it was applied. A failure later raises another MigrationError, a PoolError or a DatabaseError,
    once all that is under way has ended; what was applied stays. A database ahead of the files is fine, and warned of.
    Inside a transaction of the same task on one of the schemas it raises UsageError.
    """
    begun = time.monotonic()
    _refuse_a_transaction(sets)
    many = {
        each: ManySchemas(each, _mode_of(each.db.pool, mode), limit=limit, contract=contract, progress=progress)
        for each, limit in ((each, _limit(each.db.pool, timeout)) for each in sets if each.schemas is not None)
    }
    for each in many.values():
        await each.look()
    single = [each for each in sets if each.schemas is None]
    reports, is_changed = await _migrate_single(single, many, timeout=timeout, mode=mode, contract=contract)
    for migrations, of_many in many.items():
        reports[migrations] = await of_many.migrate(is_changed=is_changed)
    return MigrationResult(tuple(report for each in sets for report in reports[each]), time.monotonic() - begun)


async def _migrate_single(
    sets: Sequence[MigrationSet],
    many: Mapping[MigrationSet, ManySchemas],
    *,
    timeout: float | None,
    mode: MigrationMode | str | None,
    contract: bool,
) -> tuple[dict[MigrationSet, Sequence[MigrationReport]], bool]:
    """Migrate `sets` once all that is known of `many` is right; tell too whether anything could have been pending."""
    by_pool = read_all(sets)
    hows = {pool: _mode_of(pool, mode) for pool in by_pool}
    glances = {pool: await glance_at(pool, by_pool[pool], how) for pool, how in hows.items()}
    # Whose files are as they were when all of them were applied need not be looked into.
    unsettled = {pool: by_pool[pool] for pool, glance in glances.items() if not glance.is_settled}
    is_settled = not unsettled and all(each.is_settled for each in many.values())
    files = [(each.db.pool, of_many.load) for each, of_many in many.items()]
    loaded = {} if is_settled else load_written(by_pool if many else unsettled, files)
    for of_many in many.values():
        await of_many.check()
    reports: dict[tuple[SharedPool, str, str], MigrationReport] = {}
    for pool, how in hows.items():
        found: Iterable[MigrationReport]
        if pool not in unsettled:
            found = glances[pool].reports()
        elif how is MigrationMode.SKIP:
            found = [MigrationReport(each.module, each.schema, None) for each in by_pool[pool]]
        else:
            wanted, dependencies = loaded[pool]
            run = Run(Access(pool), dependencies, limit=_limit(pool, timeout), contract=contract)
            standings = glances[pool].standings
            is_to_apply = how is MigrationMode.APPLY
            done = await (run.migrate(wanted, standings) if is_to_apply else run.look(wanted, how, standings))
            found = done.values()
        reports.update({(pool, each.module, each.schema): each for each in found})
    return {each: [reports[each.db.pool, each.module, each.db.schema]] for each in sets}, bool(unsettled)


def _refuse_a_transaction(sets: Iterable[MigrationSet]) -> None:
    for each in sets:
        if joined_use(each.db.pool, each.db.service) is not None:
            fact = f"module {each.module!r} cannot be migrated inside a transaction, which it would not be a part of"
            raise UsageError(fact, remedy="Migrate before the transaction begins, or after it")


def _limit(pool: SharedPool, timeout: float | None) -> float:
    return pool.settings.migration_timeout if timeout is None else timeout


def _mode_of(pool: SharedPool, said: MigrationMode | str | None) -> MigrationMode:
    mode = said if said is not None else pool.settings.migration_mode
    if mode in set(MigrationMode):
        return MigrationMode(mode)
    close = nearest(mode, MigrationMode)
    remedy = f"Did you mean {close}?" if close else f"There are {', '.join(MigrationMode)}"
    raise ConfigurationError(f"there is no migration mode {mode!r}", remedy=remedy)

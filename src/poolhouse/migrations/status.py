"""Where the schemas stand, compared with the files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from poolhouse.errors import MigrationDriftError
from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import translated
from poolhouse.migrations.planning import plan_all
from poolhouse.migrations.reading import load_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Plan
    from poolhouse.errors import MigrationError
    from poolhouse.migrations.migration_set import MigrationSet


class MigrationState(StrEnum):
    """In one word how a module stands in a schema."""

    UP_TO_DATE = "up to date"
    PENDING = "pending"
    HALF_DONE = "half done"
    AHEAD = "ahead"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Where one module stands in one schema.

    `version` is what the schema is at, None where nothing was applied or where that is in doubt. `pending` and `held`
    are names of files, `held` those of phase contract, which wait for their command; `half_done` is the first of the
    pending ones, where it was begun. `ahead` are versions that the database has and the files have not. `drift` is
    everything in which files and database disagree; where there is any, nothing else is known.
    """

    module: str
    schema: str
    directory: str
    version: int | None
    pending: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    ahead: tuple[int, ...] = ()
    half_done: str | None = None
    drift: tuple[MigrationError, ...] = ()

    @property
    def state(self) -> MigrationState:
        """How it stands; the worst, where several words fit."""
        if self.drift:
            return MigrationState.DRIFT
        if self.half_done:
            return MigrationState.HALF_DONE
        if self.pending:
            return MigrationState.PENDING
        return MigrationState.AHEAD if self.ahead else MigrationState.UP_TO_DATE


async def status(sets: Sequence[MigrationSet]) -> tuple[MigrationStatus, ...]:
    """Return where each of `sets` stands; nothing is changed, and no lock is taken.

    Needs SELECT on poolhouse.head, and on poolhouse.ledger where the head alone does not tell. Raises
    MigrationFilesError for files that are faulty, PoolError, and DatabaseError.
    """
    found: dict[tuple[int, str, str], MigrationStatus] = {}
    for pool, (wanted, _) in load_all(sets).items():
        for each in await _standing(Access(pool), wanted):
            found[id(pool), each.module, each.schema] = each
    return tuple(found[id(each.db.pool), each.module, each.db.schema] for each in sets)


async def _standing(access: Access, wanted: Sequence[LoadedMigrations]) -> list[MigrationStatus]:
    with translated():
        async with access.looking() as connection:
            try:
                plans = await plan_all(connection, wanted)
            except MigrationDriftError as error:
                if len(wanted) == 1:
                    return [_drifted(wanted[0], error)]
            else:
                return [_status(loaded, plans[loaded]) for loaded in wanted]
    # Again one by one, to know who it is that disagrees, and how the others stand.
    return [found for each in wanted for found in await _standing(access, [each])]


def _status(loaded: LoadedMigrations, plan: Plan) -> MigrationStatus:
    return MigrationStatus(
        loaded.module,
        loaded.schema,
        loaded.directory,
        plan.applied.version if plan.applied.versions else None,
        pending=tuple(file.filename for file in plan.pending),
        held=tuple(file.filename for file in plan.held),
        ahead=plan.ahead,
        half_done=plan.unfinished.file.filename if plan.unfinished else None,
    )


def _drifted(loaded: LoadedMigrations, error: MigrationDriftError) -> MigrationStatus:
    return MigrationStatus(loaded.module, loaded.schema, loaded.directory, None, drift=error.violations)

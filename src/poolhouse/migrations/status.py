"""Where the schemas stand, compared with the files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from poolhouse.errors import MigrationDriftError
from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import translated
from poolhouse.migrations.files import read_folder
from poolhouse.migrations.groups import groups_of
from poolhouse.migrations.planning import plan_all
from poolhouse.migrations.reading import load_each
from poolhouse.migrations.schemas import look_early

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Plan
    from poolhouse.errors import MigrationError
    from poolhouse.migrations.groups import Group
    from poolhouse.migrations.migration_set import MigrationSet


class MigrationState(StrEnum):
    """In one word how a module stands in a schema."""

    UP_TO_DATE = "up to date"
    PENDING = "pending"
    HALF_DONE = "half done"
    AHEAD = "ahead"
    DRIFT = "drift"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Where one module stands in one schema.

    `version` is what the schema is at, None where nothing was applied or where that is in doubt. `pending` and `held`
    are names of files, `held` those of phase contract, which wait for their command; `half_done` is the first of the
    pending ones, where it was begun. `ahead` are versions that the database has and the files have not. `drift` is
    everything in which files and database disagree; where there is any, nothing else is known. `unknown` says why a
    set of many schemas cannot tell them yet; `schema` is that of its manager then.
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
    unknown: str | None = None

    @property
    def state(self) -> MigrationState:
        """How it stands; the worst, where several words fit."""
        if self.unknown:
            return MigrationState.UNKNOWN
        if self.drift:
            return MigrationState.DRIFT
        if self.half_done:
            return MigrationState.HALF_DONE
        if self.pending:
            return MigrationState.PENDING
        return MigrationState.AHEAD if self.ahead else MigrationState.UP_TO_DATE


async def status(sets: Sequence[MigrationSet]) -> tuple[MigrationStatus, ...]:
    """Return where each of `sets` stands, a set of many schemas in each of them; nothing is changed, no lock is taken.

    Needs SELECT on poolhouse.head, and on poolhouse.ledger where the head alone does not tell. That is one statement
    for the sets of one schema, one for each of the others, and one more for each head that is not of these files.
    What files depend on need not be among `sets`. Raises MigrationFilesError for files that are faulty,
    ConfigurationError for a query of schemas that is, PoolError, and DatabaseError.
    """
    found: dict[tuple[int, str, str], MigrationStatus] = {}
    for pool, wanted in load_each(sets).items():
        for each in await _standing(Access(pool), wanted):
            found[id(pool), each.module, each.schema] = each
    statuses: list[MigrationStatus] = []
    for one in sets:
        if one.schemas is None:
            statuses.append(found[id(one.db.pool), one.module, one.db.schema])
        else:
            statuses += await _many(one)
    return tuple(statuses)


async def _many(migrations: MigrationSet) -> list[MigrationStatus]:
    access, written = Access(migrations.db.pool), migrations.written(read_folder(migrations.directory))
    loaded = written.load()
    found = await look_early(migrations, access, written)
    if found is None:
        unknown = "its schemas are known when what is pending elsewhere is applied"
        return [MigrationStatus(loaded.module, loaded.schema, loaded.directory, None, unknown=unknown)]
    with translated():
        async with access.looking() as connection:
            groups = await groups_of(connection, loaded, found.behind)
    behind = {each.schema: each for group in groups for each in _grouped(group)}
    newest = loaded.newest if loaded.files else None
    return [
        behind.get(schema) or MigrationStatus(loaded.module, schema, loaded.directory, newest)
        for schema in found.schemas
    ]


def _grouped(group: Group) -> list[MigrationStatus]:
    loaded = group.loaded
    if group.drift(group.schemas[0]):
        return [
            MigrationStatus(loaded.module, schema, loaded.directory, None, drift=group.drift(schema))
            for schema in group.schemas
        ]
    alike = _status(loaded, group.plan())
    return [replace(alike, schema=schema) for schema in group.schemas]


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

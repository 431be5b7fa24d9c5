"""Running what is pending for the sake of its errors, and rolling it back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from poolhouse._core.turns import turns_of
from poolhouse.errors import MigrationFilesError
from poolhouse.migrations.access import Access
from poolhouse.migrations.attempt import prepare, send
from poolhouse.migrations.bringing_up import translated
from poolhouse.migrations.catalogue.replaying import rolled_back
from poolhouse.migrations.examples import examples_of
from poolhouse.migrations.faults import LOCK_FACTS, SMALLER_HELPS, failure, lock_error
from poolhouse.migrations.files import ledger_migrations
from poolhouse.migrations.planning import plan_all
from poolhouse.migrations.reading import load_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poolhouse._core.dependencies import Dependencies
    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.turns import Turn
    from poolhouse.errors import MigrationError
    from poolhouse.migrations.access import Session
    from poolhouse.migrations.attempt import Attempt, Refusal
    from poolhouse.migrations.examples import Examples
    from poolhouse.migrations.migration_set import MigrationSet

_LOCK_TIMEOUT = 3.0  # seconds, as in a real run

_OUTSIDE = "not checked: it runs outside of transactions"
_UNKNOWN = "not checked: its schemas are known when what is pending elsewhere is applied"
_UNCOMMITTED = "not checked: it needs what comes before it to be committed"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A pending file that the server has run; or `reason`, why that was not possible.

    It was run in `schema`, in the stead of all `schemas` of a set that stand alike; there are none where a query cannot
    tell them yet.
    """

    module: str
    schema: str
    file: str
    reason: str | None = None
    schemas: tuple[str, ...] = ()


async def rehearse(sets: Sequence[MigrationSet], *, contract: bool = False) -> tuple[Rehearsal, ...]:
    """Run all that is pending in one transaction for each database, roll it back, and return the files in their order.

    What runs outside of transactions is not run, nor is anything that comes after it in the same module, or depends
    on that. Of many schemas that stand alike, the first stands for all. Locks are taken as in a real run, and held
    until the end. Raises what `migrate` raises, except that it does not wait for others who migrate.
    """
    found: list[Rehearsal] = []
    examples = await examples_of(sets, contract=contract)
    for pool, (wanted, dependencies) in load_all(examples.sets).items():
        with translated():
            async with Access(pool).changing() as connection:
                plans = await plan_all(connection, (ledger_migrations(), *wanted), contract=contract)
                if withheld := [*dependencies.withheld({each: plans[each] for each in wanted})]:
                    raise MigrationFilesError(withheld)
                async with rolled_back(connection):
                    stage = _Stage(connection, access=Access(pool), dependencies=dependencies)
                    for turn in turns_of(dependencies, plans):
                        found += await stage.play(turn)
    found += [
        Rehearsal(each.module, each.schema, file.filename, _UNKNOWN)
        for each in examples.unknown
        for file in (*each.files, *each.repeatables)
    ]
    own = ledger_migrations().module
    return tuple(each if each.reason is _UNKNOWN else _for_all(each, examples) for each in found if each.module != own)


def _for_all(each: Rehearsal, examples: Examples) -> Rehearsal:
    return replace(each, schemas=examples.schemas.get((each.module, each.schema), (each.schema,)))


class _Stage:
    """Where turns are played, inside of a transaction; knows which modules cannot go on."""

    def __init__(self, connection: Session, *, access: Access, dependencies: Dependencies) -> None:
        self._connection = connection
        self._access = access
        self._dependencies = dependencies
        self._left_at: dict[LoadedMigrations, str] = {}

    async def play(self, turn: Turn) -> list[Rehearsal]:
        """Run the files of a turn, or say why not; raises the error of those that fail."""
        reason = self._obstacle(turn)
        if reason is None:
            reason = await self._run(turn)
        if reason is not None:
            self._left_at.setdefault(turn.loaded, f"{turn.loaded.module}/{turn.stage.files[0].filename}")
        return [Rehearsal(turn.loaded.module, turn.loaded.schema, each.filename, reason) for each in turn.stage.files]

    def _obstacle(self, turn: Turn) -> str | None:
        needed = {need.loaded for need in self._dependencies.needs(turn.loaded, turn.stage.files[0])}
        for each in (turn.loaded, *self._dependencies.sets_before(turn.loaded), *needed):
            if each in self._left_at:
                return f"not checked: it comes after {self._left_at[each]}"
        return _OUTSIDE if turn.plan.unfinished or not turn.stage.is_transactional else None

    async def _run(self, turn: Turn) -> str | None:
        attempt = prepare(turn.loaded, turn.plan, turn.stage, lock_timeout=_LOCK_TIMEOUT)
        savepoint = self._connection.transaction()
        await savepoint.start()
        refusal = await send(attempt, self._connection, self._access.pool)
        if refusal is None:
            await savepoint.commit()
            return None
        await savepoint.rollback()
        if refusal.sqlstate in SMALLER_HELPS:
            return _UNCOMMITTED
        raise await self._error(attempt, refusal)

    async def _error(self, attempt: Attempt, refusal: Refusal) -> MigrationError:
        if refusal.sqlstate in LOCK_FACTS:
            code, seen = refusal.sqlstate, refusal.blockers
            return await lock_error(self._connection, attempt.loaded, code, waited=0.0, blockers=seen)
        return await failure(attempt, refusal, self._connection, applied=())

"""A start for a set of many schemas: where they stand, and what is to be done about it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from poolhouse._core.dependencies import Dependencies
from poolhouse._core.listing import some_of
from poolhouse._core.migration_file import parse_name
from poolhouse.errors import MigrationPendingError
from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import pauses
from poolhouse.migrations.files import read_folder
from poolhouse.migrations.report import MigrationReport
from poolhouse.migrations.rollout import Rollout
from poolhouse.migrations.run import Run
from poolhouse.migrations.schemas import look, look_early
from poolhouse.settings import MigrationMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse.migrations.migration_set import MigrationSet
    from poolhouse.migrations.report import MigrationProgress
    from poolhouse.migrations.rollout import Batch
    from poolhouse.migrations.schemas import Found


class ManySchemas:
    """One call of `migrate` on a set of many schemas: a look and a check before anything is applied, and its turn.

    Its turn is after the sets of one schema, which its query of the schemas may need.
    """

    def __init__(
        self,
        migrations: MigrationSet,
        mode: MigrationMode,
        *,
        limit: float,
        contract: bool,
        progress: Callable[[MigrationProgress], None] | None,
    ) -> None:
        self._set = migrations
        self._mode = mode
        self._limit = limit
        self._contract = contract
        self._progress = progress
        self._written = migrations.written(read_folder(migrations.directory))
        self._access = Access(migrations.db.pool)
        self._found: Found | None = None
        self._loaded: LoadedMigrations | None = None

    @property
    def is_settled(self) -> bool:
        """Whether nothing was pending at the last look, for which no file was looked into."""
        return self._found is not None and self._found.has_ledger and not self._found.behind

    def load(self) -> LoadedMigrations:
        """Return the checked files; may raise MigrationFilesError."""
        if self._loaded is None:
            self._loaded = self._written.load()
        return self._loaded

    async def look(self) -> None:
        """Look where the schemas stand, as far as a query can tell them before other sets are migrated."""
        if self._mode is not MigrationMode.SKIP:
            self._found = await look_early(self._set, self._access, self._written)

    async def check(self) -> None:
        """Raise MigrationDriftError with that of the schemas that were seen."""
        if self._found is not None and self._found.behind:
            await self._rollout().plans(self._found.behind)

    async def migrate(self, *, is_changed: bool) -> list[MigrationReport]:
        """Bring the schemas up to date, and return a report for each, in order.

        `is_changed` says that others may have been migrated since the look, so that a query may tell other schemas.
        """
        if self._mode is MigrationMode.SKIP:
            schemas: Sequence[str] = () if isinstance(self._set.schemas, str) else self._set.schemas or ()
            return [MigrationReport(self._set.module, schema, None) for schema in schemas]
        found = self._found
        if found is None or (is_changed and isinstance(self._set.schemas, str)):
            found = self._found = await look(self._set, self._access, self._written)
        if self.is_settled:
            return self._reports(found, {})
        rollout = self._rollout()
        if self._mode is not MigrationMode.APPLY:
            found = await self._wait(rollout, found)
        elif not found.has_ledger:
            await self._run().migrate([])
        await rollout.apply(await rollout.plans(found.behind))
        return self._reports(found, rollout.reports)

    async def _wait(self, rollout: Rollout, found: Found) -> Found:
        """Return where all stand once nothing is pending; MigrationPendingError, at once or at the limit."""
        begun, pause_of = time.monotonic(), pauses()
        while True:
            batches = [batch for batch in await rollout.plans(found.behind) if batch.plan.pending]
            if not batches:
                return found
            waited = time.monotonic() - begun
            if self._mode is MigrationMode.CHECK or waited >= self._limit:
                pending = [name for batch in batches for name in _pending(self._set.module, batch)]
                how = self._mode
                raise MigrationPendingError(pending, mode=how, waited=waited if how is MigrationMode.WAIT else None)
            await asyncio.sleep(min(next(pause_of), self._limit - waited))
            found = await look(self._set, self._access, self._written)

    def _rollout(self) -> Rollout:
        return Rollout(
            self.load(),
            self._access,
            self._run(),
            limit=self._limit,
            contract=self._contract,
            failure_limit=self._set.failure_limit,
            progress=self._progress,
        )

    def _run(self) -> Run:
        return Run(self._access, Dependencies([]), limit=self._limit, contract=self._contract)

    def _reports(self, found: Found, reports: Mapping[str, MigrationReport]) -> list[MigrationReport]:
        files = self._written.folder.files
        newest = max((parse_name(path.name)[0] or 0 for path, _ in files), default=0)
        module = self._set.module
        return [reports.get(schema) or MigrationReport(module, schema, newest) for schema in found.schemas]


def _pending(module: str, batch: Batch) -> list[str]:
    return [f"{module}/{file.filename} in {some_of(batch.schemas)}" for file in batch.plan.pending]

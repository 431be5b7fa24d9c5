"""Who may apply something now, when several sets are migrated at the same time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from poolhouse._core.dependencies import Dependencies
    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Plan
    from poolhouse._core.stages import Stage


class Turns:
    """Lets at most `room` stages be applied at the same time, each when all that it depends on is applied.

    After a failure nobody gets a turn any more, while those who have one keep it.
    """

    def __init__(self, dependencies: Dependencies, plans: Mapping[LoadedMigrations, Plan], *, room: int) -> None:
        self._dependencies = dependencies
        self._plans = {**plans}
        self._changed = asyncio.Condition()
        self._room = asyncio.Semaphore(room)
        self._has_failed = False

    async def note(self, loaded: LoadedMigrations, plan: Plan) -> None:
        """Say where a set stands."""
        async with self._changed:
            self._plans[loaded] = plan
            self._changed.notify_all()

    async def stop(self) -> None:
        """Give no more turns."""
        async with self._changed:
            self._has_failed = True
            self._changed.notify_all()

    @asynccontextmanager
    async def turn(self, loaded: LoadedMigrations, stage: Stage) -> AsyncGenerator[bool]:
        """Wait for a turn, and hold it; False where there is none, because another set failed."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._has_failed or self._is_ready(loaded, stage))
        async with self._room:
            yield not self._has_failed

    def _is_ready(self, loaded: LoadedMigrations, stage: Stage) -> bool:
        # A stage is cut before a file that depends on others, so that no other of its files does.
        return self._dependencies.is_ready(loaded, stage.files[0], self._plans)

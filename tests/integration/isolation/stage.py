"""A pool with a single connection, and the two services that use it in turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg

from tests.integration.isolation.fingerprint import fingerprint

if TYPE_CHECKING:
    from poolhouse.pool import SharedPool
    from poolhouse.schema import SchemaManager
    from tests.integration.isolation.ground import Ground


@dataclass(slots=True)
class Stage:
    """Where one way is tried: who acts, who comes next, and what the driver told somebody meanwhile."""

    ground: Ground
    pool: SharedPool
    actor: SchemaManager
    other: SchemaManager
    calls: list[Any] = field(default_factory=list)

    @property
    def seeded(self) -> float:
        """What random() gives first after setseed(0.5)."""
        return self.ground.seeded

    async def looks_fresh_to(self, service: SchemaManager) -> None:
        """Find nothing in the session that the service gets that a fresh one has not, nor the reverse."""
        fresh = await self.ground.fresh_session(service.schema, has_roles=bool(self.pool.roles))
        seen = await fingerprint(service)
        assert seen == fresh, sorted(seen ^ fresh)
        # Two statements of one transaction have the same time.
        assert await service.fetchval("SELECT now()") != await service.fetchval("SELECT now()")

    async def from_outside(self, sql: str, *args: Any) -> Any:
        """Run a statement on a connection that is not of the pool."""
        connection = await asyncpg.connect(self.ground.dsn)
        try:
            return await connection.fetchval(sql, *args)
        finally:
            await connection.close()

    async def runs(self, pid: int) -> None:
        """Return as soon as the server sleeps for a connection."""
        connection = await asyncpg.connect(self.ground.dsn)
        query = "SELECT state = 'active' AND query LIKE '%sleep%' FROM pg_stat_activity WHERE pid = $1"
        while not await connection.fetchval(query, pid):
            pass
        await connection.close()

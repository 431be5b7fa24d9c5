"""Databases that are migrated once and cloned then: one for each state of an application's migrations."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import asyncpg

from poolhouse._core.identifiers import quote_identifier
from poolhouse._core.literal import literal
from poolhouse.container import migrating
from poolhouse.container.plan import plan_start
from poolhouse.migrations import migrate
from poolhouse.roles import establish_roles
from poolhouse.testing.blueprint import role_prefix_of
from poolhouse.testing.databases import TEMPLATE_PREFIX

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from poolhouse.testing.blueprint import Blueprint, Subject
    from poolhouse.testing.databases import Databases

_PAUSE = 0.05  # seconds between two tries for the lock

# Older ones of the same project and the same modules, whose migrations have changed since.
_SUPERSEDED = """
SELECT datname FROM pg_catalog.pg_database
WHERE starts_with(datname, $1) AND datname <> $2 AND pg_catalog.shobj_description(oid, 'pg_database') = $3
AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE datid = pg_database.oid)
"""


class Templates:
    """The templates on one server, which all processes and sessions share that test the same migrations.

    A template is named by a digest of what makes it up, so that it never has to be looked into: what changes makes
    another one. It is under another name while it is being made, and nobody can connect to it afterwards.
    """

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._made: set[str] = set()
        # Of this process; the server's lock would let the same connection in again.
        self._turn = asyncio.Lock()

    async def clone(self, blueprint: Blueprint, subject: Subject) -> str:
        """Return the DSN of a new database that is migrated, and make its template first where there is none."""
        name = f"{TEMPLATE_PREFIX}{subject.digest}"
        async with self._turn:
            if name not in self._made:
                await self._make(name, blueprint, subject)
                self._made.add(name)
        return await self._databases.create(template=name)

    async def _make(self, name: str, blueprint: Blueprint, subject: Subject) -> None:
        async with self._lock(name):
            if await self._databases.fetchval("SELECT true FROM pg_catalog.pg_database WHERE datname = $1", name):
                return
            project = f"{Path.cwd()}: {subject.name}"
            await self._drop_superseded(name, project)
            unfinished = f"{name}_new"
            await self._databases.drop(unfinished)
            await _migrate(blueprint, await self._databases.create(unfinished), subject)
            quoted = quote_identifier(unfinished)
            await self._databases.execute(
                f"COMMENT ON DATABASE {quoted} IS {literal(project)}",
                f"ALTER DATABASE {quoted} ALLOW_CONNECTIONS false",
                f"ALTER DATABASE {quoted} RENAME TO {quote_identifier(name)}",
            )

    async def _drop_superseded(self, name: str, project: str) -> None:
        while older := await self._databases.fetchval(_SUPERSEDED, TEMPLATE_PREFIX, name, project):
            await self._databases.drop(older)
            # Where a session still works on a clone of it, its roles are left to whoever comes next.
            with suppress(asyncpg.PostgresError):
                await self._databases.drop(f"{older}_new", roles=role_prefix_of(older.removeprefix(TEMPLATE_PREFIX)))

    @asynccontextmanager
    async def _lock(self, name: str) -> AsyncGenerator[None]:
        key = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
        take = "SELECT pg_catalog.pg_try_advisory_lock($1)"
        while not await self._databases.fetchval(take, key):  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(_PAUSE)
        try:
            yield
        finally:
            await self._databases.fetchval("SELECT pg_catalog.pg_advisory_unlock($1)", key)


async def _migrate(blueprint: Blueprint, dsn: str, subject: Subject) -> None:
    container = blueprint.unmigrated(dsn, subject.role_prefix)
    plan = plan_start(cast("Any", container))
    async with migrating(container) as sets:
        result = await migrate(sets)
        open_managers = [manager for manager in plan.managers if manager.pool.is_open]
        await establish_roles([*sets, *open_managers], migrated=result.reports, revoke=True)

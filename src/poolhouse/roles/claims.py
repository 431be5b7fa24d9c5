"""What a container's parts claim for the roles of their services."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from poolhouse._core.identifiers import parse_qualified
from poolhouse._core.roles import Claim, merge, role_of
from poolhouse.migrations import MigrationSet
from poolhouse.migrations.access import SERVICE
from poolhouse.migrations.schemas import schemas_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from poolhouse.migrations import MigrationReport
    from poolhouse.pool import SharedPool
    from poolhouse.schema import SchemaManager


def by_pool(parts: Iterable[SchemaManager | MigrationSet]) -> dict[SharedPool, list[SchemaManager | MigrationSet]]:
    """Return the parts of each pool."""
    found: dict[SharedPool, list[SchemaManager | MigrationSet]] = {}
    for part in parts:
        found.setdefault(part.db.pool if isinstance(part, MigrationSet) else part.pool, []).append(part)
    return found


async def claims_on(
    pool: SharedPool, parts: Iterable[SchemaManager | MigrationSet], migrated: Sequence[MigrationReport]
) -> tuple[Claim, ...]:
    """Return what the parts of a pool claim, one claim for each service.

    A query of schemas is asked where `migrated` does not tell what it returned.
    """
    prefix = pool.settings.role_prefix
    return merge(chain.from_iterable([await _claims_of(part, migrated, prefix) for part in parts]))


async def _claims_of(
    part: SchemaManager | MigrationSet, migrated: Sequence[MigrationReport], prefix: str
) -> tuple[Claim, ...]:
    if isinstance(part, MigrationSet):
        return _claims(part.db, await _schemas(part, migrated), prefix)
    return _claims(part, (part.schema,), prefix)


async def _schemas(migrations: MigrationSet, migrated: Sequence[MigrationReport]) -> tuple[str, ...]:
    if isinstance(migrations.schemas, str):
        told = tuple(report.schema for report in migrated if report.module == migrations.module)
        if told:
            return told
    return await schemas_of(migrations)


def _claims(db: SchemaManager, schemas: Sequence[str], prefix: str) -> tuple[Claim, ...]:
    if db.service == SERVICE:
        return ()
    reads = tuple(map(parse_qualified, sorted(db.reads)))
    return (Claim(db.service, role_of(db.service, prefix), tuple(schemas), reads),)

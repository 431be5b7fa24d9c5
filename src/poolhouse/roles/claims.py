"""What a container's parts claim for the roles of their services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse._core.identifiers import parse_qualified
from poolhouse._core.roles import Claim, role_of
from poolhouse.migrations import MigrationSet
from poolhouse.migrations.access import SERVICE
from poolhouse.migrations.schemas import schemas_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poolhouse.migrations import MigrationReport
    from poolhouse.schema import SchemaManager


async def claims_of(
    part: SchemaManager | MigrationSet, migrated: Sequence[MigrationReport], prefix: str
) -> tuple[Claim, ...]:
    """Return what a part claims; a query of schemas is asked where `migrated` does not tell what it returned."""
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

"""From what the database and the files say to a plan for each schema, or to all their disagreements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from poolhouse._core.plan import plan_from_head, plan_from_ledger
from poolhouse.errors import MigrationDriftError, SchemaDroppedError
from poolhouse.migrations.faults import reading_denied, who
from poolhouse.migrations.ledger import Standing, forget, read_ledger, read_standings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Plan
    from poolhouse.errors import MigrationError
    from poolhouse.migrations.access import Session


async def plan_all(
    connection: Session, wanted: Sequence[LoadedMigrations], *, contract: bool = False
) -> dict[LoadedMigrations, Plan]:
    """Return a plan for each of `wanted`, in one statement where the heads alone tell it.

    Without `contract`, migrations of that phase are held.
    Raises MigrationDriftError with the disagreements of all of them, and MigrationPrivilegeError.
    """
    plans: dict[LoadedMigrations, Plan] = {}
    drift: list[MigrationError] = []
    try:
        for loaded, standing in zip(wanted, await _standings(connection, wanted), strict=True):
            try:
                plans[loaded] = await _plan(connection, loaded, standing, contract=contract)
            except MigrationDriftError as error:
                drift += error.violations
    except asyncpg.InsufficientPrivilegeError as error:
        role, _ = await who(connection)
        raise reading_denied(error, role=role) from None
    if drift:
        raise MigrationDriftError(drift)
    return plans


async def _standings(connection: Session, wanted: Sequence[LoadedMigrations]) -> Sequence[Standing]:
    try:
        return await read_standings(connection, wanted)
    except asyncpg.UndefinedTableError:
        # Nobody has migrated anything in this database yet.
        return [Standing(None, has_schema=False) for _ in wanted]


async def _plan(connection: Session, loaded: LoadedMigrations, standing: Standing, *, contract: bool) -> Plan:
    module, schema = loaded.module, loaded.schema
    if standing.head and not standing.has_schema:
        version = standing.head.version
        dropped = SchemaDroppedError(module=module, schema=schema, version=version, forget=forget(module, schema))
        raise MigrationDriftError([dropped])
    plan = plan_from_head(loaded, standing.head, contract=contract)
    if plan is not None:
        return plan
    return plan_from_ledger(loaded, *await read_ledger(connection, loaded), contract=contract)

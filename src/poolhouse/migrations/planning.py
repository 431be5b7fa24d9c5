"""From what the database and the files say to a plan for each schema, or to all their disagreements."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from poolhouse._core.plan import plan_from_head, plan_from_ledger
from poolhouse.errors import MigrationDriftError, SchemaDroppedError
from poolhouse.migrations.faults import reading_denied, who
from poolhouse.migrations.files import LEDGER
from poolhouse.migrations.ledger import Sought, Standing, forget, read_ledger, read_sought, read_standings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Plan
    from poolhouse.errors import MigrationError
    from poolhouse.migrations.access import Session
    from poolhouse.migrations.ledger import Named


async def plan_all(
    connection: Session,
    wanted: Sequence[LoadedMigrations],
    *,
    contract: bool = False,
    standings: Sequence[Standing] | None = None,
) -> dict[LoadedMigrations, Plan]:
    """Return a plan for each of `wanted`, in one statement where the heads alone tell it.

    Without `contract`, migrations of that phase are held. What `standings` say is not asked again.
    Raises MigrationDriftError with the disagreements of all of them, and MigrationPrivilegeError.
    """
    plans: dict[LoadedMigrations, Plan] = {}
    drift: list[MigrationError] = []
    if standings is None:
        standings = await standings_of(connection, wanted)
    async with reading(connection):
        for loaded, standing in zip(wanted, standings, strict=True):
            try:
                plans[loaded] = await _plan(connection, loaded, standing, contract=contract)
            except MigrationDriftError as error:
                drift += error.violations
    if drift:
        raise MigrationDriftError(drift)
    return plans


async def standings_of(connection: Session, wanted: Sequence[Named]) -> Sequence[Standing]:
    """Return where each of `wanted` stands, nowhere where there is no ledger; or raise MigrationPrivilegeError."""
    async with reading(connection):
        try:
            return await read_standings(connection, wanted)
        except asyncpg.UndefinedTableError:
            # Nobody has migrated anything in this database yet.
            return [Standing(None, has_schema=False) for _ in wanted]


async def sought_by(
    connection: Session, module: str, schemas: Sequence[str], folder_digest: bytes | None = None
) -> list[dict[str, Standing]]:
    """Return where the ledger stands, and then those of `schemas` that are not settled; else as `standings_of`."""
    wanted = [Sought(LEDGER, [LEDGER]), Sought(module, schemas, folder_digest)]
    async with reading(connection):
        try:
            return await read_sought(connection, wanted)
        except asyncpg.UndefinedTableError:
            return [dict.fromkeys(each.schemas, Standing(None, has_schema=False)) for each in wanted]


@asynccontextmanager
async def reading(connection: Session) -> AsyncGenerator[None]:
    """Raise MigrationPrivilegeError for a role that may not read the ledger."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        role, _ = await who(connection)
        raise reading_denied(error, role=role) from None


def dropped(loaded: LoadedMigrations, version: int) -> SchemaDroppedError:
    """Return the error for a schema that was at `version`, and is not there any more."""
    module, schema = loaded.module, loaded.schema
    return SchemaDroppedError(module=module, schema=schema, version=version, forget=forget(module, schema))


async def _plan(connection: Session, loaded: LoadedMigrations, standing: Standing, *, contract: bool) -> Plan:
    if standing.head and not standing.has_schema:
        raise MigrationDriftError([dropped(loaded, standing.head.version)])
    plan = plan_from_head(loaded, standing.head, contract=contract)
    if plan is not None:
        return plan
    return plan_from_ledger(loaded, *await read_ledger(connection, loaded), contract=contract)

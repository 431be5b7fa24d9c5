"""Schemas that stand alike, and so have the same to be done."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from poolhouse._core.plan import plan_from_head, plan_from_ledger
from poolhouse.errors import MigrationDriftError
from poolhouse.migrations.ledger import Standing, read_ledger
from poolhouse.migrations.planning import dropped, reading

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse._core.plan import Head, LedgerRow, Plan
    from poolhouse.errors import MigrationError
    from poolhouse.migrations.access import Session

_TOLD = 10  # schemas of each group whose drift is in an error: the same thousands of times helps nobody


@dataclass(frozen=True, slots=True)
class Group:
    """Schemas of a set with the same head; `rows` are those of the ledger, where the head alone does not tell."""

    loaded: LoadedMigrations = field(repr=False)
    schemas: tuple[str, ...]
    standing: Standing
    rows: tuple[LedgerRow, ...] | None = field(default=None, repr=False)

    def plan(self, *, contract: bool = False) -> Plan:
        """Return what is to be done for each of the schemas; MigrationDriftError with that of the first."""
        return self._plan(self.schemas[0], contract=contract)

    def drift(self, schema: str) -> tuple[MigrationError, ...]:
        """Return all in which files and database disagree about one of the schemas."""
        try:
            self._plan(schema, contract=False)
        except MigrationDriftError as error:
            return error.violations
        return ()

    def _plan(self, schema: str, *, contract: bool) -> Plan:
        loaded, head = replace(self.loaded, schema=schema), self.standing.head
        if head and not self.standing.has_schema:
            raise MigrationDriftError([dropped(loaded, head.version)])
        plan = plan_from_head(loaded, head, contract=contract)
        return plan or plan_from_ledger(loaded, head, self.rows or (), contract=contract)


async def groups_of(connection: Session, loaded: LoadedMigrations, standings: Mapping[str, Standing]) -> list[Group]:
    """Return the schemas that `standings` tell of by how they stand; one statement for each head that is strange."""
    alike: dict[Standing, list[str]] = defaultdict(list)
    for schema, (head, has_schema, _) in standings.items():
        alike[Standing(head, has_schema or head is None)].append(schema)
    async with reading(connection):
        return [
            group
            for standing, schemas in alike.items()
            async for group in _grouped(connection, loaded, standing, schemas)
        ]


def refuse_drift(groups: Sequence[Group]) -> None:
    """Raise MigrationDriftError with what is wrong with any of `groups`, for the first schemas of each."""
    drift = [fault for group in groups for schema in group.schemas[:_TOLD] for fault in group.drift(schema)]
    if drift:
        raise MigrationDriftError(drift)


async def _grouped(
    connection: Session, loaded: LoadedMigrations, standing: Standing, schemas: Sequence[str]
) -> AsyncGenerator[Group]:
    head: Head | None
    if not standing.has_schema or plan_from_head(loaded, standing.head) is not None:
        yield Group(loaded, tuple(schemas), standing)
        return
    for index, schema in enumerate(schemas):
        head, rows = await read_ledger(connection, replace(loaded, schema=schema))
        # A digest is of all that was applied, so what one schema has, others of the same head have too. What is half
        # done is not in it, and whoever is in the middle of a migration has another head by now.
        if head == standing.head and head is not None and not head.dirty:
            yield Group(loaded, tuple(schemas[index:]), standing, rows)
            return
        yield Group(loaded, (schema,), Standing(head, has_schema=True), rows)

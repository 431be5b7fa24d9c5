"""What happened to the schemas, as the ledger and its events tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import translated
from poolhouse.migrations.faults import reading_denied, who

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from poolhouse.migrations.access import Session
    from poolhouse.migrations.migration_set import MigrationSet
    from poolhouse.pool import SharedPool

# Without a schema, a module is meant in all that it ever had.
_CHOSEN = "(module, schema_name) IN (SELECT * FROM unnest($1::text[], $2::text[]))"
_EVER = f"({_CHOSEN} OR module = ANY ($3::text[]))"

_EVENTS = f"""
SELECT occurred_at, kind, module, schema_name AS schema, version, name, caused_by, detail
FROM poolhouse.event WHERE {_EVER} ORDER BY id DESC LIMIT $4
"""

_LEDGER = f"""
SELECT module, schema_name AS schema, version, name, state, steps_done, steps_total, started_at,
    finished_at - started_at AS took, applied_by, error
FROM poolhouse.ledger WHERE {_CHOSEN} ORDER BY started_at, id
"""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one migration: `kind` is apply, fail, repair or baseline."""

    occurred_at: datetime
    kind: str
    module: str
    schema: str
    version: int | None
    name: str
    caused_by: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """How one migration stands in one schema; `took` is None while it is half done."""

    module: str
    schema: str
    version: int | None
    name: str
    state: str
    steps_done: int
    steps_total: int
    started_at: datetime
    took: timedelta | None
    applied_by: str
    error: str | None


@dataclass(frozen=True, slots=True)
class History:
    """What happened, the oldest first."""

    events: tuple[Event, ...]
    ledger: tuple[LedgerEntry, ...]


async def history(sets: Sequence[MigrationSet], *, limit: int = 100) -> History:
    """Return the ledger of `sets` and their latest `limit` events; both empty where nothing was ever migrated.

    Of a set of many schemas, these are the events of all that it ever had, and the ledger of those that they name.
    Needs SELECT on poolhouse.ledger and poolhouse.event, and raises MigrationPrivilegeError without.
    """
    events: list[Event] = []
    ledger: list[LedgerEntry] = []
    by_pool: dict[SharedPool, list[MigrationSet]] = {}
    for each in sets:
        by_pool.setdefault(each.db.pool, []).append(each)
    for pool, together in by_pool.items():
        with translated():
            async with Access(pool).looking() as connection:
                found = await _read(connection, together, limit)
        events += found.events
        ledger += found.ledger
    return History(tuple(sorted(events, key=lambda event: event.occurred_at))[-limit:], tuple(ledger))


async def _read(connection: Session, sets: Sequence[MigrationSet], limit: int) -> History:
    single = [(each.module, each.db.schema) for each in sets if each.schemas is None]
    many = {each.module for each in sets if each.schemas is not None}
    try:
        events = await connection.fetch(_EVENTS, *_columns(single), sorted(many), limit)
        named = {(row["module"], row["schema"]) for row in events}
        ledger = await connection.fetch(_LEDGER, *_columns({*single, *named}))
    except asyncpg.UndefinedTableError:
        return History((), ())
    except asyncpg.InsufficientPrivilegeError as error:
        role, _ = await who(connection)
        raise reading_denied(error, role=role) from None
    return History(
        tuple(Event(**dict(row)) for row in reversed(events)), tuple(LedgerEntry(**dict(row)) for row in ledger)
    )


def _columns(chosen: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    pairs = [*chosen]
    return [module for module, _ in pairs], [schema for _, schema in pairs]

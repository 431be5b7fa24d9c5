"""`poolhouse migrations history`."""

from datetime import timedelta
from typing import Annotated

import typer

from poolhouse.cli.answer import Answer, Table
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import Modules, migrations
from poolhouse.cli.migrations.schemas import Schemas, in_schemas
from poolhouse.cli.verb import verb
from poolhouse.migrations.history import Event, History, LedgerEntry
from poolhouse.migrations.history import history as history_of

Limit = Annotated[int, typer.Option(min=1, metavar="NUMBER", help="How many of the latest events.")]


@verb(
    migrations,
    examples=[
        "poolhouse migrations history",
        "poolhouse migrations history users --limit 10 --json",
        "poolhouse migrations history tenants --schema tenant_7",
    ],
    json="{events: [{occurred_at, kind, module, schema, version, name, by, detail}], ledger: [{module, schema, "
    "version, name, state, steps_done, steps_total, started_at, seconds, by, error}]}; version is null for "
    "repeatable migrations",
)
async def history(
    application: Application, modules: Modules = None, *, schemas: Schemas = None, limit: Limit = 50
) -> Answer:
    """Show what happened to the schemas, the latest last.

    Applied, failed, repaired, baselined: when, by which role, and how long it took. The JSON has the whole ledger too,
    of a module with many schemas for those that are shown.
    """
    async with application.migrating(modules or ()) as sets:
        found = await history_of(await in_schemas(sets, schemas), limit=limit)
    data = {
        "events": [_described_event(each) for each in found.events],
        "ledger": [_described_entry(each) for each in found.ledger],
    }
    if not found.events:
        return Answer(data, ("Nothing has happened yet.",))
    return Answer(data, (Table(("WHEN", "MODULE", "SCHEMA", "MIGRATION", "WHAT", "BY", "DETAIL"), _rows(found)),))


def _rows(found: History) -> tuple[tuple[str, ...], ...]:
    took = {(each.module, each.schema, each.version, each.name): each.took for each in found.ledger}
    return tuple(
        (
            f"{each.occurred_at:%Y-%m-%d %H:%M:%S%z}",
            each.module,
            each.schema,
            f"R_{each.name}" if each.version is None else f"{each.version:04}_{each.name}",
            each.kind,
            each.caused_by,
            each.detail or _duration(took.get((each.module, each.schema, each.version, each.name)), each.kind),
        )
        for each in found.events
    )


def _duration(took: timedelta | None, kind: str) -> str:
    return f"took {took.total_seconds():.3f} s" if took is not None and kind == "apply" else ""


def _described_event(event: Event) -> dict[str, object]:
    return {
        "occurred_at": event.occurred_at.isoformat(),
        "kind": event.kind,
        "module": event.module,
        "schema": event.schema,
        "version": event.version,
        "name": event.name,
        "by": event.caused_by,
        "detail": event.detail,
    }


def _described_entry(entry: LedgerEntry) -> dict[str, object]:
    return {
        "module": entry.module,
        "schema": entry.schema,
        "version": entry.version,
        "name": entry.name,
        "state": entry.state,
        "steps_done": entry.steps_done,
        "steps_total": entry.steps_total,
        "started_at": entry.started_at.isoformat(),
        "seconds": None if entry.took is None else entry.took.total_seconds(),
        "by": entry.applied_by,
        "error": entry.error,
    }

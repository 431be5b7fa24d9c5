"""`poolhouse migrations unlock`."""

from typing import Annotated

import typer

from poolhouse.cli.answer import Answer, Table
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import Modules, migrations
from poolhouse.cli.migrations.schemas import Schemas, in_schemas
from poolhouse.cli.screen import confirms
from poolhouse.cli.verb import verb
from poolhouse.migrations.locks import LockHolder, end_session, lock_holders

IsSure = Annotated[bool, typer.Option("--yes", help="End the sessions without asking.")]

_KEPT, _ENDED, _GONE = "left alone", "ended", "gone by itself"


@verb(
    migrations,
    examples=[
        "poolhouse migrations unlock",
        "poolhouse migrations unlock users --yes",
        "poolhouse migrations unlock tenants --schema tenant_7",
    ],
    json="{holders: [{module, schema, pid, application, role, state, since, outcome}]}; outcome is "
    f"'{_ENDED}', '{_KEPT}' or '{_GONE}'",
)
async def unlock(
    application: Application, modules: Modules = None, *, schemas: Schemas = None, is_sure: IsSure = False
) -> Answer:
    """Show which sessions hold the locks of migrations, and end them when you say so.

    A process that is killed lets its lock go by itself within seconds. What a session has not committed is rolled back
    when it is ended; a migration outside of transactions stays half done, and status names it.
    """
    async with application.migrating(modules or ()) as sets:
        holders = await lock_holders(await in_schemas(sets, schemas))
        found = [(each, await _decided(each, is_sure=is_sure)) for each in holders]
    data = {"holders": [_described(holder, outcome) for holder, outcome in found]}
    if not found:
        return Answer(data, ("Nobody holds a lock of these migrations.",))
    rows = tuple((*_cells(holder), outcome) for holder, outcome in found)
    headings = ("MODULE", "SCHEMA", "PID", "APPLICATION", "ROLE", "STATE", "SINCE", "OUTCOME")
    return Answer(data, (Table(headings, rows),))


async def _decided(holder: LockHolder, *, is_sure: bool) -> str:
    if not is_sure:
        module, schema, pid, *more = _cells(holder)
        application, role, state, since = more
        said = f"application {application!r}, role {role}, {state} since {since}"
        if not confirms(f"{module}, schema {schema}: process {pid} ({said}). End it?"):
            return _KEPT
    return _ENDED if await end_session(holder) else _GONE


def _cells(holder: LockHolder) -> tuple[str, ...]:
    since = "?" if holder.since is None else f"{holder.since:%Y-%m-%d %H:%M:%S%z}"
    # Another role's session hides its state and its times from those without pg_read_all_stats.
    hidden = "not to be seen"
    names = (holder.module, holder.schema, str(holder.pid), holder.application)
    return (*names, holder.role or hidden, holder.state or hidden, since)


def _described(holder: LockHolder, outcome: str) -> dict[str, object]:
    return {
        "module": holder.module,
        "schema": holder.schema,
        "pid": holder.pid,
        "application": holder.application,
        "role": holder.role,
        "state": holder.state,
        "since": None if holder.since is None else holder.since.isoformat(),
        "outcome": outcome,
    }

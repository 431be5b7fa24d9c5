"""`poolhouse migrations status`."""

from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import replace

from poolhouse._core.commands import repair_command
from poolhouse._core.listing import some_of
from poolhouse.cli.answer import Answer, ExitCode, Table
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import HasExitCode, Modules, migrations
from poolhouse.cli.migrations.schemas import Schemas, in_schemas
from poolhouse.cli.verb import verb
from poolhouse.errors import ModifiedMigrationError
from poolhouse.migrations.status import MigrationState, MigrationStatus
from poolhouse.migrations.status import status as status_of

_FINE = {MigrationState.UP_TO_DATE, MigrationState.AHEAD}


@verb(
    migrations,
    examples=[
        "poolhouse migrations status",
        "poolhouse migrations status users --json --exit-code",
        "poolhouse migrations status tenants --schema tenant_7",
    ],
    json="{modules: [{module, schema, directory, state, version, pending, held, ahead, half_done, drift}]}; state is "
    "'up to date', 'pending', 'half done', 'ahead', 'drift' or 'unknown', and drift are messages",
)
async def status(
    application: Application,
    modules: Modules = None,
    *,
    schemas: Schemas = None,
    exit_code: HasExitCode = False,
) -> Answer:
    """Say how the schemas stand, compared with the files.

    Nothing is changed and no lock is taken, so it can be asked at any time. Contract migrations are held until `up
    --contract`, and do not count as pending. Where a module has many schemas, those that stand alike share a line;
    the JSON has all.
    """
    async with application.migrating(modules or ()) as sets:
        chosen = await in_schemas(sets, schemas)
        found = await status_of(chosen)
    groups = _alike(found, {each.module for each in chosen if each.schemas is not None})
    empty = [each for each in chosen if each.schemas is not None and each.module not in {each.module for each in found}]
    rows = (*(_row(group) for group in groups), *((each.module, "0 schemas", "-", "", "") for each in empty))
    table = Table(("MODULE", "SCHEMA", "VERSION", "STATE", "DETAIL"), rows)
    drift = tuple(line for group in groups for line in _drift(group))
    code = ExitCode.PENDING if exit_code and any(each.state not in _FINE for each in found) else ExitCode.FINE
    return Answer({"modules": [_described(each) for each in found]}, (table, *drift), code)


def _alike(found: Sequence[MigrationStatus], many: Collection[str]) -> list[list[MigrationStatus]]:
    """Return what there is to show: schemas of modules that have many together where they stand alike."""
    groups: dict[Hashable, list[MigrationStatus]] = {}
    for each in found:
        drift = tuple((type(fault), getattr(fault, "version", None)) for fault in each.drift)
        schema = None if each.module in many else each.schema
        groups.setdefault((replace(each, schema="", drift=()), schema, drift), []).append(each)
    return [*groups.values()]


def _row(group: Sequence[MigrationStatus]) -> tuple[str, ...]:
    first = group[0]
    schemas = "not known yet" if first.unknown else some_of([each.schema for each in group])
    return first.module, schemas, _version(first), first.state, _detail(first)


def _drift(group: Sequence[MigrationStatus]) -> Iterator[str]:
    yield from map(str, group[0].drift)
    if group[0].drift and len(group) > 1:
        others = some_of([each.schema for each in group[1:]])
        yield f"The same in {others}."
        for fault in group[0].drift:
            if isinstance(fault, ModifiedMigrationError):
                command = repair_command("accept-checksum", module=fault.module, version=fault.version, schema=None)
                yield f"To accept it in all schemas: {command}"


def _version(status: MigrationStatus) -> str:
    return "-" if status.version is None else f"{status.version:04}"


def _detail(status: MigrationStatus) -> str:
    if status.unknown:
        return status.unknown
    if status.drift:
        return f"{len(status.drift)} to be mended, see below"
    said = {
        "half done": (status.half_done,) if status.half_done else (),
        "pending": [name for name in status.pending if name != status.half_done],
        "held": status.held,
        "not in the files": [f"{version:04}" for version in status.ahead],
    }
    return "; ".join(f"{word}: {', '.join(names)}" for word, names in said.items() if names)


def _described(status: MigrationStatus) -> dict[str, object]:
    return {
        "module": status.module,
        "schema": status.schema,
        "directory": status.directory,
        "state": status.state,
        "version": status.version,
        "pending": list(status.pending),
        "held": list(status.held),
        "ahead": list(status.ahead),
        "half_done": status.half_done,
        "drift": [str(fault) for fault in status.drift],
    }

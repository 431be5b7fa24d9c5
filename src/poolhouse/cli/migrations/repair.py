"""`poolhouse migrations repair`."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Annotated, NamedTuple, Protocol

import typer

from poolhouse._core.commands import REPAIRS
from poolhouse._core.listing import some_of
from poolhouse.cli.answer import Answer, ExitCode
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import Timeout, complete_modules, migrations
from poolhouse.cli.migrations.schemas import AllSchemas, Schemas, in_each_schema, refuse_both
from poolhouse.cli.verb import verb
from poolhouse.errors import CommandError, MigrationError, ModifiedMigrationError, PoolhouseError
from poolhouse.migrations import MigrationSet
from poolhouse.migrations import repair as repairs
from poolhouse.migrations.status import status as status_of

_TOLD = 5  # errors of schemas in one message

Migration = Annotated[
    str,
    typer.Argument(metavar="MODULE/VERSION", help="The migration, such as users/7.", autocompletion=complete_modules),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Half done: run the interrupted statement again, and then the rest.")
]
MarkApplied = Annotated[bool, typer.Option("--mark-applied", help="Half done: you have finished it by hand.")]
MarkRolledBack = Annotated[bool, typer.Option("--mark-rolled-back", help="Half done: you have undone it by hand.")]
AcceptChecksum = Annotated[
    bool, typer.Option("--accept-checksum", help="Its file was changed, and the schema is as the file says now.")
]


class _Act(Protocol):
    def __call__(self, migrations: MigrationSet, version: int, *, timeout: float | None) -> Awaitable[object]: ...


class _Repair(NamedTuple):
    act: _Act
    done: str


_REPAIRS = {
    "resume": _Repair(repairs.resume, "is applied now"),
    "mark-applied": _Repair(repairs.mark_applied, "is recorded as applied"),
    "mark-rolled-back": _Repair(repairs.mark_rolled_back, "is pending from its beginning"),
    "accept-checksum": _Repair(repairs.accept_checksum, "is accepted as its file is now"),
}


@verb(
    migrations,
    examples=[
        "poolhouse migrations repair users/7 --resume",
        "poolhouse migrations repair users/7 --schema users --accept-checksum",
        "poolhouse migrations repair tenants/7 --schema tenant_1 --schema tenant_2 --mark-applied",
        "poolhouse migrations repair tenants/7 --all-schemas --accept-checksum",
    ],
    json="{module, schema, version, repair}; with several schemas, they are in schemas instead, and failures are "
    "[{schema, kind, message}]",
)
async def repair(  # noqa: PLR0913 - each decision is an option
    application: Application,
    migration: Migration,
    *,
    schemas: Schemas = None,
    is_all: AllSchemas = False,
    resume: Resume = False,
    mark_applied: MarkApplied = False,
    mark_rolled_back: MarkRolledBack = False,
    accept_checksum: AcceptChecksum = False,
    timeout: Timeout = None,
) -> Answer:
    """Say how a migration goes on that is half done, or whose file was changed.

    An error that needs such a decision names the commands to choose from. Each is recorded as an event, and refused
    where the migration is not in need of it. --all-schemas is for --accept-checksum: it accepts the file in every
    schema of the module where it was applied otherwise, and can be said again.
    """
    said = dict(zip(REPAIRS, (resume, mark_applied, mark_rolled_back, accept_checksum), strict=True))
    wanted = [name for name, is_said in said.items() if is_said]
    if len(wanted) != 1:
        fact = "there is no repair without a decision" if not wanted else "there can be one decision only"
        raise CommandError(fact, remedy=f"Say one of {', '.join(f'--{name}' for name in REPAIRS)}")
    refuse_both(schemas, is_all=is_all)
    if is_all and wanted != ["accept-checksum"]:
        raise CommandError(f"--{wanted[0]} is decided schema by schema", remedy="Name the schemas with --schema NAME")
    module, version = _parsed(migration)
    async with application.migrating([module]) as sets:
        if is_all:
            chosen = await _changed(sets, version)
        else:
            chosen = _one(await in_each_schema(sets, schemas, can_all=accept_checksum), schemas)
        failures: dict[str, PoolhouseError] = {}
        for each in chosen:
            try:
                await _REPAIRS[wanted[0]].act(each, version, timeout=timeout)
            except MigrationError as error:
                if len(chosen) == 1:
                    raise
                failures[each.db.schema] = error
    done = [each.db.schema for each in chosen if each.db.schema not in failures]
    return _answer(module, version, wanted[0], done, failures)


def _answer(
    module: str, version: int, repair: str, schemas: Sequence[str], failures: Mapping[str, PoolhouseError]
) -> Answer:
    about = {"module": module, "version": version, "repair": repair}
    if len(schemas) == 1 and not failures:
        done = f"{module}/{version:04} {_REPAIRS[repair].done} in schema {schemas[0]!r}."
        return Answer({**about, "schema": schemas[0]}, (done,))
    told = [{"schema": schema, "kind": type(each).__name__, "message": str(each)} for schema, each in failures.items()]
    data = {**about, "schemas": list(schemas), "failures": told}
    done = f"{module}/{version:04} {_REPAIRS[repair].done} in {some_of(schemas)}."
    if not failures:
        return Answer(data, (done if schemas else f"No schema is in need of it: {module}/{version:04}.",))
    first = "".join(f"\n  - {each}" for each in [*failures.values()][:_TOLD])
    more = f"\n  and {len(failures) - _TOLD} more" if len(failures) > _TOLD else ""
    error = f"{len(failures)} of {len(failures) + len(schemas)} schemas could not be repaired:{first}{more}"
    return Answer(data, (done,) if schemas else (), ExitCode.FAILED, error)


async def _changed(sets: Sequence[MigrationSet], version: int) -> tuple[MigrationSet, ...]:
    """Return a set for each schema in which the file was applied otherwise than it is now."""
    return tuple(
        [
            one if one.schemas is None else one.for_schema(each.schema)
            for one in sets
            for each in await status_of([one])
            if any(isinstance(fault, ModifiedMigrationError) and fault.version == version for fault in each.drift)
        ]
    )


def _one(sets: tuple[MigrationSet, ...], names: Sequence[str] | None) -> tuple[MigrationSet, ...]:
    if len(sets) > 1 and not names:
        remedy = f"Say one with --schema: {', '.join(each.db.schema for each in sets)}"
        raise CommandError("the module has several schemas", remedy=remedy)
    return sets


def _parsed(migration: str) -> tuple[str, int]:
    module, slash, version = migration.rpartition("/")
    if not slash or not module or not (version.isascii() and version.isdecimal()):
        raise CommandError(f"{migration!r} names no migration", remedy="Write it as MODULE/VERSION, as in users/7")
    return module, int(version)

"""`poolhouse migrations repair`."""

from collections.abc import Awaitable
from typing import Annotated, NamedTuple, Protocol

import typer

from poolhouse._core.commands import REPAIRS
from poolhouse.cli.answer import Answer
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import Timeout, complete_modules, migrations
from poolhouse.cli.verb import verb
from poolhouse.errors import CommandError
from poolhouse.migrations import MigrationSet
from poolhouse.migrations import repair as repairs

Migration = Annotated[
    str,
    typer.Argument(metavar="MODULE/VERSION", help="The migration, such as users/7.", autocompletion=complete_modules),
]
Schema = Annotated[str | None, typer.Option(help="In which schema; needed where the module has several.")]
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
    ],
    json="{module, schema, version, repair}",
)
async def repair(
    application: Application,
    migration: Migration,
    *,
    schema: Schema = None,
    resume: Resume = False,
    mark_applied: MarkApplied = False,
    mark_rolled_back: MarkRolledBack = False,
    accept_checksum: AcceptChecksum = False,
    timeout: Timeout = None,
) -> Answer:
    """Say how a migration goes on that is half done, or whose file was changed.

    An error that needs such a decision names the commands to choose from. Each is recorded as an event, and refused
    where the migration is not in need of it.
    """
    said = dict(zip(REPAIRS, (resume, mark_applied, mark_rolled_back, accept_checksum), strict=True))
    wanted = [name for name, is_said in said.items() if is_said]
    if len(wanted) != 1:
        fact = "there is no repair without a decision" if not wanted else "there can be one decision only"
        raise CommandError(fact, remedy=f"Say one of {', '.join(f'--{name}' for name in REPAIRS)}")
    module, version = _parsed(migration)
    async with application.migrating([module]) as sets:
        chosen = _in_schema(sets, schema)
        await _REPAIRS[wanted[0]].act(chosen, version, timeout=timeout)
    data = {"module": module, "schema": chosen.db.schema, "version": version, "repair": wanted[0]}
    return Answer(data, (f"{module}/{version:04} {_REPAIRS[wanted[0]].done} in schema {chosen.db.schema!r}.",))


def _parsed(migration: str) -> tuple[str, int]:
    module, slash, version = migration.rpartition("/")
    if not slash or not module or not (version.isascii() and version.isdecimal()):
        raise CommandError(f"{migration!r} names no migration", remedy="Write it as MODULE/VERSION, as in users/7")
    return module, int(version)


def _in_schema(sets: tuple[MigrationSet, ...], schema: str | None) -> MigrationSet:
    schemas = {each.db.schema: each for each in sets}
    if schema is None and len(sets) == 1:
        return sets[0]
    if schema not in schemas:
        fact = "the module has several schemas" if schema is None else f"the module is not in a schema {schema!r}"
        raise CommandError(fact, remedy=f"Say one with --schema: {', '.join(schemas)}")
    return schemas[schema]

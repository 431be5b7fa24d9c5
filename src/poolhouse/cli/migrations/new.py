"""`poolhouse migrations new`."""

from pathlib import Path
from typing import Annotated

import typer

from poolhouse.cli.answer import Answer
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import complete_modules, migrations
from poolhouse.cli.verb import verb
from poolhouse.errors import CommandError
from poolhouse.migrations.writing import write_migration

Module = Annotated[
    str | None,
    typer.Option(help="Whose migration it is; needed where there are several.", autocompletion=complete_modules),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What it does, such as add_status.")]
IsRepeatable = Annotated[bool, typer.Option("--repeatable", help="Write R_NAME.sql, which is run whenever it changed.")]


@verb(
    migrations,
    examples=["poolhouse migrations new add_status --module orders"],
    json="{module, file}",
)
async def new(
    application: Application, name: Name, module: Module = None, *, is_repeatable: IsRepeatable = False
) -> Answer:
    """Write an empty migration, without a database.

    It gets the next number, written as the others in its folder: with as many digits, or as the time in UTC where
    they are times. An existing file is never overwritten.
    """
    directories = _directories(application)
    if module is None:
        if len(directories) > 1:
            remedy = f"Say one with --module: {', '.join(directories)}"
            raise CommandError("there are several modules to write a migration for", remedy=remedy)
        module = next(iter(directories))
    application.sets([module])
    file = write_migration(directories[module], name, is_repeatable=is_repeatable)
    return Answer({"module": module, "file": str(file)}, (f"Wrote {file}",))


def _directories(application: Application) -> dict[str, Path]:
    return {each.module: each.directory for each in application.sets()}

"""The group that all verbs about migrations belong to, and what they share."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from poolhouse.cli.application import Application
from poolhouse.errors import CommandError
from poolhouse.migrations import MigrationSet

migrations = typer.Typer(
    name="migrations",
    help="Look at the migrations of an application's services, apply them, mend them, and write new ones.",
    epilog="Exit codes: 0 fine, 1 pending or drift (only with --exit-code), 2 usage, 3 failed, 130 interrupted.\n\n"
    "The application is what \\[tool.poolhouse] of the nearest pyproject.toml upwards names.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


def complete_modules(incomplete: str) -> Iterator[str]:
    """Yield the names of modules that begin with `incomplete`; nothing where the application cannot be loaded."""
    try:
        modules = {each.module for each in Application().sets()}
    except (Exception, SystemExit):  # noqa: BLE001 - a shell that completes is no place for errors
        return
    yield from sorted(module for module in modules if module.startswith(incomplete))


def chosen_up_to(sets: Sequence[MigrationSet], version: int) -> tuple[MigrationSet, ...]:
    """Return the sets of one module without what is above `version`; CommandError where that cannot be meant."""
    if len({each.module for each in sets}) > 1:
        raise CommandError("--to needs one module", remedy="Name it, as in: poolhouse migrations up MODULE --to 7")
    files = {file.version: file.filename for file in sets[0].load().files}
    if version not in files:
        fact = f"{sets[0].directory} has no version {version}"
        raise CommandError(fact, remedy=f"It has {', '.join(files.values())}")
    return tuple(each.up_to(version) for each in sets)


Modules = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODULE",
        help="Modules of migrations, usually named as their services; all by default.",
        autocompletion=complete_modules,
    ),
]
HasExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when something is pending or differs.")]
HasContract = Annotated[
    bool, typer.Option("--contract", help="Migrations of phase contract too, which are held otherwise.")
]
Timeout = Annotated[
    float | None,
    typer.Option(min=0, metavar="SECONDS", help="How long to wait for others who migrate; as in the settings else."),
]

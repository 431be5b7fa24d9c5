"""The group that all verbs about migrations belong to, and what they share."""

from collections.abc import Iterator
from typing import Annotated

import typer

from poolhouse.cli.application import Application

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

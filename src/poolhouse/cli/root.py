"""The command `poolhouse` and what it consists of."""

from __future__ import annotations

from typing import Annotated

import typer

from poolhouse.cli.answer import ExitCode
from poolhouse.cli.migrations import migrations
from poolhouse.cli.screen import say, warn

root = typer.Typer(
    name="poolhouse",
    help="Modular monoliths on PostgreSQL.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
root.add_typer(migrations)


@root.callback()
def _root(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version, and exit.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed  # noqa: PLC0415 - slow to import, and seldom wanted

        say(f"poolhouse {installed('poolhouse')}")
        raise typer.Exit


def run() -> int:
    """Run the command line, and return the exit code."""
    try:
        root(prog_name="poolhouse")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.FINE
    except KeyboardInterrupt:
        warn("Interrupted.")
        return ExitCode.INTERRUPTED
    return ExitCode.FINE

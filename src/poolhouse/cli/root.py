"""The command `poolhouse` and what it consists of."""

from __future__ import annotations

from importlib.metadata import version as installed
from typing import Annotated

import typer

from poolhouse.cli import add, check, config, dev, doctor, graph, new, psql, shell
from poolhouse.cli.answer import ExitCode
from poolhouse.cli.migrations import migrations
from poolhouse.cli.roles import roles
from poolhouse.cli.screen import say, warn

root = typer.Typer(
    name="poolhouse",
    help="Modular monoliths on PostgreSQL.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
root.add_typer(migrations)
root.add_typer(roles)
root.add_typer(add.group)
# Without a name, their commands become the root's own.
root.add_typer(check.group)
root.add_typer(config.group)
root.add_typer(dev.group)
root.add_typer(doctor.group)
root.add_typer(graph.group)
root.add_typer(new.group)
root.add_typer(psql.group)
root.add_typer(shell.group)


def _print_version(is_asked: bool) -> None:  # noqa: FBT001 - typer calls it
    if is_asked:
        say(f"poolhouse {installed('poolhouse')}")
        raise typer.Exit


@root.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version, and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


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

"""`poolhouse shell`."""

import asyncio
import signal
from contextlib import suppress
from typing import Annotated, Any, cast

import typer

from poolhouse.cli.answer import Answer
from poolhouse.cli.application import Application
from poolhouse.cli.console import Console, Terminated, finish, loop_in_a_thread
from poolhouse.cli.screen import interruptible
from poolhouse.cli.verb import verb
from poolhouse.container import Container
from poolhouse.container.graph import named
from poolhouse.embedded.joining import joining

group = typer.Typer()

Command = Annotated[str | None, typer.Option("--command", "-c", metavar="CODE", help="Run this line, and exit.")]

_SERVICE = ".service"


@verb(
    group,
    examples=["poolhouse shell", 'poolhouse shell -c "await users.get(1)"'],
    json="{names} that the shell had, besides what it printed",
)
async def shell(application: Application, *, command: Command = None) -> Answer:
    """Open a Python shell in the started application, where `await` works at the prompt.

    The container is `application`, and what its containers provide as `service` has their names, such as `users`. An
    embedded PostgreSQL runs for the time of the shell, or is the one that the application runs on at the moment. What
    the application does in the background goes on while you type.

    It is Python's own console, with completion by Tab. IPython is not used, even where it is installed: its event loop
    stands still between two statements, and with it the pool and all background tasks would.

    Exit codes: 0 left, 2 usage, 3 it does not start, or the line fails, 130 interrupted, 143 terminated.
    """
    container = application.container
    signal.signal(signal.SIGTERM, _terminate)
    try:
        names = _converse(container, command)
    except Terminated:
        raise asyncio.CancelledError from None
    return Answer({"names": sorted(names)})


def _converse(container: Container, command: str | None) -> dict[str, Any]:
    with interruptible(), joining(), loop_in_a_thread() as loop:
        finish(loop, container.init_resources())
        try:
            names = _names(container)
            console = Console({"__name__": "__console__", "__doc__": None, "asyncio": asyncio, **names}, loop)
            if command is not None:
                console.evaluate(command)
            else:
                console.converse(f"poolhouse: {', '.join(sorted(names))}; await works, exit() leaves.")
        finally:
            finish(loop, container.shutdown_resources())
    return names


def _terminate(*_: object) -> None:
    # The loop that the command line runs does not look at signals while the shell reads.
    raise Terminated


def _names(container: Container) -> dict[str, Any]:
    names: dict[str, Any] = {"application": container}
    for name, provider in named(cast("Any", container)):
        if name.endswith(_SERVICE) and name.count(".") == 1:
            # One that needs arguments is made by whoever has them.
            with suppress(TypeError):
                names[name.removesuffix(_SERVICE)] = provider()
    return names

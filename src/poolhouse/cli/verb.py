"""Verbs: coroutines that answer, made commands with the options that all of them have.

Their modules do without `from __future__ import annotations`, since typer has to see the annotations themselves.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from poolhouse.cli.application import Application
from poolhouse.cli.running import run

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from poolhouse.cli.answer import Answer

VerbT = TypeVar("VerbT", bound="Callable[..., Coroutine[Any, Any, Answer]]")

_COMMON = {
    "container": Annotated[
        str | None,
        typer.Option(metavar="MODULE:CLASS", help="The application's container, instead of what pyproject.toml says."),
    ],
    "settings": Annotated[
        str | None,
        typer.Option(metavar="MODULE:CLASS", help="The application's settings, instead of what pyproject.toml says."),
    ],
    "as_json": Annotated[bool, typer.Option("--json", help="Print JSON, also of an error.")],
}


def verb(group: typer.Typer, *, examples: Sequence[str], json: str) -> Callable[[VerbT], VerbT]:
    """Make a coroutine a command of `group`, under its own name.

    It gets the application and what its own parameters say. `json` describes the keys of what `--json` prints.
    """

    def register(function: VerbT) -> VerbT:
        epilog = "\n\n".join((*(f"Example: {each}" for each in examples), f"JSON: {json}"))
        group.command(function.__name__, epilog=epilog)(_command(function))
        return function

    return register


def _command(function: Callable[..., Coroutine[Any, Any, Answer]]) -> Callable[..., None]:
    own = list(inspect.signature(function).parameters.values())[1:]
    common = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=False if name == "as_json" else None, annotation=annotation
        )
        for name, annotation in _COMMON.items()
    ]

    def command(*, container: str | None, settings: str | None, as_json: bool, **values: Any) -> None:
        application = Application(container=container, settings=settings)
        raise typer.Exit(run(function(application, **values), as_json=as_json))

    # typer reads the parameters from these.
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *common)]
    paragraphs = (inspect.getdoc(function) or "").split("\n\n")
    command.__doc__ = "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # functions may have one
    return command

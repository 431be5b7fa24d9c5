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

    It gets what its own parameters say, and where the first of them asks for it the application, which `--container`
    and `--settings` then name. `json` describes the keys of what `--json` prints.
    """

    def register(function: VerbT) -> VerbT:
        epilog = "\n\n".join((*(f"Example: {each}" for each in examples), f"JSON: {json}"))
        group.command(function.__name__, epilog=epilog)(_command(function))
        return function

    return register


def _command(function: Callable[..., Coroutine[Any, Any, Answer]]) -> Callable[..., None]:
    own = list(inspect.signature(function).parameters.values())
    is_about_one = own[:1] != [] and own[0].annotation is Application
    asked = _COMMON if is_about_one else {"as_json": _COMMON["as_json"]}
    common = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=False if name == "as_json" else None, annotation=annotation
        )
        for name, annotation in asked.items()
    ]

    def command(
        *, container: str | None = None, settings: str | None = None, as_json: bool = False, **values: Any
    ) -> None:
        given = [Application(container=container, settings=settings)] if is_about_one else []
        raise typer.Exit(run(function(*given, **values), as_json=as_json))

    # typer reads the parameters from these.
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own[is_about_one:], *common)]
    paragraphs = (inspect.getdoc(function) or "").split("\n\n")
    command.__doc__ = "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # functions may have one
    return command

"""`poolhouse check`."""

from typing import Annotated, Any, cast

import typer

from poolhouse.cli.answer import Answer, ExitCode
from poolhouse.cli.application import Application
from poolhouse.cli.verb import verb
from poolhouse.errors import ProviderError

group = typer.Typer()

HasExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when something may be wrong.")]


@verb(
    group,
    examples=["poolhouse check", "poolhouse check --json --exit-code"],
    json="{container, routers, doubts: [{place, path, fact, remedy}]}; where something is wrong, {error: {kind, "
    "message, violations}}",
)
async def check(application: Application, *, exit_code: HasExitCode = False) -> Answer:
    r"""Check how the application is wired, without a database and without opening anything.

    Dependencies that nothing fills, circles, arguments and types that do not fit, what has to be awaited, schemas and
    modules that two services have, pools that nothing opens, migration files, and what the routers are to be injected
    with, where \[tool.poolhouse] names them: `routers = "app.main:routers"`. All of it is told at once, each with its
    file and line, and a remedy.

    Exit codes: 0 nothing is wrong, 1 something may be (only with --exit-code), 2 something is wrong, 130 interrupted.
    """
    container = application.container
    routers = application.routers
    doubts = container.validate(*routers)
    data = {
        "container": cast("Any", container).parent_name,
        "routers": len(routers),
        "doubts": [_described(each) for each in doubts],
    }
    said = "Nothing is wrong with the wiring." if not doubts else "Nothing is wrong; but see whether this is meant:"
    code = ExitCode.PENDING if exit_code and doubts else ExitCode.FINE
    return Answer(data, (said, *(f"  - {each}" for each in doubts)), code)


def _described(doubt: ProviderError) -> dict[str, object]:
    return {"place": doubt.place, "path": [*doubt.path], "fact": doubt.fact, "remedy": doubt.remedy}

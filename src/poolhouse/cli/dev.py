"""`poolhouse dev`."""

import typer

from poolhouse._core.extras import needing
from poolhouse.cli.answer import Answer
from poolhouse.cli.application import Application
from poolhouse.cli.verb import verb
from poolhouse.errors import CommandError

group = typer.Typer()


@verb(
    group,
    examples=["poolhouse dev"],
    json="{starts}, how often the application was started, when it is over",
)
async def dev(application: Application) -> Answer:
    r"""Run the application, and anew after each change of its code, migrations or settings, until Ctrl-C.

    It is what `main` of \[tool.poolhouse] names: a function that runs it, such as `main = "app.main:main"`. An embedded
    PostgreSQL stays through all of that. New migrations are applied with the next start. One that fails is told with
    its file and line, as is anything else that keeps the application from running. The next change of any of its files
    starts it again; so does Enter, where the cause was in no file, such as a port that was taken.

    Exit codes: 0 stopped, 2 usage.
    """
    with needing("watchfiles", extra="cli"):
        from poolhouse.cli.reloading import Reloading  # noqa: PLC0415 - what it imports takes its time

    project = application.project
    if project.main is None:
        fact = "pyproject.toml does not name what runs the application"
        raise CommandError(fact, remedy='Add main = "app.main:main" to [tool.poolhouse]')
    starts = await Reloading(project, **application.said).run()
    return Answer({"starts": starts})

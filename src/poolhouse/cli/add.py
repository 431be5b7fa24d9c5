"""`poolhouse add …`."""

from typing import Annotated

import typer

from poolhouse.cli.answer import Answer
from poolhouse.cli.application import Application
from poolhouse.cli.scaffold.naming import Names, check_service_name, singular
from poolhouse.cli.scaffold.sources import Sources
from poolhouse.cli.services import complete_services
from poolhouse.cli.verb import verb

group = typer.Typer(
    name="add",
    help="Add a service to the project.",
    epilog="Exit codes: 0 fine, 2 usage, or a project of a form that is not known, 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


# A group of one command would become that command.
@group.callback()
def _group() -> None:
    pass


Name = Annotated[
    str, typer.Argument(metavar="NAME", help="What it is called: a plural such as invoices, or what it does.")
]
Needs = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SERVICE",
        help="A service that it needs something of; may be said several times.",
        autocompletion=complete_services,
    ),
]
One = Annotated[
    str | None, typer.Option(metavar="NAME", help="What one of them is called, where English does not tell.")
]


@verb(
    group,
    examples=[
        "poolhouse add service invoices",
        "poolhouse add service invoices --needs users --needs orders",
        "poolhouse add service staff --one employee",
    ],
    json="{service, created, edited, open}; created and edited are files, and open are the needed services whose ports "
    "are left to be written",
)
async def service(application: Application, name: Name, *, needs: Needs = None, one: One = None) -> Answer:
    r"""Write a new service, and wire it: all of it or, where something is in the way, nothing.

    Its package, its container, its first migration and its tests, with a port for each service that it needs; the
    container, the routers that \[tool.poolhouse] names and import-linter's list of services are edited. Everything is
    green afterwards, and yours to change. A service that is there already is left alone.
    """
    from poolhouse.cli.scaffold.service import NewService  # noqa: PLC0415 - what it imports comes with an extra

    sources = Sources(application.project)
    names = Names(check_service_name(name), check_service_name(one) if one else singular(name))
    needed = tuple(sources.need(each) for each in dict.fromkeys(needs or ()))
    changes = NewService(application.project, sources, names, needed).changes()
    left = [each.service for each in needed if not each.is_known]
    if changes is None:
        nothing: dict[str, object] = {"service": name, "created": [], "edited": [], "open": left}
        return Answer(nothing, (f"The service {name} is there already; nothing was changed.",))
    changes.write(application.project.root)
    created, edited = sorted(changes.created), sorted(changes.edited)
    opened = (f"services/{name}/ports.py: write what {name} need of {each}." for each in left)
    shown = (*(f"Wrote {path}" for path in created), *(f"Edited {path}" for path in edited), *opened)
    return Answer({"service": name, "created": created, "edited": edited, "open": left}, shown)

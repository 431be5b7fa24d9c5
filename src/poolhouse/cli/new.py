"""`poolhouse new`."""

import json
from importlib.metadata import distribution
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from urllib.request import url2pathname

import typer

from poolhouse.cli.answer import Answer
from poolhouse.cli.scaffold.naming import check_project_name
from poolhouse.cli.scaffold.project import check_is_free, whole_project
from poolhouse.cli.scaffold.writing import Changes
from poolhouse.cli.verb import verb

group = typer.Typer()

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called, and the folder that is made for it.")]
IsBare = Annotated[bool, typer.Option("--bare", help="One minimal service instead of the shop.")]


@verb(
    group,
    examples=["poolhouse new shop", "poolhouse new shop --bare"],
    json="{name, folder, files, next}; files are paths in the folder, and next are commands",
)
async def new(name: Name, *, is_bare: IsBare = False) -> Answer:
    """Write a new project into a folder of its own: an application that runs, with its tests.

    The application is a small shop of three services, to be read, changed and replaced by yours; with --bare, one
    service that does almost nothing. Beside it are a Makefile, settings of the tools, a CI file, and a container file
    and a compose file for production. Nothing is overwritten, and nothing asked.

    Exit codes: 0 fine, 2 usage, 130 interrupted.
    """
    folder = Path.cwd() / check_project_name(name)
    check_is_free(folder)
    changes = _changes(name, is_bare=is_bare)
    changes.write(folder)
    steps = [f"cd {name}", *_sources(), "make test", "make run"]
    data = {"name": name, "folder": str(folder), "files": sorted(changes.created), "next": steps}
    shown = (f"Wrote {len(changes.created)} files into {name}. Next:", "", *(f"  {step}" for step in steps), "")
    return Answer(data, (*shown, f"{name}/README.md tells the rest."))


def _changes(name: str, *, is_bare: bool) -> Changes:
    version = distribution("poolhouse").version
    if not is_bare:
        return whole_project(name, version=version)
    from poolhouse.cli.scaffold.bare import bare_project  # noqa: PLC0415 - what it imports comes with an extra

    return bare_project(name, version=version)


def _sources() -> list[str]:
    """Return how pip finds this very poolhouse where it was installed from a file, so that no index need have it."""
    origin: dict[str, str] = json.loads(distribution("poolhouse").read_text("direct_url.json") or "{}")
    address = urlsplit(origin.get("url", ""))
    if address.scheme != "file":
        return []
    place = Path(url2pathname(address.path))
    if place.is_dir():
        wheels = place / "dist"
        return [f"pip wheel --no-deps --wheel-dir {wheels} {place}", _find_links(wheels)]
    return [_find_links(place.parent)]


def _find_links(folder: Path) -> str:
    return f'export PIP_FIND_LINKS="$PIP_FIND_LINKS {folder}"'

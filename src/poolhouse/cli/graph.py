"""`poolhouse graph`."""

import asyncio
import shutil
from enum import StrEnum
from typing import Annotated

import typer

from poolhouse._core.picture import Picture, as_dot, as_mermaid, as_text
from poolhouse.cli.answer import Answer
from poolhouse.cli.application import Application
from poolhouse.cli.drawing import draw
from poolhouse.cli.verb import verb
from poolhouse.errors import CommandError

group = typer.Typer()


class Format(StrEnum):
    """In what a picture is drawn."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


HasFormat = Annotated[Format, typer.Option("--format", help="In what it is drawn; svg needs Graphviz's `dot`.")]


@verb(
    group,
    examples=["poolhouse graph", "poolhouse graph --format mermaid", "poolhouse graph --format svg > shop.svg"],
    json="{title, nodes: [{name, kind, details}], edges: [{source, target, kind, label, by}], drawn}; the kind of a "
    "node is 'service', 'pool', 'resource' or 'object', that of an edge 'needs' or 'reads', and drawn is in --format",
)
async def graph(application: Application, *, form: HasFormat = Format.TEXT) -> Answer:
    """Draw the application: its services and what each needs, and what they share.

    Ports and who fills them, schemas, roles, migrations, declared reads, resources, the pool. Nothing is started and no
    database asked, and the same application is always drawn in the same way, so a README can have it.

    Exit codes: 0 fine, 2 usage, or wiring that is wrong, 3 failed, 130 interrupted.
    """
    drawn = draw(application.container)
    text = await _in_form(drawn, form)
    data = {
        "title": drawn.title,
        "nodes": [{"name": each.name, "kind": each.kind, "details": list(each.details)} for each in drawn.nodes],
        "edges": [
            {"source": each.source, "target": each.target, "kind": each.kind, "label": each.label, "by": each.by}
            for each in drawn.edges
        ],
        "drawn": text,
    }
    return Answer(data, (text,))


async def _in_form(drawn: Picture, form: Format) -> str:
    match form:
        case Format.TEXT:
            return as_text(drawn)
        case Format.MERMAID:
            return as_mermaid(drawn)
        case Format.DOT:
            return as_dot(drawn)
        case Format.SVG:
            return await _svg(as_dot(drawn))


async def _svg(dot: str) -> str:
    program = shutil.which("dot")
    if program is None:
        raise CommandError(
            "an SVG is drawn by Graphviz, whose program `dot` is not on PATH",
            remedy="Install Graphviz, or say --format mermaid, which code hosts draw by themselves",
        )
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(program, "-Tsvg", stdin=pipe, stdout=pipe, stderr=pipe)
    out, err = await process.communicate(dot.encode())
    if process.returncode != 0:
        said = err.decode(errors="replace").strip()
        raise CommandError(f"{program} failed: {said}", remedy="Say --format dot to see what it was given")
    return out.decode().rstrip("\n")

"""A picture of an application: its services, what each needs, and what they share, in the words of several programs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class NodeKind(StrEnum):
    """What is drawn."""

    SERVICE = "service"
    POOL = "pool"
    RESOURCE = "resource"
    OBJECT = "object"


class EdgeKind(StrEnum):
    """Why one is drawn to another."""

    NEEDS = "needs"
    READS = "reads"


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """A service with what belongs to it, or something that services share; `details` are lines below its name."""

    name: str
    kind: NodeKind
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """That `source` needs `target`, or reads its tables; the label says as what, `by` who fills a port."""

    source: str
    target: str
    kind: EdgeKind
    label: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """Nodes and edges in an order that depends on nothing but them: services by name, then the rest by name."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def picture(title: str, nodes: Sequence[Node], edges: Sequence[Edge]) -> Picture:
    """Put everything in order; each edge once."""
    kinds = [*NodeKind]
    ordered = sorted(nodes, key=lambda node: (node.kind is not NodeKind.SERVICE, node.name, kinds.index(node.kind)))
    return Picture(title, tuple(ordered), tuple(sorted(set(edges))))


def as_text(drawn: Picture) -> str:
    """Return a tree: below each node its details, and what it needs and reads."""
    return "\n".join((drawn.title, *_branches(drawn)))


def _branches(drawn: Picture) -> Iterator[str]:
    for number, node in enumerate(drawn.nodes, 1):
        is_last = number == len(drawn.nodes)
        yield f"{'└' if is_last else '├'}── {node.name}"
        lines = [*node.details, *(_said(edge) for edge in drawn.edges if edge.source == node.name)]
        for place, line in enumerate(lines, 1):
            yield f"{' ' if is_last else '│'}   {'└' if place == len(lines) else '├'}── {line}"


def _said(edge: Edge) -> str:
    if edge.kind is EdgeKind.READS:
        return f"reads {edge.label}"
    port = f"{edge.label}, which is {edge.by}" if edge.label else edge.target
    return f"needs {port}"


# What Mermaid takes for a word of its own where a name should stand.
_RESERVED = {"class", "classdef", "click", "default", "direction", "end", "flowchart", "graph", "style", "subgraph"}
_SHAPES = {
    NodeKind.SERVICE: ("[", "]"),
    NodeKind.POOL: ("[(", ")]"),
    NodeKind.RESOURCE: ("([", "])"),
    NodeKind.OBJECT: ("(", ")"),
}


def as_mermaid(drawn: Picture) -> str:
    """Return a flowchart for Mermaid, as Markdown on code hosts shows it in a block of that language."""
    return "\n".join(("flowchart TD", *(f"    {line}" for line in _mermaid(drawn))))


def _mermaid(drawn: Picture) -> Iterator[str]:
    names = _ids(drawn)
    for node in drawn.nodes:
        begin, end = _SHAPES[node.kind]
        label = "<br>".join((f"<b>{_in_mermaid(node.name)}</b>", *map(_in_mermaid, node.details)))
        yield f'{names[node.name]}{begin}"{label}"{end}'
    for edge in drawn.edges:
        arrow = "-.->" if edge.kind is EdgeKind.READS else "-->"
        label = f'|"{_in_mermaid(_short(edge))}"|' if edge.label else ""
        yield f"{names[edge.source]} {arrow}{label} {names[edge.target]}"


def _ids(drawn: Picture) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in drawn.nodes:
        name = re.sub(r"[^A-Za-z0-9]+", "_", node.name).strip("_") or "node"
        while name in found.values() or name.lower() in _RESERVED:
            name += "_"
        found[node.name] = name
    return found


def _in_mermaid(text: str) -> str:
    """Write with entity codes what would be markup, or end the label."""
    return re.sub(r"""[#"<>&\\`\x00-\x1f]""", lambda found: f"#{ord(found[0])};", text)


def as_dot(drawn: Picture) -> str:
    """Return a graph for Graphviz."""
    return "\n".join((f"digraph {_in_dot(drawn.title)} {{", *(f"    {line}" for line in _dot(drawn)), "}"))


def _dot(drawn: Picture) -> Iterator[str]:
    shapes = {NodeKind.SERVICE: "box", NodeKind.POOL: "cylinder", NodeKind.RESOURCE: "ellipse", NodeKind.OBJECT: "oval"}
    yield 'node [fontname="sans-serif"];'
    yield 'edge [fontname="sans-serif"];'
    for node in drawn.nodes:
        label = _in_dot("\n".join((node.name, *node.details)))
        yield f"{_in_dot(node.name)} [shape={shapes[node.kind]}, label={label}];"
    for edge in drawn.edges:
        said = [f"label={_in_dot(_short(edge))}"] if edge.label else []
        looks = ", ".join((*said, *(["style=dashed"] if edge.kind is EdgeKind.READS else [])))
        yield f"{_in_dot(edge.source)} -> {_in_dot(edge.target)}{f' [{looks}]' if looks else ''};"


def _short(edge: Edge) -> str:
    return f"reads {edge.label}" if edge.kind is EdgeKind.READS else edge.label


def _in_dot(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

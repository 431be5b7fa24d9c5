"""The commands of `poolhouse` as Markdown, from the same declarations that their `--help` is made of."""

from __future__ import annotations

import inspect
import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.main import get_command

from poolhouse.cli.root import root

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = {int: "N", float: "N", str: "TEXT", Path: "PATH"}
_LABELLED = re.compile(r"(Example|JSON): (.*)", re.DOTALL)


def pages() -> str:
    """Return a section for each command, groups first in their order."""
    command: Any = get_command(root)
    return "\n\n".join(_sections(command, "poolhouse"))


def _sections(command: Any, path: str) -> Iterator[str]:
    below = getattr(command, "commands", {})
    if path != "poolhouse":
        yield f"## {path}\n\n{_help(command)}"
    if not below:
        yield from _details(command, path)
    for name, each in below.items():
        if not each.hidden:
            yield from _sections(each, f"{path} {name}")


def _help(command: Any) -> str:
    return inspect.cleandoc(command.help or "").replace("\b", "").strip()


def _details(command: Any, path: str) -> Iterator[str]:
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = [each for each in shown if each.param_type_name == "argument"]
    options = [each for each in shown if each.param_type_name == "option"]
    usage = " ".join(_placeholder(each) for each in arguments)
    yield f"```text\n{path} {usage + ' ' if usage else ''}[OPTIONS]\n```"
    if rows := [_row(each) for each in (*arguments, *options)]:
        yield "\n".join(("| | |", "|---|---|", *rows))
    said = [(found[1], found[2].replace("\n", " ")) for found in map(_LABELLED.match, _paragraphs(command)) if found]
    if examples := [text for label, text in said if label == "Example"]:
        yield "\n".join(("```text", *examples, "```"))
    yield from (f"`--json` prints {_code(text)}." for label, text in said if label == "JSON")


def _paragraphs(command: Any) -> list[str]:
    return (command.epilog or "").split("\n\n")


def _placeholder(argument: Any) -> str:
    name = (argument.metavar or argument.name).upper().strip("[]").removesuffix("...")
    name = f"{name}..." if argument.nargs == -1 else name
    return name if argument.required else f"[{name}]"


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = f"`{_placeholder(parameter)}`"
    else:
        takes = "" if parameter.is_flag else f" {_values(parameter)}"
        name = ", ".join(f"`{each}{takes}`" for each in (*parameter.opts, *parameter.secondary_opts))
    text = " ".join((parameter.help or "").split())
    default = parameter.default
    if default not in (None, False, (), []) and not callable(default):
        text += f" Default: `{getattr(default, 'value', default)}`."
    return f"| {name} | {_escaped(text)} |"


def _values(option: Any) -> str:
    kind = option.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(each.value for each in kind)
    return option.metavar or _KINDS.get(kind, "VALUE")


def _escaped(text: str) -> str:
    # The brackets of rich's markup and of placeholders are text here.
    return text.replace("|", "\\|").replace("[", "\\[")


def _code(text: str) -> str:
    shape, _, rest = text.partition("; ")
    return f"`{shape}`" + (f"; {rest}" if rest else "")

"""The tree of errors as a list of links."""

from __future__ import annotations

import inspect

from poolhouse import errors


def tree() -> str:
    """Return the tree as it is drawn in `poolhouse.errors`, with what each error says of itself in a sentence."""
    return "\n".join(_drawn())


def _drawn() -> list[str]:
    lines: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.lstrip("│├└─ ")
        if name in errors.__all__:
            depth = (len(line) - len(name)) // 4
            lines.append(f"{'  ' * depth}- {{py:exc}}`~poolhouse.errors.{name}`: {_said(name)}")
    return lines


def _said(name: str) -> str:
    first = (inspect.getdoc(getattr(errors, name)) or "").partition("\n\n")[0]
    return first.replace("\n", " ")

"""Where in an application's files a provider is declared; looked for only when there is something to say of it."""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Site:
    """The class of a container, where it has one, and the name under which a provider stands there."""

    container: type | None
    name: str


class Places:
    """Draws sites as `file:line Class.name`; each file is read once."""

    def __init__(self) -> None:
        self._trees: dict[str, ast.Module | None] = {}

    def __call__(self, site: Site) -> str:
        """Return the file and line of a site, relative to the working directory where that is shorter."""
        if site.container is None:
            return site.name
        declaring = _declaring(site.container, site.name)
        drawn = f"{declaring.__qualname__}.{site.name}"
        file = _file(declaring)
        if file is None:
            return drawn
        line = self._line(file, declaring, site.name)
        return f"{_short(file)}:{line} {drawn}" if line else f"{_short(file)} {drawn}"

    def _line(self, file: str, container: type, name: str) -> int | None:
        if file not in self._trees:
            self._trees[file] = _parsed(file)
        tree = self._trees[file]
        if tree is None:
            return None
        # A name may be declared in several branches or functions; the last class of it is the one in force.
        classes = [body for qualname, body in _classes(tree) if qualname == container.__qualname__]
        lines = [line for body in classes for line in _assignments(body, name)]
        return lines[-1] if lines else next((body.lineno for body in reversed(classes)), None)


def _declaring(container: type, name: str) -> type:
    """Return the class that has the provider in its own body."""
    written = (each for each in container.__mro__ if name in getattr(each, "cls_providers", ()))
    return next(written, container)


def _file(container: type) -> str | None:
    module = sys.modules.get(container.__module__)
    try:
        return inspect.getsourcefile(module) if module is not None else None
    except TypeError:
        return None


def _short(file: str) -> str:
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except (OSError, ValueError):
        return file


def _parsed(file: str) -> ast.Module | None:
    try:
        return ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None


def _classes(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.ClassDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield f"{prefix}{node.name}", node
            yield from _classes(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes(node, f"{prefix}{node.name}.<locals>.")
        else:
            yield from _classes(node, prefix)


def _assignments(body: ast.ClassDef, name: str) -> Iterator[int]:
    for statement in ast.walk(body):
        match statement:
            case ast.Assign(targets=targets, lineno=line):
                pass
            case ast.AnnAssign(target=target, lineno=line):
                targets = [target]
            case _:
                continue
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            yield line

"""Which containers an application is made of, as it is written: its code is read and not run."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


PARTS = ("Part", "Container")
"""What a container in a container is declared with: ours, and dependency-injector's."""


@dataclass(frozen=True, slots=True)
class WrittenContainer:
    """The class of a service's container, by the module that it is imported from."""

    module: str
    attribute: str


def read_services(source: str, *, module: str, container: str) -> dict[str, WrittenContainer]:
    """Return the containers inside of the class `container`, by their names, as the source of `module` tells.

    Those are found that are declared in the class itself as `name = Part(Class, ...)`, or with `providers.Container`,
    where the class is imported at the top or written in the same module; others are left out. Raises SyntaxError.
    """
    tree = ast.parse(source)
    known = dict(_names(tree, module))
    return {name: found for name, value in _declared(tree, container) if (found := _container(value, known))}


def _names(tree: ast.Module, module: str) -> Iterator[tuple[str, WrittenContainer]]:
    """Yield what names of the module stand for: classes, and modules, which have no attribute."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name, WrittenContainer(module, node.name)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, module)
            for alias in node.names:
                yield alias.asname or alias.name, WrittenContainer(source, alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, WrittenContainer(alias.name, "")


def _absolute(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".")[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def _declared(tree: ast.Module, container: str) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == container:
            for statement in node.body:
                match statement:
                    case ast.Assign(targets=[ast.Name(id=name)], value=value):
                        yield name, value
                    case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                        yield name, value
                    case _:
                        pass


def _container(value: ast.expr, known: dict[str, WrittenContainer]) -> WrittenContainer | None:
    match value:
        case ast.Call(func=ast.Attribute(attr=called) | ast.Name(id=called), args=[first, *_]) if called in PARTS:
            pass
        case _:
            return None
    match first:
        case ast.Name(id=name):
            return known.get(name)
        case ast.Attribute(attr=attribute):
            # A module, or one in a package that was imported: `containers.users.UsersContainer`.
            written = ast.unparse(first.value)
            whole = known.get(written)
            if whole is not None:
                within = f"{whole.module}.{whole.attribute}" if whole.attribute else whole.module
                return WrittenContainer(within, attribute)
        case _:
            pass
    return None

"""What the source of an application says about its services, read and not run."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from poolhouse._core.suggestion import nearest
from poolhouse._core.wiring.written import PARTS
from poolhouse.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from poolhouse.cli.project import Name, Project

_SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Need:
    """How a service asks another, `service`, whether it has one thing: by `exists` or `find`, with an int, its id.

    `open` where there is neither: then its port is left to be written.
    """

    service: str
    kind: Literal["exists", "find", "open"]
    parameter: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it is asked by an id."""
        return self.kind != "open"


@dataclass(frozen=True, slots=True)
class Found:
    """A class, and the file it is defined in."""

    path: str
    definition: ast.ClassDef


class Sources:
    """The source of a project's application."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._trees: dict[str, ast.Module] = {}

    def services(self) -> dict[str, str]:
        """Return the services that the container wires, each with the name of its own container's class.

        Raises CommandError where the container's class cannot be found.
        """
        return dict(_made(self._named(self._project.container).definition, PARTS))

    def declared(self, name: Name) -> set[str]:
        """Return every name that the class `name` declares, and every service that it wires."""
        return set(_bound(self._named(name).definition.body))

    def names(self, path: str) -> set[str]:
        """Return every name that a file declares or imports."""
        return set(_bound(self._tree(path).body))

    def text(self, path: str) -> str:
        """Return a file's text; CommandError where it cannot be read."""
        try:
            return (self._project.root / path).read_bytes().decode()
        except OSError as error:
            raise CommandError(f"it cannot be read: {error.strerror}", place=path, remedy="Let it be read") from None
        except UnicodeDecodeError:
            raise CommandError("it is no UTF-8", place=path, remedy="Save it as UTF-8") from None

    def need(self, service: str) -> Need:
        """Return how `service` is asked; CommandError for one that there is not, or that is wired in another way."""
        known = self.services()
        if service not in known:
            close = nearest(service, known)
            remedy = f"Did you mean {close}?" if close else f"There are {', '.join(known) or 'none'}"
            raise CommandError(f"there is no service {service!r} to be needed", place=self._place, remedy=remedy)
        container = self._class(self._place, known[service])
        made = dict(_made(container.definition)).get(_SERVICE) if container else None
        if container is None or made is None:
            place = container.path if container else self._place
            fact = f"{known[service]} makes no `{_SERVICE}`, which others could be given"
            raise CommandError(fact, place=place, remedy=f"Declare {_SERVICE} = providers.Factory(…) in it")
        found = self._class(container.path, made)
        return _need(service, found.definition if found else None)

    def path_of(self, name: Name) -> str:
        """Return the path, in the project, of the module that `name` is in; CommandError where it is no file there."""
        found = self._file(name.module)
        if found is None:
            fact = f"{name.module} is no file in {self._project.root}"
            raise CommandError(fact, place=name.place, remedy="Correct the name before the colon")
        return found

    def _named(self, name: Name) -> Found:
        found = self._class(self.path_of(name), name.attribute)
        if found is None:
            fact = f"there is no class {name.attribute}"
            raise CommandError(fact, place=self.path_of(name), remedy=f"Correct its name in {name.place}")
        return found

    @property
    def _place(self) -> str:
        return self.path_of(self._project.container)

    def _class(self, path: str, name: str) -> Found | None:
        """Return the class that a file defines, or imports from another file of the project."""
        for node in self._tree(path).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return Found(path, node)
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                taken = [alias.name for alias in node.names if (alias.asname or alias.name) == name]
                file = self._file(node.module)
                if taken and file is not None and file != path:
                    return self._class(file, taken[0])
        return None

    def _file(self, module: str) -> str | None:
        stem = module.replace(".", "/")
        paths = (f"{stem}.py", f"{stem}/__init__.py")
        return next((path for path in paths if (self._project.root / path).is_file()), None)

    def _tree(self, path: str) -> ast.Module:
        if path not in self._trees:
            try:
                self._trees[path] = ast.parse(self.text(path), filename=path)
            except SyntaxError as error:
                place = f"{path}:{error.lineno}"
                raise CommandError(f"it is no Python: {error.msg}", place=place, remedy="Mend it") from None
        return self._trees[path]


def _bound(body: Sequence[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((each.asname or each.name).partition(".")[0] for each in names)
            case _:
                pass


def _made(kind: ast.ClassDef, providers: Sequence[str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield the names that are assigned a provider of a class, such as `db = providers.Factory(Users, …)`."""
    for node in kind.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Attribute(attr=called) | ast.Name(id=called), args=[ast.Name(id=made), *_]),
            ) if providers is None or called in providers:
                yield name, made
            case _:
                pass


def _need(service: str, kind: ast.ClassDef | None) -> Need:
    methods = {node.name: node for node in kind.body if isinstance(node, ast.AsyncFunctionDef)} if kind else {}
    for name in ("exists", "find"):
        if name in methods and (parameter := _only_id(methods[name])):
            return Need(service, name, parameter)
    return Need(service, "open")


def _only_id(method: ast.AsyncFunctionDef) -> str | None:
    """Return the name of the parameter if a method takes one that it needs, and that is an int."""
    taken = [*method.args.posonlyargs, *method.args.args][1:]
    needed = taken[: len(taken) - len(method.args.defaults)]
    keywords = [default for default in method.args.kw_defaults if default is None]
    match needed:
        case [ast.arg(arg=name, annotation=ast.Name(id="int"))] if not keywords:
            return name
        case _:
            return None

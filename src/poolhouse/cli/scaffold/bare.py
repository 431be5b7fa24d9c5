"""A new project with one minimal service in place of the reference application's."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from poolhouse.cli.project import find_project
from poolhouse.cli.scaffold.formatting import Formatter
from poolhouse.cli.scaffold.naming import Names
from poolhouse.cli.scaffold.project import whole_project
from poolhouse.cli.scaffold.service import NewService
from poolhouse.cli.scaffold.sources import Sources
from poolhouse.cli.scaffold.wiring import Source
from poolhouse.cli.scaffold.writing import Changes
from poolhouse.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Collection

    from poolhouse.cli.project import Name, Project

_LEFT = Names("items", "item")
_WORD, _TITLE = re.compile(r"(?<![A-Za-z])shop(?![A-Za-z])"), re.compile(r"(?<=[\"'])Shop(?=[\"'])")


def bare_project(name: str, *, version: str) -> Changes:
    """Return the files of a project with the one service `items`, for poolhouse of `version`.

    It is the reference application with that service added, as to any project, and its own taken out.
    """
    with TemporaryDirectory() as folder:
        root = Path(folder)
        whole_project(name, version=version).write(root)
        project = find_project(root)
        services = Sources(project).services()
        added = NewService(project, Sources(project), _LEFT).changes()
        if added is None or project.routers is None:
            fact = f"the reference application has a service {_LEFT.many}, or names no routers"
            raise CommandError(fact, remedy="Take a project without --bare")
        added.write(root)
        _unwire(project, project.routers, services)
        _delete(root, services)
        files = [file for file in sorted(root.rglob("*")) if file.is_file()]
        return Changes({file.relative_to(root).as_posix(): _renamed(file, name) for file in files})


def _unwire(project: Project, routers: Name, services: Collection[str]) -> None:
    sources, formatter = Sources(project), Formatter(project.root)
    for name in (project.container, routers):
        path = sources.path_of(name)
        before = (project.root / path).read_text(encoding="utf-8")
        source = Source(path, before)
        if name is project.container:
            source.remove_providers(name.attribute, services)
            source.remove_imports({f"containers.{service}" for service in services})
        else:
            source.remove_elements(name.attribute, {f"{service}.router" for service in services})
            source.remove_import("services", services)
        after = formatter.format(path, source.text, before=before)
        (project.root / path).write_text(after, encoding="utf-8")


def _delete(root: Path, services: Collection[str]) -> None:
    for service in services:
        (root / f"containers/{service}.py").unlink()
        shutil.rmtree(root / f"services/{service}")
        shutil.rmtree(root / f"migrations/{service}")
    shutil.rmtree(root / "tests/reference")


def _renamed(file: Path, name: str) -> bytes:
    """Return what is in a file, which speaks of the project where the reference application speaks of its shop."""
    content = file.read_bytes()
    if file.suffix != ".py":
        return content
    # An identifier everywhere, since some of the words are ones.
    text = _WORD.sub(name.replace("-", "_"), content.decode())
    return _TITLE.sub(re.sub("[-_]", " ", name).capitalize(), text).encode()

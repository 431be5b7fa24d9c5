"""A new project, as `poolhouse new` writes it, and the command line in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from poolhouse.cli.project import find_project
from poolhouse.cli.root import root
from poolhouse.cli.scaffold.project import whole_project
from poolhouse.cli.scaffold.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Written:
    """A project in a folder that is the working directory."""

    def __init__(self, folder: Path) -> None:
        self.root = folder

    @property
    def sources(self) -> Sources:
        return Sources(find_project(self.root))

    def run(self, *arguments: str) -> Outcome:
        result = CliRunner().invoke(root, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        return Outcome(result.exit_code, result.stdout, result.stderr)

    def add(self, *arguments: str) -> Outcome:
        return self.run("add", "service", *arguments)

    def files(self) -> dict[str, str]:
        files = (each for each in sorted(self.root.rglob("*")) if each.is_file() and ".ruff_cache" not in each.parts)
        return {each.relative_to(self.root).as_posix(): each.read_text() for each in files}

    def edit(self, path: str, before: str, after: str) -> None:
        text = (self.root / path).read_text()
        assert before in text
        (self.root / path).write_text(text.replace(before, after))


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """Give an empty folder to run commands in."""
    monkeypatch.chdir(tmp_path)
    return Written(tmp_path)


@pytest.fixture
def project(empty):
    """Give a project with the reference application."""
    whole_project("shop", version="0.1.0").write(empty.root)
    return empty

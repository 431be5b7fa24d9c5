"""A new project: the reference application, and what a project has beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.cli.scaffold.places import project_files, reference_files
from poolhouse.cli.scaffold.writing import Changes
from poolhouse.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path

# What a folder may hold already: a repository that was made, or cloned, to put a project into.
_HARMLESS = {".git"}


def check_is_free(folder: Path) -> None:
    """Raise CommandError where something is in `folder` that a new project would have to lie beside."""
    if folder.is_dir():
        inside = sorted(each.name for each in folder.iterdir() if each.name not in _HARMLESS)
        if inside:
            fact = f"it is there already, with {', '.join(inside[:3])}{', …' if len(inside) > 3 else ''} in it"
            raise CommandError(fact, place=str(folder), remedy="Nothing is overwritten: take another name")
    elif folder.exists() or folder.is_symlink():
        raise CommandError("it is there already, and no folder", place=str(folder), remedy="Take another name")


def whole_project(name: str, *, version: str) -> Changes:
    """Return the files of a project with the reference application, byte for byte, for poolhouse of `version`."""
    # Words that can stand in every language of the files, so that each is readable, and can be checked, as it is.
    words = {"PROJECT_NAME": name, "~=0.0.0": f"~={version}"}
    beside = project_files()
    for word, meant in words.items():
        beside = {path: text.replace(word, meant) for path, text in beside.items()}
    return Changes({**reference_files(), **{path: text.encode() for path, text in beside.items()}})

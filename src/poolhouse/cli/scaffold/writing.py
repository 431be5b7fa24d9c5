"""Writing several files: all of them, or none."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from poolhouse.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to become of the files below a folder, under their paths in it."""

    created: Mapping[str, bytes]
    edited: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    def write(self, root: Path) -> None:
        """Write everything; where that fails half-way, undo it and raise CommandError with the file and the reason.

        Files that are to be created must not exist yet, folders may.
        """
        with ExitStack() as undoing:
            try:
                for path, content in self.created.items():
                    _create(root / path, content, undoing)
                for path, content in self.edited.items():
                    _replace(root / path, content, undoing)
            except OSError as error:
                fact = f"it cannot be written: {error.strerror}"
                remedy = "Nothing was changed; see to that, and run this again"
                raise CommandError(fact, place=str(error.filename), remedy=remedy) from None
            undoing.pop_all()


def _create(file: Path, content: bytes, undoing: ExitStack) -> None:
    for folder in reversed([each for each in file.parents if not each.exists()]):
        folder.mkdir()
        undoing.callback(folder.rmdir)
    with file.open("xb") as opened:
        undoing.callback(file.unlink)
        opened.write(content)


def _replace(file: Path, content: bytes, undoing: ExitStack) -> None:
    before = file.read_bytes()
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_bytes(content)
        shutil.copymode(file, beside)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    undoing.callback(file.write_bytes, before)

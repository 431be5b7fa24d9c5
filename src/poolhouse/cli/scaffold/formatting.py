"""Python as the project's own ruff would format it."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from typing import TYPE_CHECKING

from poolhouse.errors import CommandError, ExtraMissingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_STEPS = (("check", "--quiet", "--exit-zero", "--fix", "--select=I,RUF022"), ("format", "--quiet"))


@dataclass(frozen=True, slots=True)
class Formatter:
    """Formats files of the project in `root`, by the ruff of its environment where there is one."""

    root: Path

    def format(self, path: str, text: str, *, before: str | None = None) -> str:
        """Return `text` sorted and formatted; of a file that was there `before`, only as far as that was so too.

        Raises ExtraMissingError where there is no ruff, and CommandError where it fails.
        """
        for step in _STEPS:
            if before is None or self._run(step, path, before) == before:
                text = self._run(step, path, text)
        return text

    def _run(self, step: Sequence[str], path: str, text: str) -> str:
        done = subprocess.run(  # noqa: S603 - ruff, with arguments of ours
            [self._ruff(), *step, "--stdin-filename", path, "-"],
            input=text.encode(),
            cwd=self.root,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise CommandError(f"ruff does not format it: {said}", place=path, remedy="Nothing was changed; mend that")
        return done.stdout.decode()

    def _ruff(self) -> str:
        """Return the project's own ruff, else the one that is installed with poolhouse, else any."""
        folders = (self.root / ".venv/bin", self.root / ".venv/Scripts", sysconfig.get_path("scripts"), None)
        for folder in folders:
            if found := shutil.which("ruff", path=folder):
                return found
        raise ExtraMissingError("ruff", "scaffold")

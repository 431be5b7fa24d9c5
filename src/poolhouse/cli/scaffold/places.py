"""Where the files are that a new project is made of: an installed wheel's copies, or in a checkout the very folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from poolhouse.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

REFERENCE = ("app", "containers", "services", "migrations", "tests/reference")

_HERE = Path(__file__).parent
# Without these, the files would mean something to git, ruff and their like where they lie.
_DOT, _SUFFIX = "dot-", ".template"


def reference_files() -> dict[str, bytes]:
    """Return the reference application, each file under its path in a project.

    Raises CommandError where this installation has none.
    """
    return {path: file.read_bytes() for folder in REFERENCE for path, file in _files(_reference(), folder)}


def project_files() -> dict[str, str]:
    """Return what a project has beside it, each text under its path in a project."""
    return _texts("project")


def service_templates() -> dict[str, str]:
    """Return the templates of a service's files, each under its path in a project, for a service called `things`."""
    return _texts("service")


def _reference() -> Path:
    for root in (_HERE / "reference", _HERE.parents[3]):
        if all((root / folder).is_dir() for folder in REFERENCE):
            return root
    fact = f"the reference application is neither in {_HERE} nor in a checkout around it"
    raise CommandError(fact, remedy="Install poolhouse again, from its wheel")


def _texts(folder: str) -> dict[str, str]:
    return {_meant(path): file.read_text(encoding="utf-8") for path, file in _files(_HERE / folder, ".")}


def _meant(path: str) -> str:
    return "/".join(
        f".{part.removeprefix(_DOT)}" if part.startswith(_DOT) else part
        for part in path.removesuffix(_SUFFIX).split("/")
    )


def _files(root: Path, folder: str) -> Iterator[tuple[str, Path]]:
    # An installer compiles whatever ends with .py.
    for file in sorted((root / folder).rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file.relative_to(root).as_posix(), file

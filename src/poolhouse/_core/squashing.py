"""Migrations that stand for others: which of the two is applied, and which is as good as applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.errors import DirectiveError, ReplacedMigrationsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from poolhouse._core.migration_file import LoadedMigrations, VersionedFile
    from poolhouse.errors import MigrationError


def covers(squash: VersionedFile, version: int) -> bool:
    """Whether `squash` stands for `version`, among others."""
    replaced = squash.directives.replaces
    return replaced is not None and replaced.first <= version <= replaced.last


def stand_in(files: Iterable[VersionedFile], version: int) -> VersionedFile | None:
    """Return the last of `files` that stands for `version`; None where none does."""
    return max((file for file in files if covers(file, version)), key=lambda file: file.version, default=None)


def unapplied(files: Sequence[VersionedFile], applied: Collection[int]) -> list[VersionedFile]:
    """Return what of `files` is still to be done, where the versions of `applied` are.

    Where none of those is applied that a file stands for, it alone is applied. Where any is, the others are applied
    too, and the file is only recorded, as a baseline.
    """
    squashes = [file for file in files if file.directives.replaces]
    waiting: list[VersionedFile] = []
    for file in files:
        if file.version in applied:
            continue
        over = [each for each in squashes if covers(each, file.version)]
        if any(each.version in applied or not _is_begun(each, applied) for each in over):
            continue
        waiting.append(file.as_baseline() if _is_begun(file, applied) else file)
    return waiting


def present(files: Sequence[VersionedFile], applied: Collection[int]) -> list[VersionedFile]:
    """Return those of `files` that, run in their order, make what the versions of `applied` have made."""
    known = {file.version for file in files}
    done = [file for file in files if file.version in applied]
    # Those whose replaced ones were all applied, and have no files any more.
    done += [file for file in files if file not in done and _is_replaced(file, applied) and not _is_begun(file, known)]
    return [file for file in files if file in done and not any(covers(each, file.version) for each in done)]


def replaced(files: Sequence[VersionedFile], applied: Collection[int]) -> tuple[int, ...]:
    """Return those of the versions of `applied` that have no file any more, and need none."""
    known = {file.version for file in files}
    done = [file for file in files if file.version in applied]
    return tuple(
        sorted(version for version in applied if version not in known and any(covers(file, version) for file in done))
    )


def incomplete(loaded: LoadedMigrations, applied: Collection[int]) -> Iterator[MigrationError]:
    """Yield an error for each file that stands for others of which some were applied, and the rest is gone."""
    known = {file.version for file in loaded.files}
    for file in loaded.files:
        replaced = file.directives.replaces
        if replaced and file.version not in applied and _is_begun(file, applied):
            reached = max(version for version in applied if covers(file, version))
            if replaced.last not in known and reached < replaced.last:
                yield ReplacedMigrationsError(
                    file.file,
                    module=loaded.module,
                    schema=loaded.schema,
                    version=file.version,
                    applied=reached,
                    last=replaced.last,
                )


def squash_faults(files: Sequence[VersionedFile]) -> Iterator[DirectiveError]:
    """Yield everything that is wrong with what files say that they stand for."""
    for squash in files:
        replaced = squash.directives.replaces
        if replaced is None:
            continue
        if replaced.last >= squash.version:
            fact = f"it replaces versions up to {replaced.last}, and has version {squash.version} itself"
            yield DirectiveError(squash.file, fact, remedy="Give it a version above those that it replaces")
        for file in files:
            if replaced.last < file.version < squash.version:
                fact = f"{file.filename} lies between what it replaces and itself, so that no order would be right"
                remedy = f"Replace that one too, with `-- poolhouse: replaces: {replaced.first:04}..{file.version:04}`"
                yield DirectiveError(squash.file, fact, remedy=remedy)


def _is_begun(squash: VersionedFile, applied: Iterable[int]) -> bool:
    return any(covers(squash, version) for version in applied)


def _is_replaced(squash: VersionedFile, applied: Collection[int]) -> bool:
    replaced = squash.directives.replaces
    return replaced is not None and replaced.last in applied

"""What the files of several sets are, and whether they have to be looked into at all."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.dependencies import Dependencies
from poolhouse.errors import MigrationFilesError, WiringError
from poolhouse.migrations.access import Access
from poolhouse.migrations.bringing_up import translated
from poolhouse.migrations.files import ledger_written, read_folder
from poolhouse.migrations.planning import standings_of
from poolhouse.migrations.report import MigrationReport
from poolhouse.settings import MigrationMode

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
    from pathlib import Path

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse.errors import PoolhouseError
    from poolhouse.migrations.files import Folder, WrittenMigrations
    from poolhouse.migrations.ledger import Standing
    from poolhouse.migrations.migration_set import MigrationSet
    from poolhouse.pool import SharedPool


class Glance(NamedTuple):
    """What the files of one database are, and where their schemas stand, in the same order; the ledger's are first."""

    written: Sequence[WrittenMigrations]
    standings: Sequence[Standing] | None

    @property
    def is_settled(self) -> bool:
        """Whether nothing is pending, without a look into any file."""
        return self.standings is not None and all(
            standing.is_settled(each.folder_digest) for each, standing in zip(self.written, self.standings, strict=True)
        )

    def reports(self) -> list[MigrationReport]:
        """Return the reports where nothing is pending."""
        return [
            MigrationReport(each.module, each.schema, standing.head.version if standing.head else 0)
            for each, standing in zip(self.written, self.standings or (), strict=True)
        ]


def load_all(sets: Iterable[MigrationSet]) -> dict[SharedPool, tuple[list[LoadedMigrations], Dependencies]]:
    """Return the checked files of `sets`, those of one pool together, in the given order.

    Sets of many schemas are checked, and not among them. Different pools are different databases, or might be. Raises
    WiringError and MigrationFilesError as `migrate`.
    """
    return load_written(*_apart([*sets]))


def load_each(sets: Iterable[MigrationSet]) -> dict[SharedPool, list[LoadedMigrations]]:
    """Return the checked files as `load_all` does, whether what they depend on is among them or not."""
    return _loaded(*_apart([*sets]))[0]


def _apart(
    sets: Sequence[MigrationSet],
) -> tuple[dict[SharedPool, list[WrittenMigrations]], Iterable[tuple[SharedPool, Callable[[], LoadedMigrations]]]]:
    many = [(each.db.pool, each.load) for each in sets if each.schemas is not None]
    return read_all(each for each in sets if each.schemas is None), many


def read_all(sets: Iterable[MigrationSet]) -> dict[SharedPool, list[WrittenMigrations]]:
    """Return the files of `sets` without looking into them, each folder read once; may raise WiringError."""
    written: dict[SharedPool, list[WrittenMigrations]] = {}
    folders: dict[Path, Folder] = {}
    taken: set[tuple[SharedPool, str, str]] = set()
    for each in sets:
        key = (each.db.pool, each.module, each.db.schema)
        if key in taken:
            fact = f"two migration sets have module {each.module!r} and schema {each.db.schema!r}"
            raise WiringError(fact, remedy="Give each set a module of its own")
        taken.add(key)
        if each.directory not in folders:
            folders[each.directory] = read_folder(each.directory)
        written.setdefault(each.db.pool, []).append(each.written(folders[each.directory]))
    return written


def load_written(
    by_pool: Mapping[SharedPool, Sequence[WrittenMigrations]],
    many: Iterable[tuple[SharedPool, Callable[[], LoadedMigrations]]] = (),
) -> dict[SharedPool, tuple[list[LoadedMigrations], Dependencies]]:
    """Return the files after a look into all of them; MigrationFilesError with everything that is wrong.

    `many` are pools and files of sets of many schemas, which are only checked; they may depend on the others.
    """
    loaded, of_many = _loaded(by_pool, many)
    linked = {pool: Dependencies(wanted) for pool, wanted in loaded.items()}
    together = [Dependencies([*loaded.get(pool, ()), each]) for pool, each in of_many]
    faults = {str(fault): fault for each in (*linked.values(), *together) for fault in each.faults()}
    if faults:
        raise MigrationFilesError([*faults.values()])
    return {pool: (wanted, linked[pool]) for pool, wanted in loaded.items()}


def _loaded(
    by_pool: Mapping[SharedPool, Sequence[WrittenMigrations]],
    many: Iterable[tuple[SharedPool, Callable[[], LoadedMigrations]]],
) -> tuple[dict[SharedPool, list[LoadedMigrations]], list[tuple[SharedPool, LoadedMigrations]]]:
    loaded: dict[SharedPool, list[LoadedMigrations]] = {pool: [] for pool in by_pool}
    of_many: list[tuple[SharedPool, LoadedMigrations]] = []
    faults: list[PoolhouseError] = []
    for pool, written in by_pool.items():
        for each in written:
            with _collected(faults):
                loaded[pool].append(each.load())
    for pool, load in many:
        with _collected(faults):
            of_many.append((pool, load()))
    if faults:
        raise MigrationFilesError(faults)
    return loaded, of_many


@contextmanager
def _collected(faults: list[PoolhouseError]) -> Generator[None]:
    try:
        yield
    except MigrationFilesError as error:
        faults += error.violations


async def glance_at(pool: SharedPool, written: Sequence[WrittenMigrations], mode: MigrationMode) -> Glance:
    """Return where everything stands, in one statement; nothing is asked where the mode is to skip."""
    every = (ledger_written(), *written)
    if mode is MigrationMode.SKIP:
        return Glance(every, None)
    with translated():
        async with Access(pool).looking() as connection:
            return Glance(every, await standings_of(connection, every))

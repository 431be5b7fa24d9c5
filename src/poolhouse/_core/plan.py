"""What is to be done for one module in one schema: the files, against what the database says of itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.checksum import chain_digest, repeatable_digest
from poolhouse._core.drift import drift_of
from poolhouse._core.migration_file import VersionedFile
from poolhouse._core.squashing import covers, present, replaced, stand_in, unapplied
from poolhouse.errors import LedgerError, MigrationDriftError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from poolhouse._core.migration_file import LoadedMigrations, MigrationFile, RepeatableFile


class Head(NamedTuple):
    """The latest state of a module in a schema, as the database holds it; `dirty` while a migration is half done."""

    version: int
    digest: bytes
    dirty: bool = False


class LedgerRow(NamedTuple):
    """One migration that was applied, or begun and not ended (`is_open`), as the database holds it.

    The version of a repeatable migration is None.
    """

    version: int | None
    name: str
    checksum: bytes
    state: str = "applied"
    steps_done: int = 1
    steps_total: int = 1
    is_open: bool = False


class Version(NamedTuple):
    """A versioned migration that was applied."""

    version: int
    checksum: bytes


class Repeatable(NamedTuple):
    """What a repeatable migration was when it was applied last."""

    name: str
    checksum: bytes


@dataclass(frozen=True, slots=True)
class Applied:
    """All that was applied to a schema: versions in their order, repeatable migrations in that of their names."""

    versions: tuple[Version, ...] = ()
    repeatables: tuple[Repeatable, ...] = ()

    @property
    def version(self) -> int:
        """The highest version, 0 when there is none."""
        return self.versions[-1].version if self.versions else 0

    @property
    def digest(self) -> bytes:
        """The digest that a head has after all of it; empty when it is nothing."""
        return _after_repeatables(chain(self.versions)[-1] if self.versions else b"", self.repeatables)

    def plus(
        self, files: Iterable[MigrationFile], *, without: Iterable[str] = (), replaced: Iterable[int] = ()
    ) -> Applied:
        """Return what is applied after `files` too, without the given names of repeatable ones and given versions."""
        versions = {each.version: each for each in self.versions}
        repeatables = {each.name: each for each in self.repeatables}
        for name in without:
            repeatables.pop(name, None)
        for version in replaced:
            versions.pop(version, None)
        for file in files:
            if isinstance(file, VersionedFile):
                versions[file.version] = Version(file.version, file.checksum)
            else:
                repeatables[file.name] = Repeatable(file.name, file.checksum)
        return Applied(tuple(sorted(versions.values())), tuple(sorted(repeatables.values())))


class Unfinished(NamedTuple):
    """A migration outside of transactions that was begun and not ended, by a process that runs or by one that died."""

    file: VersionedFile
    row: LedgerRow


@dataclass(frozen=True, slots=True)
class Plan:
    """What to apply, in order, on top of what is applied already.

    `held` are contract migrations, which wait for their command; `ahead` are versions that the database has and the
    files have not; `forgotten` are names of repeatable migrations whose files are gone, and `replaced` versions whose
    files are gone because another stands for them; `unfinished` is the first of `pending` where it was begun already.
    """

    head: Head | None
    applied: Applied = Applied()
    pending: tuple[MigrationFile, ...] = ()
    held: tuple[VersionedFile, ...] = ()
    ahead: tuple[int, ...] = ()
    forgotten: tuple[str, ...] = ()
    replaced: tuple[int, ...] = ()
    unfinished: Unfinished | None = None

    def only_unfinished(self) -> Plan:
        """Return the plan for what is half done, and nothing else."""
        return replace(self, pending=(self.unfinished.file,) if self.unfinished else ())

    def after(self, files: Sequence[MigrationFile]) -> Plan:
        """Return the plan for what remains once `files`, the first of the pending ones, are applied and recorded."""
        applied = self.applied.plus(files, without=self.forgotten, replaced=self.replaced)
        return Plan(Head(applied.version, applied.digest), applied, self.pending[len(files) :], self.held, self.ahead)


def chain(migrations: Iterable[VersionedFile | Version]) -> tuple[bytes, ...]:
    """Return the digest after each of `migrations`, which are in the order of their versions."""
    digests = accumulate(
        migrations, lambda digest, each: chain_digest(digest, each.version, each.checksum), initial=b""
    )
    return tuple(digests)[1:]


def plan_from_head(loaded: LoadedMigrations, head: Head | None, *, contract: bool = False) -> Plan | None:
    """Return the plan when the head alone tells it, or None when the ledger must be read.

    With `contract`, the migrations of that phase are not held.
    """
    if head is None:
        return _plan(loaded, None, Applied(), contract=contract)
    applied = None if head.dirty else _recognise(loaded, head.digest)
    return None if applied is None else _plan(loaded, head, applied, contract=contract)


def plan_from_ledger(
    loaded: LoadedMigrations, head: Head | None, rows: Sequence[LedgerRow], *, contract: bool = False
) -> Plan:
    """Return the plan by all that is known; `rows` are of the same moment as `head`.

    A file that was renamed is the same migration as long as version and content are. Raises LedgerError when head
    and ledger contradict each other, and MigrationDriftError with every disagreement with the files.
    """
    applied, begun = applied_of(rows), [row for row in rows if row.is_open]
    if (head.digest if head else b"") != applied.digest or (head is not None and head.dirty) != bool(begun):
        fact = "poolhouse.head is not what follows from poolhouse.ledger"
        raise LedgerError(fact, module=loaded.module, schema=loaded.schema)
    if drift := drift_of(loaded, rows):
        raise MigrationDriftError(drift)
    return _plan(loaded, head, applied, contract=contract, begun=begun)


def is_settled(loaded: LoadedMigrations, applied: Applied) -> bool:
    """Whether the files say nothing else than what is applied, so that the same files can only say so again."""
    checksums = {file.version: file.checksum for file in loaded.files}
    plan = _plan(loaded, None, applied, contract=False)
    left = (*plan.pending, *plan.held, *plan.ahead, *plan.forgotten, *plan.replaced)
    return not left and all(checksums.get(each.version) == each.checksum for each in applied.versions)


def applied_of(rows: Iterable[LedgerRow]) -> Applied:
    """Return what the rows of the ledger say is applied."""
    versions: list[Version] = []
    repeatables: list[Repeatable] = []
    for row in rows:
        if row.is_open:
            continue
        if row.version is None:
            repeatables.append(Repeatable(row.name, row.checksum))
        else:
            versions.append(Version(row.version, row.checksum))
    return Applied(tuple(sorted(versions)), tuple(sorted(repeatables)))


def applied_files(loaded: LoadedMigrations, applied: Applied) -> tuple[MigrationFile, ...]:
    """Return the files that, run in their order, make what is applied; of the repeatable ones as they are now."""
    names = {each.name for each in applied.repeatables}
    versioned = present(loaded.files, {each.version for each in applied.versions})
    return (*versioned, *(file for file in loaded.repeatables if file.name in names))


def _after_repeatables(digest: bytes, repeatables: Iterable[Repeatable | RepeatableFile]) -> bytes:
    return reduce(lambda previous, each: repeatable_digest(previous, each.name, each.checksum), repeatables, digest)


def _recognise(loaded: LoadedMigrations, digest: bytes) -> Applied | None:
    """Return what a head of this digest stands for, when it is a state that these files come through."""
    for files in _histories(loaded):
        digests = (b"", *chain(files))
        for count in range(len(files), -1, -1):
            if digests[count] == digest:
                return Applied().plus(files[:count])
            if loaded.repeatables and _after_repeatables(digests[count], loaded.repeatables) == digest:
                return Applied().plus((*files[:count], *loaded.repeatables))
    return None


def _histories(loaded: LoadedMigrations) -> Iterator[tuple[VersionedFile, ...]]:
    """Yield the orders in which these files are usually applied: contract ones as the last, one command after another.

    Any other order, such as a contract migration that was left out for a later one, is recognised by the ledger.
    """
    contracts = [file for file in loaded.files if file.is_contract]
    for count in range(len(contracts), -1, -1):
        left = set(contracts[count:])
        yield tuple(file for file in loaded.files if file not in left)
    # Where migrations stand for others, a schema may have been installed by them.
    installed = tuple(file for file in loaded.files if stand_in(loaded.files, file.version) is None)
    if len(installed) < len(loaded.files):
        yield installed


def _plan(
    loaded: LoadedMigrations,
    head: Head | None,
    applied: Applied,
    *,
    contract: bool,
    begun: Sequence[LedgerRow] = (),
) -> Plan:
    known = {file.version: file for file in loaded.files}
    reached = {*(each.version for each in applied.versions), *(row.version or 0 for row in begun)}
    ahead = tuple(sorted(version for version in reached if version > loaded.newest))
    unfinished = [Unfinished(known[row.version], row) for row in begun if row.version in known]
    waiting = unapplied(loaded.files, reached)
    held = tuple(file for file in waiting if file.is_contract and not contract)
    waiting = [file for file in waiting if not any(file is each or covers(file, each.version) for each in held)]
    # A newer release has been here: what it made of its repeatable migrations is not to be undone by an older one.
    changed = (
        () if ahead else tuple(file for file in loaded.repeatables if _as_applied(file) not in applied.repeatables)
    )
    names = {file.name for file in loaded.repeatables}
    return Plan(
        head,
        applied,
        pending=(*(each.file for each in unfinished), *waiting, *changed),
        held=held,
        ahead=ahead,
        forgotten=() if ahead else tuple(each.name for each in applied.repeatables if each.name not in names),
        replaced=() if ahead else replaced(loaded.files, {each.version for each in applied.versions}),
        unfinished=next(iter(unfinished), None),
    )


def _as_applied(file: RepeatableFile) -> Repeatable:
    return Repeatable(file.name, file.checksum)

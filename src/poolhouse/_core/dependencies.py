"""Which migrations wait for which: what their files say, and what schemas have in common."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.identifiers import parse_qualified
from poolhouse._core.squashing import covers, stand_in
from poolhouse.errors import MigrationDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from poolhouse._core.directives import Dependency
    from poolhouse._core.migration_file import LoadedMigrations, MigrationFile, VersionedFile
    from poolhouse._core.plan import Plan


class Need(NamedTuple):
    """A version of another set that has to be applied first."""

    loaded: LoadedMigrations
    version: int


class Dependencies:
    """What each of `sets`, which are migrated together, waits for.

    A file waits for the migrations it depends on: in the same schema where the other module is there, else in all of
    its schemas. Besides, a set waits for all of an earlier one that has the same schema, or a schema that it reads,
    unless that one waits for it: what is so close is kept in the given order without saying it in a file.
    """

    def __init__(self, sets: Sequence[LoadedMigrations]) -> None:
        self._by_module: dict[str, list[LoadedMigrations]] = defaultdict(list)
        for each in sets:
            self._by_module[each.module].append(each)
        self._said = {each: frozenset(self._said_by(each)) for each in sets}
        self._before: dict[LoadedMigrations, tuple[LoadedMigrations, ...]] = {}
        earlier: dict[str, list[LoadedMigrations]] = defaultdict(list)
        for each in sets:
            schemas = {each.schema, *(parse_qualified(read)[0] for read in each.reads)}
            near = [other for schema in sorted(schemas) for other in earlier[schema]]
            self._before[each] = tuple(other for other in near if not self._reaches(other, each))
            earlier[each.schema].append(each)

    def sets_before(self, loaded: LoadedMigrations) -> tuple[LoadedMigrations, ...]:
        """Return the sets that `loaded` waits for as a whole."""
        return self._before.get(loaded, ())

    def needs(self, loaded: LoadedMigrations, file: MigrationFile) -> tuple[Need, ...]:
        """Return what `file` depends on."""
        return tuple(
            Need(target, _standing_for(target, dependency.version) if target is not loaded else dependency.version)
            for dependency in file.directives.depends
            for target in self._targets(loaded, dependency)
        )

    def is_ready(self, loaded: LoadedMigrations, file: MigrationFile, plans: Mapping[LoadedMigrations, Plan]) -> bool:
        """Whether all that `file` of `loaded` waits for is applied, where the other sets stand at `plans`."""
        if any(plans[other].pending for other in self.sets_before(loaded)):
            return False
        needs = self.needs(loaded, file)
        return all(version in {each.version for each in plans[other].applied.versions} for other, version in needs)

    def faults(self) -> list[MigrationDependencyError]:
        """Return everything that is wrong with what the files say: what is not there, and circles."""
        missing = [fault for sets in self._by_module.values() for each in sets for fault in self._missing(each)]
        return missing or [*self._circles()]

    def withheld(self, plans: Mapping[LoadedMigrations, Plan]) -> Iterator[MigrationDependencyError]:
        """Yield an error for each pending file that depends on a contract migration which nobody has asked for."""
        for loaded, plan in plans.items():
            for file in plan.pending:
                for target, version in self.needs(loaded, file):
                    if any(held.version == version for held in plans[target].held):
                        fact = f"it depends on {target.module}/{version:04}, a contract migration that was not applied"
                        remedy = "Apply the contract migrations first, by their command"
                        yield MigrationDependencyError(file.file, fact, remedy=remedy)

    def _said_by(self, loaded: LoadedMigrations) -> Iterator[LoadedMigrations]:
        for file in _files(loaded):
            yield from (need.loaded for need in self.needs(loaded, file))

    def _targets(self, loaded: LoadedMigrations, dependency: Dependency) -> list[LoadedMigrations]:
        targets = self._by_module.get(dependency.module, [])
        return [each for each in targets if each.schema == loaded.schema] or targets

    def _reaches(self, start: LoadedMigrations, goal: LoadedMigrations) -> bool:
        seen, following = {start}, [start]
        while following:
            each = following.pop()
            if each is goal:
                return True
            new = {*self._said[each], *self._before.get(each, ())} - seen
            seen |= new
            following += new
        return False

    def _missing(self, loaded: LoadedMigrations) -> Iterator[MigrationDependencyError]:
        for file in _files(loaded):
            for dependency in file.directives.depends:
                targets = self._targets(loaded, dependency)
                if not targets:
                    fact = f"it depends on {dependency}, and no module {dependency.module!r} is migrated with it"
                    known = ", ".join(sorted(self._by_module))
                    yield MigrationDependencyError(file.file, fact, remedy=f"Known here are {known}")
                elif not _has(targets[0], dependency.version):
                    fact = f"it depends on {dependency}, and {targets[0].directory} has no such version"
                    yield MigrationDependencyError(file.file, fact, remedy="Correct the version")

    def _circles(self) -> Iterator[MigrationDependencyError]:
        done: set[tuple[LoadedMigrations, int]] = set()
        for loaded in (each for sets in self._by_module.values() for each in sets):
            for file in loaded.files:
                circle = self._circle((loaded, file.version), done)
                if circle:
                    drawn = " -> ".join(f"{each.module}/{version:04}" for each, version in circle)
                    fact = f"migrations depend on each other in a circle: {drawn}"
                    yield MigrationDependencyError(file.file, fact, remedy="Take one of the dependencies away")

    def _circle(
        self, start: tuple[LoadedMigrations, int], done: set[tuple[LoadedMigrations, int]]
    ) -> list[tuple[LoadedMigrations, int]] | None:
        """Follow what has to come before `start`, each once in all calls; return the first way back to itself."""
        path: dict[tuple[LoadedMigrations, int], Iterator[tuple[LoadedMigrations, int]]] = {}
        if start in done:
            return None
        path[start] = self._preceding(*start)
        while path:
            last = next(reversed(path))
            following = next(path[last], None)
            if following is None:
                done.add(last)
                del path[last]
            elif following in path:
                nodes = [*path]
                done.update(nodes)
                return [*nodes[nodes.index(following) :], following]
            elif following not in done:
                path[following] = self._preceding(*following)
        return None

    def _preceding(self, loaded: LoadedMigrations, version: int) -> Iterator[tuple[LoadedMigrations, int]]:
        at = next(index for index, file in enumerate(loaded.files) if file.version == version)
        file: VersionedFile = loaded.files[at]
        yield from ((need.loaded, need.version) for need in self.needs(loaded, file))
        if at:
            yield loaded, loaded.files[at - 1].version


def _standing_for(loaded: LoadedMigrations, version: int) -> int:
    """Return the version that is applied, or recorded, wherever `version` is applied or stood for."""
    squash = stand_in(loaded.files, version)
    return squash.version if squash else version


def _has(loaded: LoadedMigrations, version: int) -> bool:
    return any(version == each.version or covers(each, version) for each in loaded.files)


def _files(loaded: LoadedMigrations) -> Iterable[MigrationFile]:
    return (*loaded.files, *loaded.repeatables)

"""The SQL files of one service, bound to its schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

from poolhouse._core.identifiers import check_identifier
from poolhouse.errors import ConfigurationError, IdentifierError, UsageError
from poolhouse.migrations.files import LEDGER, WrittenMigrations, read_folder
from poolhouse.migrations.runner import migrate
from poolhouse.schema import SchemaManager

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poolhouse._core.migration_file import LoadedMigrations
    from poolhouse.migrations.files import Folder
    from poolhouse.migrations.report import MigrationReport


class MigrationSet:
    """The migrations of one service: the files of a folder, applied to the schema of a schema manager.

    `directory` is relative to the working directory; `module` names the set in the ledger and must stay the same
    for ever, which the folder's name is taken for by default. Building a set reads nothing, and it is immutable.

    A file is `<digits>_<name>.sql`, for example `0007_add_status.sql` or `20250131093000_add_status.sql`; the
    digits are its version, compared as an integer. `R_<name>.sql` is repeatable: it is run after the versioned ones
    whenever it is not what was run last. Besides, the folder may hold hidden files, a README and an `__init__.py`;
    any other name is an error. Each file is UTF-8 SQL, and may be a template. It runs in a transaction together with
    its record in the ledger, with the schema first in `search_path`. Comments above its first statement change that:

    - `-- poolhouse: no-transaction` sends its statements one by one, in a session of their own, and records each.
    - `-- poolhouse: isolate` gives it a transaction without other files.
    - `-- poolhouse: depends: users/0003` lets it wait for a migration of another module; any number of these.
    - `-- poolhouse: lock-timeout: 10s` and `statement-timeout: 5min` limit each statement; 0 for no limit.
    - `-- poolhouse: phase: contract` lets it wait until somebody asks for it; `expand` is what all others are.
    - `-- poolhouse: replaces: 0001..0007` lets it stand for others: applied in their place, or else only recorded.
    - `-- poolhouse: template-bodies` extends templates to dollar-quoted bodies.
    - `-- poolhouse: irreversible` and `allow: <rule> <reason>` are for who reviews it, or for a linter of your own:
      they are checked for their form, and nothing here acts on them.

    With `schemas` the files are applied to each of those, and not to that of the manager: a list of names, or a query
    of their names in one column, which may be a template for the manager's schema. Then up to fifty schemas share a
    transaction, and each set is migrated after those of one schema, so that a query finds their tables. A schema that
    fails keeps no other from it until more than `failure_limit` have failed; where the first fails, no other is tried.

    A file that was not applied, below others that were, is an error, unless `out_of_order` is "apply".
    Raises IdentifierError for a module name that the ledger cannot hold, and for the ledger's own.
    """

    __slots__ = ("_applies_late", "_db", "_directory", "_failure_limit", "_last", "_module", "_schemas")

    _applies_late: bool
    _db: SchemaManager
    _directory: Path
    _failure_limit: int
    _last: int | None
    _module: str
    _schemas: tuple[str, ...] | str | None

    def __init__(
        self,
        db: SchemaManager,
        directory: str | Path,
        *,
        module: str | None = None,
        schemas: Sequence[str] | str | None = None,
        failure_limit: int = 10,
        out_of_order: Literal["refuse", "apply"] = "refuse",
    ) -> None:
        path = Path(directory)
        name = check_identifier(path.resolve().name if module is None else module)
        for reserved in {name, db.schema} & {LEDGER}:
            raise IdentifierError(reserved, "it is the ledger's own", remedy="Choose another name")
        if out_of_order not in {"refuse", "apply"}:
            fact = f"out_of_order cannot be {out_of_order!r}"
            raise ConfigurationError(fact, place=f"module {name!r}", remedy="Choose 'refuse' or 'apply'")
        object.__setattr__(self, "_applies_late", out_of_order == "apply")
        object.__setattr__(self, "_db", db)
        object.__setattr__(self, "_directory", path)
        object.__setattr__(self, "_failure_limit", failure_limit)
        object.__setattr__(self, "_last", None)
        object.__setattr__(self, "_module", name)
        names = schemas if schemas is None or isinstance(schemas, str) else _distinct(schemas)
        object.__setattr__(self, "_schemas", names)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a MigrationSet is immutable: build another one instead of setting {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a MigrationSet is immutable: {name!r} cannot be deleted")

    def __repr__(self) -> str:
        schemas = f"schema {self._db.schema!r}"
        if self._schemas is not None:
            schemas = "schemas of a query" if isinstance(self._schemas, str) else f"{len(self._schemas)} schemas"
        return f"<MigrationSet of module {self._module!r}, {schemas}, {str(self._directory)!r}>"

    @property
    def db(self) -> SchemaManager:
        """The schema manager whose schema is migrated."""
        return self._db

    @property
    def directory(self) -> Path:
        """The folder that holds the files."""
        return self._directory

    @property
    def module(self) -> str:
        """The set's name in the ledger."""
        return self._module

    @property
    def schemas(self) -> tuple[str, ...] | str | None:
        """The schemas that are migrated, or the query of them; None where it is that of the manager."""
        return self._schemas

    @property
    def failure_limit(self) -> int:
        """How many of the schemas may fail before no other is tried."""
        return self._failure_limit

    def for_schema(self, schema: str) -> MigrationSet:
        """Return the set for one of its schemas, for what looks at or mends a single one."""
        db = SchemaManager(self._db.pool, schema=schema, reads=self._db.reads, service=self._db.service)
        late: Literal["refuse", "apply"] = "apply" if self._applies_late else "refuse"
        one = MigrationSet(db, self._directory, module=self._module, out_of_order=late)
        object.__setattr__(one, "_last", self._last)
        return one

    def up_to(self, version: int) -> MigrationSet:
        """Return this set without the files above `version`, and without repeatable ones, which come after all."""
        late: Literal["refuse", "apply"] = "apply" if self._applies_late else "refuse"
        limited = MigrationSet(
            self._db,
            self._directory,
            module=self._module,
            schemas=self._schemas,
            failure_limit=self._failure_limit,
            out_of_order=late,
        )
        object.__setattr__(limited, "_last", version)
        return limited

    def load(self) -> LoadedMigrations:
        """Return the checked files in the order of their versions, without asking the database.

        Raises MigrationFilesError with everything that is wrong, each with its file and, where there is one, its place.
        """
        return self.written(read_folder(self._directory)).load()

    def written(self, folder: Folder) -> WrittenMigrations:
        """Return the set's files, which were read as `folder`, without looking into them."""
        return WrittenMigrations(
            self._module, self._db.schema, self._db.reads, folder, applies_late=self._applies_late, last=self._last
        )

    async def apply(self, *, timeout: float | None = None, contract: bool = False) -> MigrationReport:
        """Apply what is pending to the one schema of this set, as `migrate` does for several sets.

        Raises UsageError for a set of many schemas, which has a report for each.
        """
        if self._schemas is not None:
            fact = f"module {self._module!r} has many schemas, and cannot answer with the report of one"
            raise UsageError(fact, remedy="Call `migrate([migrations])`, or `migrations.for_schema(name).apply()`")
        return (await migrate([self], timeout=timeout, contract=contract)).reports[0]


def _distinct(schemas: Sequence[str]) -> tuple[str, ...]:
    """Return names of schemas after a check; raises IdentifierError for one that cannot be, or is there twice."""
    seen: set[str] = set()
    for schema in schemas:
        if check_identifier(schema) in seen or schema == LEDGER:
            fact = "it is the ledger's own" if schema == LEDGER else "it is there twice"
            raise IdentifierError(schema, fact, remedy="Name each schema once")
        seen.add(schema)
    return tuple(schemas)

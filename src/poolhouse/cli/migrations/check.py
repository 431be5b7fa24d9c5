"""`poolhouse migrations check`."""

from poolhouse._core.listing import some_of
from poolhouse._core.migration_file import LoadedMigrations
from poolhouse.cli.answer import Answer, Table
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import Modules, migrations
from poolhouse.cli.migrations.schemas import with_needed
from poolhouse.cli.verb import verb
from poolhouse.migrations import MigrationSet
from poolhouse.migrations.reading import load_all


@verb(
    migrations,
    examples=["poolhouse migrations check", "poolhouse migrations check users orders"],
    json="{modules: [{module, schema, directory, files, repeatables, newest}]}; instead of schema, a module that has "
    "many says schemas, which are a list or the query of them",
)
async def check(application: Application, modules: Modules = None) -> Answer:
    """Check the migration files, without a database; `status` says how the schemas stand.

    Names, directives, templates, statements that no migration may hold, and dependencies between modules: everything
    that is wrong is told at once, each with its file, line and column, and the exit code is 3 then.
    """
    sets = application.sets(modules or ())
    load_all(with_needed(sets, application.sets()))
    loaded = [(each, each.load()) for each in sets]
    rows = tuple(
        (each.module, _schemas(migration_set), each.directory, str(len(each.files) + len(each.repeatables)), newest)
        for migration_set, each in loaded
        for newest in [_newest(each) or "-"]
    )
    table = Table(("MODULE", "SCHEMA", "DIRECTORY", "FILES", "NEWEST"), rows)
    return Answer({"modules": [_described(*each) for each in loaded]}, (table, "Nothing is wrong with the files."))


def _schemas(migrations: MigrationSet) -> str:
    if isinstance(migrations.schemas, str):
        return "those of a query"
    return migrations.db.schema if migrations.schemas is None else some_of(migrations.schemas)


def _described(migrations: MigrationSet, loaded: LoadedMigrations) -> dict[str, object]:
    where: dict[str, object] = {"schema": loaded.schema}
    if migrations.schemas is not None:
        where = {"schemas": migrations.schemas if isinstance(migrations.schemas, str) else [*migrations.schemas]}
    return {
        "module": loaded.module,
        **where,
        "directory": loaded.directory,
        "files": len(loaded.files),
        "repeatables": len(loaded.repeatables),
        "newest": _newest(loaded),
    }


def _newest(loaded: LoadedMigrations) -> str | None:
    return loaded.files[-1].filename if loaded.files else None

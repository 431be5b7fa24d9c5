"""`poolhouse migrations check`."""

from poolhouse._core.migration_file import LoadedMigrations
from poolhouse.cli.answer import Answer, Table
from poolhouse.cli.application import Application
from poolhouse.cli.migrations.group import Modules, migrations
from poolhouse.cli.verb import verb
from poolhouse.migrations.reading import load_all


@verb(
    migrations,
    examples=["poolhouse migrations check", "poolhouse migrations check users orders"],
    json="{modules: [{module, schema, directory, files, repeatables, newest}]}",
)
async def check(application: Application, modules: Modules = None) -> Answer:
    """Check the migration files, without a database.

    Names, directives, templates, statements that no migration may hold, and dependencies between modules: everything
    that is wrong is told at once, each with its file, line and column, and the exit code is 3 then.
    """
    loaded = [each for together, _ in load_all(application.sets(modules or ())).values() for each in together]
    rows = tuple(
        (each.module, each.schema, each.directory, str(len(each.files) + len(each.repeatables)), _newest(each) or "-")
        for each in loaded
    )
    table = Table(("MODULE", "SCHEMA", "DIRECTORY", "FILES", "NEWEST"), rows)
    return Answer({"modules": [_described(each) for each in loaded]}, (table, "Nothing is wrong with the files."))


def _described(loaded: LoadedMigrations) -> dict[str, object]:
    return {
        "module": loaded.module,
        "schema": loaded.schema,
        "directory": loaded.directory,
        "files": len(loaded.files),
        "repeatables": len(loaded.repeatables),
        "newest": _newest(loaded),
    }


def _newest(loaded: LoadedMigrations) -> str | None:
    return loaded.files[-1].filename if loaded.files else None

"""A service with many schemas, beside the others of the project."""

from __future__ import annotations

from tests.integration.cli.conftest import APPLICATION

QUERY = "SELECT name FROM {{tables.tenants}} ORDER BY name"

_SETS = """
    control = providers.Factory(SchemaManager, pool, schema="control")
    control_migrations = providers.Factory(MigrationSet, control, "migrations/control")
    tenants_migrations = providers.Factory(MigrationSet, control, "migrations/tenants", schemas={schemas!r})
"""

NOTES = "CREATE TABLE {{tables.notes}} (id int PRIMARY KEY, n int);\n"


def names(count):
    return [f"tenant_{number}" for number in range(count)]


def declare(project, schemas):
    """Give the project a module `tenants`, with a list of schemas or with the query of those in `control.tenants`."""
    application = APPLICATION[: APPLICATION.index("    users =")] + _SETS.format(schemas=schemas)
    project.write(f"{project.module}.py", application)
    project.write("migrations/control/0001_tenants.sql", "CREATE TABLE {{tables.tenants}} (name text PRIMARY KEY);\n")
    project.write("migrations/tenants/0001_notes.sql", NOTES)
    return project


def spoil(project, *schemas):
    """Give tables of schemas rows that cannot be made unique, which `unique` is about to do."""
    project.execute("".join(f"INSERT INTO {schema}.notes VALUES (1, 0), (2, 0);" for schema in schemas))


def unique(project):
    project.write("migrations/tenants/0002_unique.sql", "ALTER TABLE {{tables.notes}} ADD UNIQUE (n);\n")

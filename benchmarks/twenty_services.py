"""A project of twenty services on disk, each of which asks the one before through a port."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = 20
FILES = 10
# In the middle: somebody needs it, and it needs somebody.
ONE = "service_10"

_PROJECT = """
    [tool.poolhouse]
    container = "containers.application:ApplicationContainer"
    settings = "poolhouse.settings:ApplicationSettings"
"""
_SERVICE = """
    from typing import Protocol

    from pydantic import BaseModel

    from poolhouse.schema import SchemaManager

    class Item(BaseModel, frozen=True):
        id: int
        name: str

    class Before(Protocol):
        async def has(self, item_id: int) -> bool: ...

    class Items:
        def __init__(self, db: SchemaManager, before: Before | None) -> None:
            self._db = db
            self._before = before

        async def has(self, item_id: int) -> bool:
            query = "SELECT EXISTS (SELECT FROM {{{{tables.items_1}}}} WHERE id = $1)"
            found: bool = await self._db.fetchval(query, item_id)
            return found
"""
_CONTAINER = """
    from dependency_injector import providers

    from poolhouse.container import Container
    from poolhouse.migrations import MigrationSet
    from poolhouse.pool import SharedPool
    from poolhouse.schema import SchemaManager
    from services.{name} import Before, Items

    class ServiceContainer(Container):
        pool = providers.Dependency(instance_of=SharedPool)
        before = {before}
        db = providers.Factory(SchemaManager, pool, schema="{name}")
        migrations = providers.Factory(MigrationSet, db, "migrations/{name}")
        service = providers.Factory(Items, db, before)
"""
_MIGRATION = """
    CREATE TABLE {{{{tables.items_{number}}}}} (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL CHECK (name <> ''),
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX items_{number}_by_name ON {{{{tables.items_{number}}}}} (name);
"""
_APPLICATION = """
    from dependency_injector import providers

    from poolhouse.container import Container
    from poolhouse.pool import SharedPool
    from poolhouse.settings import ApplicationSettings
    {imports}

    class ApplicationContainer(Container):
        settings = providers.Dependency(instance_of=ApplicationSettings)
        pool = providers.Resource(SharedPool, settings.provided.database)
        {parts}
"""


def write(folder: Path) -> None:
    """Write the project into an empty folder."""
    names = [f"service_{number}" for number in range(SERVICES)]
    _write(folder / "pyproject.toml", _PROJECT)
    # Or they would be parts of the reference application's packages.
    _write(folder / "services" / "__init__.py", "")
    _write(folder / "containers" / "__init__.py", "")
    imports, parts = [], []
    for name, before in zip(names, [None, *names], strict=False):
        port = "providers.Object(None)" if before is None else "providers.Dependency(instance_of=Before)"
        given = "" if before is None else f", before={before}.service"
        _write(folder / "services" / f"{name}.py", _SERVICE.format())
        _write(folder / "containers" / f"{name}.py", _CONTAINER.format(name=name, before=port))
        for number in range(1, FILES + 1):
            _write(folder / "migrations" / name / f"{number:04}_items.sql", _MIGRATION.format(number=number))
        imports.append(f"from containers.{name} import ServiceContainer as {name.title()}")
        parts.append(f"{name} = providers.Container({name.title()}, pool=pool{given})")
    text = _APPLICATION.format(imports="\n    ".join(imports), parts="\n        ".join(parts))
    _write(folder / "containers" / "application.py", text)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dedent(text).lstrip())

"""Modular monoliths on PostgreSQL: one container, one shared pool, a schema and migrations for each service."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poolhouse.container import Container, Part
    from poolhouse.embedded import EmbeddedPostgres
    from poolhouse.migrations import MigrationSet
    from poolhouse.pool import SharedPool
    from poolhouse.schema import SchemaManager
    from poolhouse.settings import ApplicationSettings, DatabaseSettings, Profile

__all__ = [
    "ApplicationSettings",
    "Container",
    "DatabaseSettings",
    "EmbeddedPostgres",
    "MigrationSet",
    "Part",
    "Profile",
    "SchemaManager",
    "SharedPool",
]

_HOMES = {
    "ApplicationSettings": "poolhouse.settings",
    "Container": "poolhouse.container",
    "DatabaseSettings": "poolhouse.settings",
    "EmbeddedPostgres": "poolhouse.embedded",
    "MigrationSet": "poolhouse.migrations",
    "Part": "poolhouse.container",
    "Profile": "poolhouse.settings",
    "SchemaManager": "poolhouse.schema",
    "SharedPool": "poolhouse.pool",
}

if not TYPE_CHECKING:  # for which every name would be there

    def __getattr__(name: str) -> Any:
        # Imported when asked for: `poolhouse.errors` or the pytest plugin alone must not load the driver.
        if name in _HOMES:
            return getattr(import_module(_HOMES[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The application that a command works on, loaded when a verb asks for it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from poolhouse._core.suggestion import nearest
from poolhouse.cli.loading import load_container, load_routers, load_settings
from poolhouse.cli.project import find_project
from poolhouse.container import migrating, migration_sets
from poolhouse.container.plan import plan_start
from poolhouse.embedded.joining import joining
from poolhouse.errors import ApplicationRunsError, CommandError, DataDirectoryBusyError
from poolhouse.roles.claims import by_pool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from poolhouse.cli.project import Project
    from poolhouse.container import Asking, Container
    from poolhouse.migrations import MigrationSet
    from poolhouse.schema import SchemaManager
    from poolhouse.settings import ServiceRoles


class Application:
    """The application of the working directory, or of what `--container` and `--settings` say."""

    def __init__(self, *, container: str | None = None, settings: str | None = None) -> None:
        self._said = {"container": container, "settings": settings}

    @property
    def said(self) -> dict[str, str | None]:
        """What `--container` and `--settings` say."""
        return self._said

    def again(self) -> Application:
        """Return the same application, not loaded yet."""
        return Application(**self._said)

    @cached_property
    def container(self) -> Container:
        """The container, which opens nothing; loading it may raise CommandError or what the settings raise."""
        return load_container(self.project)

    @cached_property
    def routers(self) -> tuple[Asking, ...]:
        """What asks the container for things, as pyproject.toml names it; loading it may raise CommandError."""
        return load_routers(self.project)

    @cached_property
    def project(self) -> Project:
        """Where the application is; finding it loads nothing, and may raise CommandError."""
        return find_project(Path.cwd(), **self._said)

    @cached_property
    def settings(self) -> Any:
        """The application's settings, without its container where they are named; may raise as loading that does."""
        return load_settings(self.project)

    def sets(self, modules: Sequence[str] = ()) -> tuple[MigrationSet, ...]:
        """Return the migration sets of `modules`, or all, in the order in which they are applied, without a database.

        Raises CommandError for a module that there is not.
        """
        return _chosen(migration_sets(self.container), modules)

    @asynccontextmanager
    async def migrating(self, modules: Sequence[str] = ()) -> AsyncGenerator[tuple[MigrationSet, ...]]:
        """Open the server and the pool for the time of a block, which gets the migration sets of `modules`, or all.

        Where the application runs on its embedded PostgreSQL at the moment, that is the server.
        """
        self.sets(modules)
        try:
            with joining():
                async with migrating(self.container) as sets:
                    yield _chosen(sets, modules)
        except DataDirectoryBusyError as error:
            raise ApplicationRunsError(error.directory, error.pid) from None

    def role_parts(self, *modes: ServiceRoles) -> tuple[SchemaManager | MigrationSet, ...]:
        """Return what the container's start establishes roles for, on pools that are open and have one of `modes`."""
        plan = plan_start(cast("Any", self.container))
        parts = by_pool((*plan.migrations, *plan.managers))
        mine = (those for pool, those in parts.items() if pool.is_open and pool.settings.service_roles in modes)
        return tuple(chain.from_iterable(mine))


def _chosen(sets: tuple[MigrationSet, ...], modules: Sequence[str]) -> tuple[MigrationSet, ...]:
    if not sets:
        raise CommandError("the container has no migration sets", remedy="Declare a provider that makes a MigrationSet")
    known = sorted({each.module for each in sets})
    for module in modules:
        if module not in known:
            close = nearest(module, known)
            remedy = f"Did you mean {close}?" if close else f"There are {', '.join(known)}"
            raise CommandError(f"there is no module {module!r}", remedy=remedy)
    return tuple(each for each in sets if not modules or each.module in modules)

"""The application that is tested: found as the command line finds it, with settings for tests."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from poolhouse.cli.loading import load_container_class, load_settings_class
from poolhouse.cli.project import find_project
from poolhouse.errors import CommandError
from poolhouse.settings import ApplicationSettings, DatabaseSettings, EmbeddedSettings, Profile
from poolhouse.testing.blueprint import Blueprint

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from poolhouse.container import Container


def container_of(root: Path) -> type[Container]:
    """Return the class of the container that `[tool.poolhouse]` names; raises CommandError.

    The project's folder becomes the working directory, and the first place that modules are imported from.
    """
    return load_container_class(find_project(root))


def settings_of(root: Path) -> ApplicationSettings:
    """Return the settings of the profile `test`, without what the environment says; raises CommandError.

    They may lead to a database that is nobody's: tests replace it.
    """
    project = find_project(root)
    kind = load_settings_class(project)
    if not (isinstance(kind, type) and issubclass(kind, ApplicationSettings)):
        fact = "the settings of the application are not named, or no class of poolhouse.settings.ApplicationSettings"
        remedy = 'Name it, as settings = "app.settings:Settings"; or override the fixture application_settings'
        raise CommandError(fact, place=project.container.place, remedy=remedy)
    with _without_variables(kind.model_config.get("env_prefix", "")):
        return kind(profile=Profile.TEST)


@contextmanager
def _without_variables(prefix: str) -> Generator[None]:
    """Take out of the environment what it sets for the application, which differs from one shell to the next."""
    hidden = {name: value for name, value in os.environ.items() if prefix and name.upper().startswith(prefix.upper())}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def blueprint_of(make: Callable[..., Container], settings: ApplicationSettings) -> Blueprint:
    """Return how to make the application for a database: with `settings`, but for what leads to that."""

    def make_for(database: DatabaseSettings) -> Container:
        changes: dict[str, Any] = {"database": database, "embedded": EmbeddedSettings(enabled=False)}
        return make(settings=settings.model_copy(update=changes))

    return Blueprint(make_for, settings.database)

"""Settings of an application: its sections, and defaults that differ between profiles."""

from collections.abc import Mapping
from pathlib import Path
from typing import assert_type

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from poolhouse.settings import (
    ApplicationSettings,
    DatabaseSettings,
    EmbeddedSettings,
    MigrationMode,
    Origin,
    Pooler,
    Profile,
    Reset,
    Seconds,
    ServiceRoles,
    SettingsSection,
    origins,
    per_profile,
    variables,
)


class Mail(SettingsSection):
    host: str = "localhost"
    timeout: Seconds = Field(default=5.0, description="seconds for one message")


class Settings(ApplicationSettings):
    model_config = SettingsConfigDict(env_prefix="APP_")

    workers: int = per_profile(Field(default=1, ge=1), production=4)
    host: str | None = per_profile(None, production="0.0.0.0")
    mail: Mail = per_profile(Mail(), production=Mail(host="mail"))


def read() -> None:
    settings = Settings(profile=Profile.TEST)
    assert_type(settings.profile, Profile)
    assert_type(settings.database, DatabaseSettings)
    assert_type(settings.embedded, EmbeddedSettings)
    assert_type(settings.embedded.data_directory, Path)
    assert_type(settings.mail.timeout, float)
    assert_type(settings.workers, int)
    assert_type(settings.model_copy(update={"workers": 2}), Settings)
    assert_type(origins(settings), Mapping[tuple[str, ...], Origin])
    assert_type(variables(Settings), tuple[str, ...])


def read_of_the_database(database: DatabaseSettings) -> None:
    assert_type(database.dsn, SecretStr | None)
    assert_type(database.max_connections, Mapping[str, int])
    assert_type(database.command_timeout, float | None)
    assert_type(database.migration_mode, MigrationMode)
    assert_type(database.service_roles, ServiceRoles)
    assert_type(database.reset, Reset)
    assert_type(database.pooler, Pooler)


def told(origin: Origin) -> None:
    assert_type(origin.kind, str)
    assert_type(origin.place, str | None)


# What is wrong


class Mistyped(ApplicationSettings):
    workers: int = per_profile(1, production="four")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    port: str = per_profile(80)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


def mistyped() -> None:
    per_profile(1, prod=4)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    DatabaseSettings(maxsize=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


# Each of the two finds what the other leaves to pydantic, which finds both.


def changed(settings: Settings) -> None:
    settings.database.max_size = 5  # type: ignore[misc]
    EmbeddedSettings(enabled="no")  # pyright: ignore[reportArgumentType]

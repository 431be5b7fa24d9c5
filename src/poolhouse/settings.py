"""Settings of an application: validated whole, at construction, with every fault in one error.

An application subclasses `ApplicationSettings`, gives it a prefix, and adds what is its own::

    class Settings(ApplicationSettings):
        model_config = SettingsConfigDict(env_prefix="APP_")
        http: HttpSettings = HttpSettings()

Then `APP_DATABASE__MAX_SIZE=20` sets `settings.database.max_size`.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSettingError

from poolhouse._core.suggestion import nearest
from poolhouse.errors import SettingError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationInfo
    from pydantic_core import ErrorDetails

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Profile(StrEnum):
    """The environment an application runs in; selects the defaults that differ between environments."""

    DEVELOPMENT = "development"
    TEST = "test"
    STAGING = "staging"
    PRODUCTION = "production"

    @property
    def allows_embedded(self) -> bool:
        """Whether an embedded PostgreSQL may stand in for a missing DSN."""
        return self in {Profile.DEVELOPMENT, Profile.TEST}


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)


class DatabaseSettings(_Section):
    """The shared pool and the server behind it. All times are in seconds."""

    dsn: SecretStr | None = Field(default=None, description="postgresql://role:password@host:port/database")
    min_size: int = Field(default=2, ge=0, description="connections kept open")
    max_size: int = Field(default=10, ge=1, le=10_000, description="connections open at most")
    acquire_timeout: Seconds = Field(default=5.0, description="longest wait for a connection")
    command_timeout: Seconds | None = Field(default=None, description="longest run of one statement; none by default")
    connect_timeout: Seconds = Field(default=10.0, description="longest time for one attempt to connect")
    startup_timeout: Seconds = Field(default=30.0, description="how long a start waits for a server that is not up yet")
    drain_timeout: Seconds = Field(default=10.0, description="how long a shutdown waits for connections in use")
    check_timeout: Seconds = Field(default=1.0, description="longest time for a check of the pool")
    migration_timeout: Seconds = Field(default=60.0, description="how long a start waits for others that migrate")
    max_idle: Seconds = Field(default=300.0, description="an idle connection above min_size is closed after this time")
    application_name: str = Field(default="poolhouse", min_length=1, max_length=63, description="in pg_stat_activity")

    @field_validator("dsn")
    @classmethod
    def _has_a_known_scheme(cls, dsn: SecretStr | None) -> SecretStr | None:
        if dsn is not None and not dsn.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise PydanticCustomError("dsn", "a DSN begins with postgresql://")
        return dsn

    @model_validator(mode="after")
    def _sizes_fit(self) -> DatabaseSettings:
        if self.min_size > self.max_size:
            sizes = {"min_size": self.min_size, "max_size": self.max_size}
            raise PydanticCustomError("sizes", "min_size ({min_size}) is greater than max_size ({max_size})", sizes)
        return self


class EmbeddedSettings(_Section):
    """The embedded PostgreSQL, for development and tests."""

    enabled: bool | None = Field(default=None, description="by default: where no DSN is set and the profile allows it")
    data_directory: Path = Field(default=Path(".poolhouse/postgres"), description="where the data stays between runs")
    binaries: Path | None = Field(default=None, description="folder of the programs postgres and initdb, to use these")


class ApplicationSettings(BaseSettings):
    """Base of an application's settings: profile, database and embedded PostgreSQL.

    Values come from arguments, then environment variables with the class's `env_prefix`, then defaults.
    Construction raises SettingsError with *everything* that is wrong: each illegal value, and each
    variable with the prefix that sets nothing, with the nearest name that would. No value is shown.
    Instances are immutable.
    """

    model_config = SettingsConfigDict(
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
        validate_default=True,
    )

    profile: Profile = Profile.DEVELOPMENT
    database: DatabaseSettings = DatabaseSettings()
    embedded: EmbeddedSettings = EmbeddedSettings()

    def __init__(self, **values: Any) -> None:
        faults = list(_unknown_variables(type(self)))
        try:
            super().__init__(**values)
        except ValidationError as error:
            faults += [_fault(type(self), detail) for detail in error.errors(include_input=False, include_url=False)]
        except UnreadableSettingError:
            faults.append(SettingError(_prefix(type(self)), "a variable that holds JSON cannot be read as JSON"))
        if faults:
            raise SettingsError(faults) from None

    @field_validator("embedded")
    @classmethod
    def _embedded_stands_in_for_a_dsn(cls, embedded: EmbeddedSettings, info: ValidationInfo) -> EmbeddedSettings:
        profile, database = info.data.get("profile"), info.data.get("database")
        if profile is None or database is None:
            return embedded
        if embedded.enabled is None:
            return embedded.model_copy(update={"enabled": database.dsn is None and profile.allows_embedded})
        if embedded.enabled and database.dsn is not None:
            raise PydanticCustomError("embedded", "a DSN is set, so no embedded PostgreSQL may be enabled")
        return embedded

    @model_validator(mode="after")
    def _there_is_a_database(self) -> ApplicationSettings:
        if self.database.dsn is None and not self.embedded.enabled:
            name = f"{_prefix(type(self))}DATABASE__DSN"
            profile = {"name": name, "profile": self.profile.value}
            raise PydanticCustomError("dsn", "{name} is not set, and no PostgreSQL is embedded in {profile}", profile)
        return self


def _prefix(settings: type[ApplicationSettings]) -> str:
    return settings.model_config.get("env_prefix", "").upper()


def variables(settings: type[ApplicationSettings]) -> tuple[str, ...]:
    """Return the names of all environment variables that `settings` reads, sorted."""
    return tuple(sorted(_names(settings, _prefix(settings))))


def _names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name.upper()}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _names(field.annotation, f"{prefix}{name.upper()}__")


def _unknown_variables(settings: type[ApplicationSettings]) -> Iterator[SettingError]:
    prefix, known = _prefix(settings), variables(settings)
    sections = tuple(f"{name}__" for name in known)
    for variable in sorted(os.environ):
        name = variable.upper()
        # What lies below a known section is judged by that section's own model.
        if prefix and name.startswith(prefix) and name not in known and not name.startswith(sections):
            yield SettingError(variable, "there is no such setting", remedy=_did_you_mean(name, known))


def _fault(settings: type[ApplicationSettings], detail: ErrorDetails) -> SettingError:
    name = _prefix(settings) + "__".join(str(part).upper() for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return SettingError(name, "there is no such setting", remedy=_did_you_mean(name, variables(settings)))
    return SettingError(name.rstrip("_") or settings.__name__, detail["msg"])


def _did_you_mean(name: str, known: tuple[str, ...]) -> str:
    close = nearest(name, known)
    return f"Did you mean {close}?" if close else f"Known are {', '.join(known)}"

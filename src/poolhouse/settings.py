"""Settings of an application: validated whole, at construction, with every fault in one error.

An application subclasses `ApplicationSettings`, gives it a prefix, and adds what is its own::

    class Settings(ApplicationSettings):
        model_config = SettingsConfigDict(env_prefix="APP_")
        http: HttpSettings = HttpSettings()

Then `APP_DATABASE__MAX_SIZE=20` sets `settings.database.max_size`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping  # noqa: TC003 - pydantic reads the annotation
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSettingError

from poolhouse._core.suggestion import nearest
from poolhouse.errors import SettingError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationInfo
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

# The type of the one error that is about the whole and shown at one variable.
_NO_DATABASE = "no_database"

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


class MigrationMode(StrEnum):
    """What a start does about migrations that are pending."""

    APPLY = "apply"
    WAIT = "wait"
    CHECK = "check"
    SKIP = "skip"


class ServiceRoles(StrEnum):
    """Which PostgreSQL roles the services' connections carry."""

    MANAGED = "managed"
    EXISTING = "existing"
    OFF = "off"


class Reset(StrEnum):
    """When a connection's session is cleared."""

    AFFINE = "affine"
    ALWAYS = "always"


class Pooler(StrEnum):
    """What stands between the pool and the server."""

    DETECT = "detect"
    NONE = "none"
    SESSION = "session"
    TRANSACTION = "transaction"


class SettingsSection(BaseModel):
    """Base of a section of the settings: immutable, unknown names refused, values never shown in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)


class DatabaseSettings(SettingsSection):
    """The shared pool and the server behind it. All times are in seconds."""

    dsn: SecretStr | None = Field(default=None, description="postgresql://role:password@host:port/database")
    min_size: int = Field(default=2, ge=0, description="connections kept open")
    max_size: int = Field(default=10, ge=1, le=10_000, description="connections open at most")
    max_connections: Mapping[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict[str, int],
        description='connections that single services may use at once, as {"reports": 2}; max_size by default',
    )
    acquire_timeout: Seconds = Field(default=5.0, description="longest wait for a connection")
    command_timeout: Seconds | None = Field(default=None, description="longest run of one statement; none by default")
    connect_timeout: Seconds = Field(default=10.0, description="longest time for one attempt to connect")
    startup_timeout: Seconds = Field(default=30.0, description="how long a start waits for a server that is not up yet")
    drain_timeout: Seconds = Field(default=10.0, description="how long a shutdown waits for connections in use")
    check_timeout: Seconds = Field(default=1.0, description="longest time for a check of the pool")
    max_idle: Seconds = Field(default=300.0, description="an idle connection above min_size is closed after this time")
    max_age: Seconds = Field(
        default=3600.0, description="a connection is replaced after this time, for a server's memory and for failovers"
    )
    max_uses: int = Field(default=0, ge=0, description="a connection is replaced after so many uses; 0 for no limit")
    reset: Reset = Field(
        default=Reset.AFFINE, description="affine: between services, and after what changes a session; or always"
    )
    service_roles: ServiceRoles = Field(
        default=ServiceRoles.MANAGED,
        description="a role for each service: managed (created and granted at the start), existing (checked), or off",
    )
    role_prefix: str = Field(
        default="svc_",
        max_length=31,
        description="the names of the services' roles: this, then the service",
    )
    statement_cache_size: int = Field(
        default=100, ge=0, le=100_000, description="prepared statements kept by each connection; 0 for none"
    )
    pooler: Pooler = Field(
        default=Pooler.DETECT, description="what stands before the server: none, session or transaction pooling"
    )
    slow_statement: Seconds = Field(default=1.0, description="a statement that takes longer is an event")
    long_hold: Seconds = Field(default=30.0, description="a connection held for longer is an event")
    migration_timeout: Seconds = Field(default=60.0, description="how long a start waits for others that migrate")
    migration_mode: MigrationMode | None = Field(
        default=None, description="apply (the default), wait for another process to, check, or skip"
    )
    migration_dsn: SecretStr | None = Field(
        default=None, description="for migrating only: past a pooler, or with another role's rights"
    )
    # PostgreSQL replaces all but printable ASCII, and cuts after 63 bytes.
    application_name: str = Field(
        default="poolhouse", min_length=1, max_length=63, pattern="^[ -~]+$", description="in pg_stat_activity"
    )

    @field_validator("dsn", "migration_dsn")
    @classmethod
    def _is_a_dsn(cls, dsn: SecretStr | None) -> SecretStr | None:
        if dsn is None:
            return None
        if not dsn.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise PydanticCustomError("dsn", "a DSN begins with postgresql://")
        if "\0" in dsn.get_secret_value():
            # It would end the password, or the host, in the middle.
            raise PydanticCustomError("dsn", "a DSN holds no NUL character")
        return dsn

    @model_validator(mode="after")
    def _sizes_fit(self) -> DatabaseSettings:
        if self.min_size > self.max_size:
            sizes = {"min_size": self.min_size, "max_size": self.max_size}
            raise PydanticCustomError("sizes", "min_size ({min_size}) is greater than max_size ({max_size})", sizes)
        return self


class EmbeddedSettings(SettingsSection):
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
        except UnreadableSettingError as error:
            faults.append(SettingError(_unreadable(type(self), error), "it cannot be read as JSON"))
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
        if embedded.enabled and not profile.allows_embedded:
            names = {"profile": profile.value}
            raise PydanticCustomError("embedded", "there is no embedded PostgreSQL in {profile}", names)
        return embedded

    @model_validator(mode="after")
    def _there_is_a_database(self) -> ApplicationSettings:
        if self.database.dsn is None and not self.embedded.enabled:
            profile = {"profile": self.profile.value}
            raise PydanticCustomError(
                _NO_DATABASE, "it is not set, and no PostgreSQL is embedded in {profile}", profile
            )
        return self


def _prefix(settings: type[ApplicationSettings]) -> str:
    return settings.model_config.get("env_prefix", "").upper()


def variables(settings: type[ApplicationSettings]) -> tuple[str, ...]:
    """Return the names of all environment variables that `settings` reads, sorted."""
    return tuple(sorted(_names(settings, _prefix(settings))))


def _names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        aliases = getattr(field.validation_alias, "choices", [field.validation_alias])
        yield from (alias.upper() for alias in aliases if isinstance(alias, str))
        yield f"{prefix}{name.upper()}"
        section = _section(field)
        if section is not None:
            yield from _names(section, f"{prefix}{name.upper()}__")


def _section(field: FieldInfo) -> type[BaseModel] | None:
    options = (field.annotation, *get_args(field.annotation))
    return next((option for option in options if isinstance(option, type) and issubclass(option, BaseModel)), None)


def _unknown_variables(settings: type[ApplicationSettings]) -> Iterator[SettingError]:
    prefix, known = _prefix(settings), variables(settings)
    for variable in sorted(os.environ):
        name = variable.upper()
        if prefix and name.startswith(prefix) and name not in known and not _is_judged_elsewhere(settings, name):
            yield SettingError(variable, "there is no such setting", remedy=_did_you_mean(name, known, prefix))


def _is_judged_elsewhere(settings: type[ApplicationSettings], name: str) -> bool:
    """Whether `name` lies in a section, whose own model judges it, or in a dictionary or a list."""
    for field_name, field in settings.model_fields.items():
        section = f"{_prefix(settings)}{field_name.upper()}__"
        if name.startswith(section):
            model = _section(field)
            # pydantic-settings drops what lies below a plain setting, such as the profile, or the DSN.
            leaves = model.model_fields if model is not None else ()
            is_below_a_leaf = any(name.startswith(f"{section}{leaf.upper()}__") for leaf in leaves)
            return not is_below_a_leaf if model is not None else get_origin(field.annotation) is not None
    return False


def _unreadable(settings: type[ApplicationSettings], error: UnreadableSettingError) -> str:
    # pydantic-settings says the field in its message only.
    named = re.search(r'field "(\w+)"', str(error))
    return f"{_prefix(settings)}{named.group(1).upper()}" if named else settings.__name__


def _fault(settings: type[ApplicationSettings], detail: ErrorDetails) -> SettingError:
    name = _prefix(settings) + "__".join(str(part).upper() for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        remedy = _did_you_mean(name, variables(settings), _prefix(settings))
        return SettingError(name, "there is no such setting", remedy=remedy)
    if detail["type"] == _NO_DATABASE:
        return SettingError(f"{_prefix(settings)}DATABASE__DSN", detail["msg"])
    return SettingError(name.rstrip("_") or settings.__name__, detail["msg"])


def _did_you_mean(name: str, known: tuple[str, ...], prefix: str) -> str:
    start = f"{name.rpartition('__')[0]}__"
    if not any(other.startswith(start) for other in known):
        start = prefix
    # Compared without what they have in common, which would make any two names of one section look alike.
    ends = [other.removeprefix(start) for other in known if other.startswith(start)]
    close = nearest(name.removeprefix(start), ends)
    return f"Did you mean {start}{close}?" if close else f"Known are {', '.join(start + end for end in ends)}"

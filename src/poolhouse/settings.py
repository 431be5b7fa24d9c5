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
from typing import TYPE_CHECKING, Annotated, Any, LiteralString, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSettingError

from poolhouse._core.identifiers import check_identifier
from poolhouse._core.suggestion import nearest
from poolhouse.errors import IdentifierError, SettingError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationInfo
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

# The errors that are about the whole and shown at one variable.
_NO_DATABASE = "no_database"
_OTHER_DATABASE = "other_database"
_SHOWN_AT = {_NO_DATABASE: "DATABASE__DSN", _OTHER_DATABASE: "DATABASE__MIGRATION_DSN"}

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

    dsn: SecretStr | None = Field(
        default=None,
        description="postgresql://role:password@host:port/database, and parameters such as ?sslmode=verify-full; "
        "special characters are percent-encoded. Not set, so that no environment is reached by accident",
    )
    min_size: int = Field(
        default=2, ge=0, description="connections kept open. A few, so that the first requests after a pause need none"
    )
    max_size: int = Field(
        default=10,
        ge=1,
        le=10_000,
        description="connections open at most, in each process. A server does most with few: about twice its cores, "
        "for all processes together; `poolhouse doctor` does the sum",
    )
    max_connections: Mapping[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict[str, int],
        description='connections that single services may use at once, as {"reports": 2}. Fair turns hold without it; '
        "set it for a service with long queries",
    )
    acquire_timeout: Seconds = Field(
        default=5.0,
        description="seconds that a call waits for a connection. Long enough for a burst, short enough that whoever "
        "asked is still there",
    )
    command_timeout: Seconds | None = Field(
        default=None,
        description="seconds that one statement may run. No limit, since only you know your longest; set one in "
        "production",
    )
    connect_timeout: Seconds = Field(
        default=10.0, description="seconds for one attempt to connect. Several round trips, TLS and a busy server"
    )
    startup_timeout: Seconds = Field(
        default=30.0,
        description="seconds that a start waits for a server that is not up yet. What a container's or a virtual "
        "machine's PostgreSQL takes to start",
    )
    drain_timeout: Seconds = Field(
        default=10.0,
        description="seconds that a shutdown waits for connections in use. Less than the 30 that orchestrators give",
    )
    check_timeout: Seconds = Field(
        default=1.0, description="seconds for a check of the pool. Less than a probe's own limit, often one or a few"
    )
    max_idle: Seconds = Field(
        default=300.0,
        description="seconds after which an idle connection above min_size is closed. Before firewalls and balancers "
        "forget it, which 350 seconds is a usual limit for",
    )
    max_age: Seconds = Field(
        default=3600.0,
        description="seconds after which a connection is replaced. For the memory that a server's process gathers, and "
        "to follow a failover",
    )
    max_uses: int = Field(
        default=0, ge=0, description="uses after which a connection is replaced. 0 for no limit, as max_age suffices"
    )
    reset: Reset = Field(
        default=Reset.AFFINE,
        description="when a session is cleared. affine: between two services, and after what changes a session; "
        "always: after each use, which costs a round trip and keeps a service from its own leftovers too",
    )
    service_roles: ServiceRoles = Field(
        default=ServiceRoles.MANAGED,
        description="a PostgreSQL role for each service. managed: created and granted at the start; existing: only "
        "checked; off: no roles. What a service may read is then the database's to say",
    )
    role_prefix: str = Field(
        default="svc_",
        max_length=31,
        description="how the names of services' roles begin; the service follows. Roles are the whole server's, so two "
        "applications on one server need two",
    )
    statement_cache_size: int = Field(
        default=100,
        ge=0,
        le=100_000,
        description="prepared statements that each connection keeps. 0 for none; each takes memory of the server, and "
        "100 is the driver's own number",
    )
    pooler: Pooler = Field(
        default=Pooler.DETECT,
        description="what stands before the server: none, or a pooler that lends its connections by session or by "
        "transaction. Detected by comparing process ids",
    )
    slow_statement: Seconds = Field(
        default=1.0, description="seconds after which a statement is an event. What a person notices"
    )
    long_hold: Seconds = Field(
        default=30.0,
        description="seconds after which a connection in use is an event. Rarely meant, and then others wait",
    )
    migration_timeout: Seconds = Field(
        default=60.0, description="seconds that a start waits for others that migrate. Most migrations take less"
    )
    migration_mode: MigrationMode | None = Field(
        default=None,
        description="what a start does about pending migrations: apply, wait for another process to, check, or skip. "
        "apply where it is not set",
    )
    migration_dsn: SecretStr | None = Field(
        default=None,
        description="for migrating only: past a pooler, or with another role's rights. The DSN where it is not set",
    )
    # PostgreSQL replaces all but printable ASCII, and cuts after 63 bytes.
    application_name: str = Field(
        default="poolhouse",
        min_length=1,
        max_length=63,
        pattern="^[ -~]+$",
        description="the name in pg_stat_activity and in the server's log, where that of the service follows, as in "
        "poolhouse/users, cut at 63 bytes. Give each application its own, and a short one",
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

    @field_validator("role_prefix")
    @classmethod
    def _begins_a_role(cls, prefix: str) -> str:
        try:
            check_identifier(f"{prefix}x")
        except IdentifierError:
            fact = "no role's name begins so: it has NUL, or begins with white space, or leaves no room for a service"
            raise PydanticCustomError("role_prefix", fact) from None
        if prefix.startswith("pg_"):
            raise PydanticCustomError("role_prefix", "PostgreSQL keeps names that begin with pg_ for its own roles")
        return prefix

    @model_validator(mode="after")
    def _numbers_fit(self) -> DatabaseSettings:
        faults = list(self._contradictions())
        if faults:
            raise ValidationError.from_exception_data(type(self).__name__, faults, hide_input=True)
        return self

    def _contradictions(self) -> Iterator[InitErrorDetails]:
        if self.min_size > self.max_size:
            sizes = {"min_size": self.min_size, "max_size": self.max_size}
            yield _contradiction("min_size ({min_size}) is greater than max_size ({max_size})", sizes)
        for service, limit in self.max_connections.items():
            try:
                check_identifier(service)
            except IdentifierError as error:
                yield _contradiction("{fact}", {"fact": error.fact}, "max_connections")
            if limit > self.max_size:
                limits = {"limit": limit, "max_size": self.max_size}
                yield _contradiction("{limit} is above max_size ({max_size})", limits, "max_connections", service)


def _contradiction(fact: LiteralString, numbers: dict[str, Any], *place: str) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError("contradiction", fact, numbers), loc=place, input=None)


class EmbeddedSettings(SettingsSection):
    """The embedded PostgreSQL, for development and tests."""

    enabled: bool | None = Field(
        default=None,
        description="whether one runs. Where it is not set: when no DSN is set and the profile allows it",
    )
    data_directory: Path = Field(
        default=Path(".poolhouse/postgres"),
        description="folder in which the data stays between runs. In the working directory, one for each project",
    )
    binaries: Path | None = Field(
        default=None, description="folder of the programs postgres and initdb, to use these. Found where it is not set"
    )


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

    profile: Profile = Field(
        default=Profile.DEVELOPMENT,
        description="the environment: development, test, staging or production. The first two may embed a PostgreSQL",
    )
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
        if self.database.migration_dsn is not None and self.embedded.enabled:
            fact = "it is set, and without a DSN what is to be migrated is the embedded PostgreSQL"
            raise PydanticCustomError(_OTHER_DATABASE, fact)
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
    if detail["type"] in _SHOWN_AT:
        return SettingError(f"{_prefix(settings)}{_SHOWN_AT[detail['type']]}", detail["msg"])
    return SettingError(name.rstrip("_") or settings.__name__, detail["msg"])


def _did_you_mean(name: str, known: tuple[str, ...], prefix: str) -> str:
    start = f"{name.rpartition('__')[0]}__"
    if not any(other.startswith(start) for other in known):
        start = prefix
    # Compared without what they have in common, which would make any two names of one section look alike.
    ends = [other.removeprefix(start) for other in known if other.startswith(start)]
    close = nearest(name.removeprefix(start), ends)
    return f"Did you mean {start}{close}?" if close else f"Known are {', '.join(start + end for end in ends)}"

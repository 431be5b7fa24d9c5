"""Settings of the shared pool and the server behind it."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - pydantic reads the annotation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, LiteralString

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from poolhouse._core.identifiers import check_identifier
from poolhouse.errors import IdentifierError
from poolhouse.settings.profile import per_profile
from poolhouse.settings.section import Seconds, SettingsSection

if TYPE_CHECKING:
    from collections.abc import Iterator


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


class DatabaseSettings(SettingsSection):
    """The shared pool and the server behind it. All times are in seconds."""

    dsn: SecretStr | None = Field(
        default=None,
        description="postgresql://role:password@host:port/database, and parameters such as ?sslmode=verify-full; "
        "special characters are percent-encoded. Not set, so that no environment is reached by accident",
    )
    min_size: int = per_profile(
        Field(
            default=2,
            ge=0,
            description="connections kept open. A few, so that the first requests after a pause need none",
        ),
        test=0,
    )
    max_size: int = per_profile(
        Field(
            default=10,
            ge=1,
            le=10_000,
            description="connections open at most, in each process. A server does most with few: about twice its "
            "cores, for all processes together; `poolhouse doctor` does the sum",
        ),
        test=5,
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
    command_timeout: Seconds | None = per_profile(
        Field(
            default=None,
            description="seconds that one statement may run. No limit while you try things out; nobody waits longer "
            "than half a minute for an answer. Migrations are not limited by it",
        ),
        staging=30.0,
        production=30.0,
    )
    connect_timeout: Seconds = Field(
        default=10.0, description="seconds for one attempt to connect. Several round trips, TLS and a busy server"
    )
    startup_timeout: Seconds = Field(
        default=30.0,
        description="seconds that a start waits for a server that is not up yet. What a container's or a virtual "
        "machine's PostgreSQL takes to start",
    )
    drain_timeout: Seconds = per_profile(
        Field(
            default=10.0,
            description="seconds that a shutdown waits for connections in use. Less than the 30 of orchestrators",
        ),
        development=2.0,
        test=2.0,
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
    service_roles: ServiceRoles = per_profile(
        Field(
            default=ServiceRoles.MANAGED,
            description="a PostgreSQL role for each service. managed: created and granted at the start; existing: only "
            "checked, and waited for where migrations are; off: no roles. What a service may read is then the "
            "database's to say",
        ),
        staging=ServiceRoles.EXISTING,
        production=ServiceRoles.EXISTING,
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
    migration_mode: MigrationMode = per_profile(
        Field(
            default=MigrationMode.APPLY,
            description="what a start does about pending migrations: apply, wait for another process to, check, or "
            "skip. Replicas that serve users wait for the job that deploys",
        ),
        staging=MigrationMode.WAIT,
        production=MigrationMode.WAIT,
    )
    migration_dsn: SecretStr | None = Field(
        default=None,
        description="for migrating only: past a pooler, or with another role's rights. The DSN where it is not set",
    )
    debug: bool = per_profile(
        Field(
            default=False,
            description="whether errors and events name the line of code that holds a connection. It costs a few "
            "microseconds each time that one is taken; asyncio's debug mode does it too",
        ),
        development=True,
        test=True,
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

"""What the judgement is made from: a pool's settings, and what its server says of itself. All times are in seconds."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - read by dataclasses
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """The settings of a pool that can fit its server or not, under the names that they have there.

    `is_verified` says that the DSN lets the server's certificate be checked. `services` are those of the container;
    `processes` how many have such a pool, as somebody says.
    """

    min_size: int
    max_size: int
    max_connections: Mapping[str, int]
    acquire_timeout: float
    command_timeout: float | None
    connect_timeout: float
    startup_timeout: float
    max_idle: float
    slow_statement: float
    service_roles: str
    pooler: str
    application_name: str
    has_migration_dsn: bool
    statement_cache_size: int
    is_local: bool
    is_verified: bool = True
    is_production: bool = True
    services: frozenset[str] = frozenset()
    processes: int = 1


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the server, the database and the role have to say; limits of -1 and times of 0 are none.

    `own`, `others` and `others_here` count connections at this moment: of pools with our name on the database, all
    else, and of these the ones on the database. `is_encrypted` is None behind a pooler, which has a connection of its
    own.
    """

    version: int
    max_connections: int
    superuser_reserved_connections: int
    reserved_connections: int
    own: int
    others: int
    others_here: int
    database: str
    database_limit: int
    role: str
    role_limit: int
    is_superuser: bool
    may_create_roles: bool
    is_pooled: bool
    is_encrypted: bool | None
    is_standby: bool
    statement_timeout: float = 0
    idle_in_transaction_session_timeout: float = 0
    idle_session_timeout: float = 0
    # Only where it was set for the role or the database.
    search_path: tuple[str, ...] = field(default=())

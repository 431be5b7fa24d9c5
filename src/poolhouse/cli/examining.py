"""Asking a server what a pool has to fit, in one statement."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from poolhouse._core.address import describe_dsn
from poolhouse._core.doctor import PoolFacts, ServerFacts
from poolhouse.pool.faults import CONNECT_ERRORS, DRIVER_ERRORS, connect_error, translate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from poolhouse.settings import DatabaseSettings

_DEFAULT_PATH = '"$user", public'
_LOOPBACK = ("localhost", "127.", "[::1]", "::1", "/")

# Without rights on other roles' sessions, pg_stat_activity has their database and name, and NULL for the type. Ours are
# told by their name, after which a service's may follow: the role may be shared. Walsenders do not count, nor what
# works in parallel.
_STATEMENT = """
WITH setting AS (
    SELECT name, setting, source FROM pg_catalog.pg_settings
), session AS (
    SELECT datname, datname = pg_catalog.current_database()
        AND starts_with(application_name || '/', pg_catalog.left($1 || '/', 63)) AS is_own
    FROM pg_catalog.pg_stat_activity
    WHERE pid <> pg_catalog.pg_backend_pid() AND datid IS NOT NULL
        AND coalesce(backend_type, 'client backend') = 'client backend'
)
SELECT
    pg_catalog.current_setting('server_version_num')::int AS version,
    (SELECT pg_catalog.jsonb_object_agg(name, setting) FROM setting WHERE name IN (
        'max_connections', 'superuser_reserved_connections', 'reserved_connections', 'statement_timeout',
        'idle_in_transaction_session_timeout', 'idle_session_timeout'))::text AS settings,
    (SELECT setting FROM setting WHERE name = 'search_path' AND source IN ('user', 'database', 'database user'))
        AS search_path,
    (SELECT count(*) FROM session WHERE is_own) AS own,
    (SELECT count(*) FROM session WHERE NOT is_own) AS others,
    (SELECT count(*) FROM session WHERE NOT is_own AND datname = pg_catalog.current_database()) AS others_here,
    database.datname AS database,
    database.datconnlimit AS database_limit,
    role.rolname AS role,
    role.rolconnlimit AS role_limit,
    role.rolsuper AS is_superuser,
    role.rolcreaterole AS may_create_roles,
    pg_catalog.pg_backend_pid() AS pid,
    (SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()) AS is_encrypted,
    coalesce(pg_catalog.inet_client_addr() <<= ANY (ARRAY['127.0.0.0/8', '::1']::inet[]), true) AS is_local,
    pg_catalog.pg_is_in_recovery() AS is_standby
FROM pg_catalog.pg_database AS database, pg_catalog.pg_roles AS role
WHERE database.datname = pg_catalog.current_database() AND role.rolname = session_user
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server said, and whether it is on this machine."""

    server: ServerFacts
    is_local: bool


async def ask(dsn: str, settings: DatabaseSettings) -> Answered:
    """Return what the server of `dsn` says, over a connection of its own.

    It takes at most `connect_timeout` to connect, and as long to answer. Raises what opening a pool raises, but
    without waiting for a server that is not up.
    """
    try:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            dsn,
            timeout=settings.connect_timeout,
            server_settings={"application_name": settings.application_name},
            # A pooler may give each statement to another session.
            statement_cache_size=0,
        )
    except CONNECT_ERRORS as error:
        failure = connect_error(error, address=describe_dsn(dsn))
    else:
        return await _asked(connection, dsn, settings)
    # Outside the handler, so that the driver's error, which can hold parts of the DSN, is not even the context.
    raise failure


async def _asked(connection: asyncpg.Connection[Any], dsn: str, settings: DatabaseSettings) -> Answered:
    try:
        # One transaction, since what a pooler lends is a session for each.
        async with asyncio.timeout(settings.connect_timeout), connection.transaction(readonly=True):
            row = await connection.fetchrow(_STATEMENT, settings.application_name)
        assert row is not None  # noqa: S101 - the session's own role and database exist
        return Answered(_facts(row, own_pid=connection.get_server_pid()), row["is_local"] or is_loopback(dsn))
    except DRIVER_ERRORS as error:
        failure = translate(error)
    finally:
        await _close(connection, settings.connect_timeout)
    assert failure is not None  # noqa: S101 - all of the driver's errors have one of ours
    raise failure


async def _close(connection: asyncpg.Connection[Any], limit: float) -> None:
    try:
        await connection.close(timeout=limit)
    except DRIVER_ERRORS:
        connection.terminate()


def _facts(row: Mapping[str, Any], *, own_pid: int) -> ServerFacts:
    settings: dict[str, str] = json.loads(row["settings"])
    # PostgreSQL tells its time limits in milliseconds, and reserved_connections from 16 on.
    numbers: dict[str, Any] = {
        name: float(setting) / 1000 if name.endswith("_timeout") else int(setting) for name, setting in settings.items()
    }
    is_pooled = row["pid"] != own_pid
    numbers.setdefault("reserved_connections", 0)
    same = {each.name for each in fields(ServerFacts)} & set(row.keys()) - {"search_path", "is_encrypted"}
    return ServerFacts(
        **{name: row[name] for name in same},
        **numbers,
        is_pooled=is_pooled,
        is_encrypted=None if is_pooled else row["is_encrypted"],
        search_path=_path(row["search_path"]),
    )


def _path(setting: str | None) -> tuple[str, ...]:
    if setting is None or setting == _DEFAULT_PATH:
        return ()
    return tuple(each.strip() for each in setting.split(","))


def is_loopback(dsn: str) -> bool:
    """Whether `dsn` leads to this machine, by its own words."""
    parts = urlsplit(dsn)
    hosts = parse_qs(parts.query).get("host", [unquote(parts.netloc.rpartition("@")[2])])[0]
    return all(not each or each.lower().startswith(_LOOPBACK) for each in hosts.split(","))


def is_verified(dsn: str) -> bool:
    """Whether the server's certificate is checked with `dsn`, as it says itself, or the environment."""
    modes = parse_qs(urlsplit(dsn).query).get("sslmode", [os.environ.get("PGSSLMODE", "")])
    return modes[0].startswith("verify-")


def pool_facts(
    settings: DatabaseSettings,
    dsn: str,
    *,
    is_local: bool,
    is_production: bool,
    services: AbstractSet[str],
    processes: int,
) -> PoolFacts:
    """Return of `settings`, and of the `dsn` that they lead to, what has to fit a server."""
    same = {each.name for each in fields(PoolFacts)} & type(settings).model_fields.keys()
    return PoolFacts(
        **{name: getattr(settings, name) for name in same},
        has_migration_dsn=settings.migration_dsn is not None,
        is_local=is_local,
        is_verified=is_verified(dsn),
        is_production=is_production,
        services=frozenset(services),
        processes=processes,
    )

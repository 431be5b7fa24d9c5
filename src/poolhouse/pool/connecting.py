"""Making one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from poolhouse.settings import DatabaseSettings


async def connect(
    dsn: str,
    settings: DatabaseSettings,
    *,
    kind: type[asyncpg.Connection[Any]] = asyncpg.Connection,
    statement_cache_size: int | None = None,
) -> asyncpg.Connection[Any]:
    """Return a connection as the settings want it; raises the driver's error, or an OSError."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(
        dsn,
        connection_class=kind,
        timeout=settings.connect_timeout,
        command_timeout=settings.command_timeout,
        statement_cache_size=settings.statement_cache_size if statement_cache_size is None else statement_cache_size,
        # No other parameter: PgBouncer refuses those that it does not know.
        server_settings={"application_name": settings.application_name},
    )
    return connection

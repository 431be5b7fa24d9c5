"""Making one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from poolhouse.settings import DatabaseSettings


async def connect(dsn: str, settings: DatabaseSettings) -> asyncpg.Connection[Any]:
    """Return a connection as the settings want it; raises the driver's error, or an OSError."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(
        dsn,
        timeout=settings.connect_timeout,
        command_timeout=settings.command_timeout,
        statement_cache_size=settings.statement_cache_size,
        server_settings={"application_name": settings.application_name},
    )
    return connection

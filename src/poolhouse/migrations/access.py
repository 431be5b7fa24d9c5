"""Where migrations get their connections from."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from poolhouse._core.address import describe_dsn
from poolhouse.errors import ConfigurationError
from poolhouse.pool.faults import CONNECT_ERRORS, DRIVER_ERRORS, connect_error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from pydantic import SecretStr

    from poolhouse.pool import SharedPool

    Session: TypeAlias = asyncpg.Connection[Any]

SERVICE = "poolhouse"


class Access:
    """The connections of one run of migrations.

    What only looks is asked of the pool, by the role of the application. Everything else goes through `migration_dsn`
    where that is set, and once something was changed, looking does too: the application's role may not yet see it.
    """

    def __init__(self, pool: SharedPool) -> None:
        self.pool = pool
        self._has_changed = False

    @property
    def has_own_dsn(self) -> bool:
        """Whether migrations have a DSN of their own."""
        return self.pool.settings.migration_dsn is not None

    @property
    def address(self) -> str:
        """What connections for changing lead to; never the password."""
        own = self.pool.settings.migration_dsn
        return describe_dsn(own.get_secret_value()) if own else self.pool.address

    @asynccontextmanager
    async def looking(self) -> AsyncGenerator[Session]:
        """Hold a connection that is asked only."""
        if self.has_own_dsn and self._has_changed:
            async with self.alone() as connection:
                yield connection
        else:
            # Not `use.connection`, after which the session would be cleared.
            async with self.pool.lease(SERVICE) as use:
                yield use.lease.connection

    @asynccontextmanager
    async def changing(self) -> AsyncGenerator[Session]:
        """Hold a connection on which one transaction changes something."""
        self._has_changed = True
        if self.has_own_dsn:
            async with self.alone() as connection:
                yield connection
        else:
            async with self.pool.lease(SERVICE) as use:
                yield use.connection

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[asyncpg.Connection[Any]]:
        """Hold a connection that is made for this use, and closed after it, whatever state its session is in."""
        self._has_changed = True
        connection = await self._connect()
        try:
            yield connection
        finally:
            try:
                await connection.close(timeout=self.pool.settings.connect_timeout)
            except DRIVER_ERRORS:
                # It broke, or does not answer: either way it is gone for us.
                connection.terminate()

    async def _connect(self) -> asyncpg.Connection[Any]:
        settings = self.pool.settings
        dsn = _secret(settings.migration_dsn or self.pool.dsn)
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
            return connection
        # Outside the handler, so that the driver's error, which can hold parts of the DSN, is not even the context.
        raise failure


def _secret(dsn: SecretStr | None) -> str:
    if dsn is None:
        raise ConfigurationError("there is no DSN to migrate with", remedy="Set the DSN in the database settings")
    return dsn.get_secret_value()

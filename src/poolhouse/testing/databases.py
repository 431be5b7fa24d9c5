"""Databases of tests, which are made, cloned and dropped, and told from everybody else's by their names."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from poolhouse._core.address import describe_dsn
from poolhouse._core.identifiers import quote_identifier
from poolhouse._core.literal import literal
from poolhouse.errors import ForeignDatabaseError

if TYPE_CHECKING:
    import asyncpg

PREFIX: Final = "poolhouse_test_"
TEMPLATE_PREFIX: Final = f"{PREFIX}template_"

# Hours after which a database that nobody is connected to was left behind by a session that was killed.
_ABANDONED = 24

_LEFT_BEHIND = r"""
SELECT datname FROM pg_catalog.pg_database
WHERE datname ~ '^poolhouse_test_[0-9a-f]{8}_' AND substr(datname, 16, 8) < $1
AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE datid = pg_database.oid)
"""

_DROP_ROLES = """
DO $$ DECLARE names text := (
    SELECT string_agg(quote_ident(rolname), ', ') FROM pg_roles WHERE starts_with(rolname, {})
); BEGIN
    IF names IS NOT NULL THEN EXECUTE 'DROP ROLE ' || names; END IF;
END $$
"""


def new_name() -> str:
    """Return a name for a database of a test, which tells when it was made."""
    return f"{PREFIX}{int(time.time()):08x}_{uuid.uuid4().hex[:12]}"


def role_prefix(dsn: str) -> str:
    """Return with what the roles of services begin that work in a test's own database: roles are of all databases."""
    return f"{database_of(dsn).rpartition('_')[2]}_"


def with_database(dsn: str, name: str) -> str:
    """Return `dsn` with another database."""
    parts = urlsplit(dsn)
    # urlunsplit() would drop the empty host of a DSN that names a socket directory.
    rest = urlunsplit(("", "", f"/{name}", parts.query, ""))
    return f"{parts.scheme}://{parts.netloc}{rest}"


def database_of(dsn: str) -> str:
    """Return the name of the database that `dsn` leads to."""
    return unquote(urlsplit(dsn).path.removeprefix("/"))


def check_own(dsn: str) -> str:
    """Return the name of a test's own database; ForeignDatabaseError for any other."""
    name = database_of(dsn)
    if not name.startswith(PREFIX):
        raise ForeignDatabaseError(describe_dsn(dsn), prefix=PREFIX)
    return name


class Databases:
    """The databases of one server, as the role of a DSN that may create them."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._connection: asyncpg.Connection[Any] | None = None
        self._turn = asyncio.Lock()
        self._strategy = ""

    async def open(self) -> None:
        """Connect, and drop what sessions left behind that were killed."""
        import asyncpg  # noqa: PLC0415 - importing the plugin must stay cheap, pytest loads it always

        self._connection = await asyncpg.connect(self.dsn)
        is_throw_away = await self._connection.fetchval("SHOW fsync") == "off"
        if is_throw_away and self._connection.get_server_version() >= (15,):
            # A third of the time of the default, or less, where nothing has to reach a disk.
            self._strategy = " STRATEGY FILE_COPY"
        oldest = f"{int(time.time()) - _ABANDONED * 3600:08x}"
        for row in await self._connection.fetch(_LEFT_BEHIND, oldest):
            await self.drop(row["datname"])

    async def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            await self._connection.close()

    async def execute(self, *statements: str) -> None:
        """Run statements, one after another, outside of transactions."""
        assert self._connection is not None  # noqa: S101 - opened, or nobody asks
        async with self._turn:
            for statement in statements:
                await self._connection.execute(statement)

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Return the first column of a query's first row."""
        assert self._connection is not None  # noqa: S101 - opened, or nobody asks
        async with self._turn:
            return await self._connection.fetchval(query, *args)

    async def create(self, name: str | None = None, *, template: str | None = None) -> str:
        """Make a database, empty or a clone of `template`, and return its DSN."""
        name = name or new_name()
        source = quote_identifier(template or "template0")
        await self.execute(f"CREATE DATABASE {quote_identifier(name)} TEMPLATE {source}{self._strategy}")
        return with_database(self.dsn, name)

    async def drop(self, name: str, *, roles: str | None = None) -> None:
        """Drop a test's own database, whoever is connected to it, and the roles whose names begin with `roles`."""
        check_own(with_database(self.dsn, name))
        await self.execute(f"DROP DATABASE IF EXISTS {quote_identifier(name)} WITH (FORCE)")
        if roles is not None:
            await self.execute(_DROP_ROLES.format(literal(roles)))

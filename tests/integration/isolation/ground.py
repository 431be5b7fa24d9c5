"""The database in which services change their sessions, and those services."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings
from tests.integration.isolation.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTOR, OTHER = "alpha", "beta"

# {actor} and {other} are the services' roles, which exist also where no service speaks for one.
SET_UP = """
CREATE EXTENSION dblink;
CREATE EXTENSION pg_trgm;
CREATE ROLE "{actor}" SUPERUSER;
CREATE ROLE "{other}";
CREATE SCHEMA alpha;
CREATE SCHEMA beta AUTHORIZATION "{other}";
CREATE TABLE alpha.items (id int PRIMARY KEY, name text NOT NULL DEFAULT 'thing');
CREATE TABLE alpha.watched (id int);
CREATE TABLE beta.items (id int PRIMARY KEY, name text);
INSERT INTO beta.items VALUES (1, 'own');
GRANT ALL ON ALL TABLES IN SCHEMA beta TO "{other}";
CREATE SEQUENCE alpha.numbers;
GRANT USAGE ON SCHEMA alpha TO "{other}";
GRANT ALL ON SEQUENCE alpha.numbers TO "{other}";
CREATE FUNCTION alpha.run(statement text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE statement; END';
CREATE PROCEDURE alpha.run_and_commit(statement text) LANGUAGE plpgsql AS 'BEGIN EXECUTE statement; COMMIT; END';
CREATE FUNCTION alpha.assign(name text, value text) RETURNS text LANGUAGE sql
    AS 'SELECT pg_catalog.set_config(name, value, false)';
CREATE FUNCTION alpha.take(key bigint) RETURNS void LANGUAGE sql AS 'SELECT pg_catalog.pg_advisory_lock(key)';
CREATE FUNCTION alpha.watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_catalog.set_config('work_mem', '7MB', false), pg_catalog.set_config('alpha.guest', 'eve', false);
    PERFORM pg_catalog.pg_advisory_lock(77);
    CREATE TEMP TABLE IF NOT EXISTS seen (id int);
    RETURN new;
END $$;
CREATE TRIGGER watch BEFORE INSERT ON alpha.watched FOR EACH ROW EXECUTE FUNCTION alpha.watch();
"""


@dataclass(slots=True)
class Ground:
    """A database, its two roles, and what fresh sessions are like there."""

    dsn: str
    roles: Mapping[str, str]
    seeded: float = 0.0
    """What random() gives first after setseed(0.5)."""
    fresh: dict[tuple[str, bool], set[str]] = field(default_factory=dict)

    def fill(self, sql: str) -> str:
        """Put the names of the roles, and the address, into a way's SQL."""
        filled = sql.replace("{actor}", self.roles[ACTOR]).replace("{other}", self.roles[OTHER])
        return filled.replace("{dsn}", self.dsn)

    async def lay(self) -> None:
        connection = await asyncpg.connect(self.dsn)
        await connection.execute(self.fill(SET_UP))
        await connection.execute("SELECT setseed(0.5)")
        self.seeded = await connection.fetchval("SELECT random()")
        await connection.close()

    def settings(self, **changes) -> DatabaseSettings:
        defaults = {"dsn": self.dsn, "min_size": 1, "max_size": 1, "drain_timeout": 2.0, "acquire_timeout": 5.0}
        return DatabaseSettings.model_validate(defaults | {"application_name": "isolation"} | changes)

    async def open(self, *, has_roles: bool, **changes) -> SharedPool:
        pool = SharedPool(self.settings(**changes))
        if has_roles:
            pool.set_roles(self.roles)
        await pool.open()
        return pool

    async def fresh_session(self, service: str, *, has_roles: bool) -> set[str]:
        """What the session of a service is like that nobody used before."""
        if (service, has_roles) not in self.fresh:
            pool = await self.open(has_roles=has_roles)
            self.fresh[service, has_roles] = await fingerprint(SchemaManager(pool, schema=service))
            await pool.close()
        return self.fresh[service, has_roles]

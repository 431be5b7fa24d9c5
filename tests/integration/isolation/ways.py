"""Ways in which a service changes its session: what it does, and how the next one could tell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.integration.isolation.stage import Stage

    Act = Callable[[Stage], Awaitable[Any]]
    Sees = Callable[[Any, Any], Awaitable[bool]]


class Connection(Enum):
    """What becomes of the connection."""

    KEPT = "cleared, and used again"
    REPLACED = "closed, since nothing else undoes it"
    EITHER = "cleared if the server gets round to it in time, else closed"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to change a session.

    `act` is what a service does. `sql` is what it sends, where that is all, so that it can be shown to change any
    session. `sees` tells whether somebody who has the connection now sees it, where the session's fingerprint does not.
    `stays` says that the same service may see it later, since it cannot be told from the statement.
    """

    name: str
    act: Act
    sql: str | None = None
    sees: Sees | None = None
    connection: Connection = Connection.KEPT
    stays: bool = False


def sent(
    name: str,
    sql: str,
    *,
    sees: Sees | None = None,
    connection: Connection = Connection.KEPT,
    stays: bool = False,
) -> Way:
    """A way that is nothing but SQL, sent as one message."""

    async def act(stage: Stage) -> None:
        await stage.actor.execute(stage.ground.fill(sql))

    return Way(name, act, sql, sees, connection, stays)


def asked(query: str) -> Sees:
    """Let a query tell, true or false; where it fails there is nothing to see."""

    async def sees(connection: Any, _ground: Any) -> bool:
        try:
            return bool(await connection.fetchval(query))
        except Exception:  # noqa: BLE001 - of the driver or of poolhouse, whoever is asked
            return False

    return sees


async def sees_seed(connection: Any, ground: Any) -> bool:
    """Whether random() gives what it gives after setseed(0.5)."""
    return await connection.fetchval("SELECT random()") == ground.seeded


_user = asked("SELECT current_setting('alpha.guest', true) = 'eve'")
_lastval = asked("SELECT lastval() IS NOT NULL")
_currval = asked("SELECT currval('alpha.numbers') IS NOT NULL")
_module = asked("SELECT count(*) > 0 FROM pg_get_loaded_modules() WHERE file_name = 'auto_explain.so'")
_linked = asked("SELECT dblink_get_connections() IS NOT NULL")
_REPLACED, _EITHER = Connection.REPLACED, Connection.EITHER

ROLES = [
    sent("SET ROLE", 'SET ROLE "{other}"'),
    sent("SET SESSION ROLE", 'SET SESSION ROLE "{other}"'),
    sent("SET ROLE in a script", 'SELECT 1; SET ROLE "{other}"; SELECT 2'),
    sent("SET SESSION AUTHORIZATION", 'SET SESSION AUTHORIZATION "{other}"'),
    sent("two roles", 'SET SESSION AUTHORIZATION "{actor}"; SET ROLE "{other}"'),
    sent("set_config of role", "SELECT set_config('role', '{other}', false)"),
    sent("role in DO", """DO $$ BEGIN EXECUTE 'SET ROLE "{other}"'; END $$"""),
    sent("role behind a function", "SELECT alpha.assign('role', '{other}')", stays=True),
    sent("authorization behind a function", "SELECT alpha.assign('session_authorization', '{other}')", stays=True),
]

SETTINGS = [
    sent("search_path", "SET search_path = alpha, public"),
    sent("SET SCHEMA", "SET SCHEMA 'alpha'"),
    sent("search_path to a shadow", "SET search_path = pg_temp, alpha, pg_catalog"),
    sent("TIME ZONE", "SET TIME ZONE 'Asia/Tokyo'"),
    sent("DateStyle", "SET DateStyle = 'SQL, DMY'"),
    sent("IntervalStyle", "SET IntervalStyle = iso_8601"),
    sent("client_encoding", "SET NAMES 'LATIN1'"),
    sent("bytea_output and extra_float_digits", "SET bytea_output = escape; SET extra_float_digits = -3"),
    sent("standard_conforming_strings", "SET standard_conforming_strings = off"),
    sent("transform_null_equals", "SET transform_null_equals = on"),
    sent("XML OPTION", "SET XML OPTION DOCUMENT"),
    sent("application_name", "SET application_name = 'somebody else'"),
    sent("client_min_messages", "SET client_min_messages = error"),
    sent("check_function_bodies", "SET check_function_bodies = off"),
    sent("statement_timeout", "SET statement_timeout = '1ms'", connection=_EITHER),
    sent("lock_timeout", "SET lock_timeout = '1ms'"),
    sent("transaction_timeout", "SET transaction_timeout = '1ms'", connection=_EITHER),
    sent("idle_session_timeout", "SET idle_session_timeout = '1ms'", connection=_EITHER),
    sent("idle_in_transaction_session_timeout", "SET idle_in_transaction_session_timeout = '1ms'"),
    sent("default_transaction_read_only", "SET default_transaction_read_only = on"),
    sent(
        "SESSION CHARACTERISTICS", "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY"
    ),
    sent("default_transaction_deferrable", "SET default_transaction_deferrable = on"),
    sent("session_replication_role", "SET session_replication_role = replica"),
    sent("row_security", "SET row_security = off"),
    sent("plan_cache_mode", "SET plan_cache_mode = force_generic_plan"),
    sent("the planner", "SET enable_seqscan = off; SET jit = off; SET random_page_cost = 9; SET geqo_seed = 0.5"),
    sent("synchronous_commit", "SET synchronous_commit = off"),
    sent("allow_system_table_mods", "SET allow_system_table_mods = on"),
    sent("log_statement", "SET log_statement = 'all'; SET log_min_duration_statement = 0"),
    sent("SET FROM CURRENT", "BEGIN; SET LOCAL work_mem = '5MB'; SET work_mem FROM CURRENT; COMMIT"),
    sent("a setting of one's own", "SET alpha.guest = 'eve'", sees=_user),
    sent(
        "a setting named local",
        "SET local.guest = 'eve'",
        sees=asked("SELECT current_setting('local.guest', true) = 'eve'"),
    ),
    sent("set_config", "SELECT set_config('work_mem', '5MB', false)"),
    sent("quoted set_config", """SELECT pg_catalog."set_config"/**/('work_mem', '5MB', 1 > 2)"""),
    sent(
        "set_config in a CTE", "WITH a AS (SELECT set_config('alpha.guest', 'eve', false)) SELECT * FROM a", sees=_user
    ),
    sent("set_config in an INSERT", "INSERT INTO alpha.items SELECT 1 WHERE set_config('jit', 'off', false) = '' "),
    sent("UPDATE pg_settings", "UPDATE pg_settings SET setting = '5000' WHERE name = 'work_mem'"),
    sent(
        "settings in DO",
        "DO $$ BEGIN PERFORM set_config('alpha.guest', 'eve', false); SET jit = off; END $$",
        sees=_user,
    ),
    sent("set_limit of pg_trgm", "SELECT set_limit(0.9)"),
    sent("SET and a failure after", "BEGIN; SET work_mem = '5MB'; COMMIT; BEGIN; SET jit = off; SAVEPOINT a"),
    sent("setting behind a function", "SELECT alpha.assign('work_mem', '5MB')", stays=True),
    sent("search_path behind a function", "SELECT alpha.run('SET search_path = alpha')", stays=True),
    sent("own setting behind a function", "SELECT alpha.assign('alpha.guest', 'eve')", sees=_user, stays=True),
    sent("read only behind a function", "SELECT alpha.assign('default_transaction_read_only', 'on')", stays=True),
    sent(
        "replication role behind a function", "SELECT alpha.run('SET session_replication_role = replica')", stays=True
    ),
    sent("settings in CALL", "CALL alpha.run_and_commit('SET work_mem = ''5MB''')"),
    sent("a trigger", "INSERT INTO alpha.watched VALUES (1)", sees=_user, stays=True),
]

TEMPORARY = [
    sent("temporary table", "CREATE TEMP TABLE t (a int)"),
    sent("temporary table that shadows", "CREATE TEMPORARY TABLE items AS SELECT 666 AS id, 'false' AS name"),
    sent(
        "temporary table with data",
        "CREATE TEMP TABLE t AS SELECT generate_series(1, 1000) AS a; CREATE INDEX ON t (a)",
    ),
    sent("SELECT INTO TEMP", "SELECT 1 AS a INTO TEMP t"),
    sent("temporary view", "CREATE TEMP VIEW v AS SELECT 1 AS a"),
    sent("temporary sequence", "CREATE TEMP SEQUENCE s; SELECT nextval('s')"),
    sent("temporary function", "CREATE FUNCTION pg_temp.f() RETURNS int RETURN 1"),
    sent("temporary type", "CREATE TYPE pg_temp.mood AS ENUM ('bad')"),
    sent(
        "temporary domain and aggregate",
        "CREATE DOMAIN pg_temp.d AS int; CREATE AGGREGATE pg_temp.a(int) (SFUNC = int4pl, STYPE = int)",
    ),
    sent("temporary by path", "BEGIN; SET LOCAL search_path = pg_temp; CREATE TABLE t (a int); COMMIT"),
    sent("temporary table in DO", "DO $$ BEGIN CREATE TEMP TABLE t (a int); END $$"),
    sent("temporary table behind a function", "SELECT alpha.run('CREATE TEMP TABLE t (a int)')", stays=True),
]

LOCKS = [
    sent("advisory lock", "SELECT pg_advisory_lock(1)"),
    sent("shared advisory lock", "SELECT pg_advisory_lock_shared(1)"),
    sent("advisory lock of two keys", "SELECT pg_advisory_lock(1, 2)"),
    sent("tried advisory lock", "SELECT pg_try_advisory_lock(1), pg_try_advisory_lock_shared(2, 3)"),
    sent("advisory lock taken often", "SELECT pg_advisory_lock(1) FROM generate_series(1, 5)"),
    sent("advisory lock of a transaction that failed", "BEGIN; SELECT pg_advisory_lock(1); ROLLBACK"),
    sent("advisory lock in DO", "DO $$ BEGIN PERFORM pg_advisory_lock(1); END $$"),
    sent("advisory lock behind a function", "SELECT alpha.take(1)", stays=True),
]

LISTENING = [
    sent("LISTEN", "LISTEN news"),
    sent("several channels", 'LISTEN news; LISTEN "odd;\nname"'),
    sent("LISTEN behind a function", "SELECT alpha.run('LISTEN news')", stays=True),
]

CURSORS = [
    sent("cursor WITH HOLD", "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM alpha.items"),
    sent(
        "cursor WITH HOLD, half read",
        "BEGIN; DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT generate_series(1, 9); FETCH 2 FROM c; COMMIT",
    ),
    sent("cursor behind a function", "SELECT alpha.run('DECLARE c CURSOR WITH HOLD FOR SELECT 1')", stays=True),
]

PREPARED = [
    sent("PREPARE", "PREPARE p AS SELECT 1"),
    sent("PREPARE with an odd name", """PREPARE "it's ""p"" $$; --" AS SELECT 1; PREPARE q (int) AS SELECT $1"""),
    sent("PREPARE in DO", "DO $$ BEGIN EXECUTE 'PREPARE p AS SELECT 1'; END $$"),
    sent("PREPARE behind a function", "SELECT alpha.run('PREPARE p AS SELECT 1')", stays=True),
    # Beyond what the driver's counter ever reaches, which is one for all connections of a process.
    sent("PREPARE with a name like the driver's", "PREPARE __asyncpg_stmt_ffffffff__ AS SELECT 1"),
]

TRANSACTIONS = [
    sent("BEGIN", "BEGIN; INSERT INTO alpha.items VALUES (-1)"),
    sent("START TRANSACTION with a lock", "START TRANSACTION; LOCK alpha.items"),
    sent("BEGIN and savepoints", "BEGIN; SAVEPOINT a; SAVEPOINT b; INSERT INTO alpha.items VALUES (-1)"),
    sent("BEGIN and SET LOCAL", "BEGIN; SET LOCAL work_mem = '5MB'; SET LOCAL ROLE \"{other}\""),
    sent("BEGIN and a cursor", "BEGIN; DECLARE c CURSOR FOR SELECT 1"),
    sent("COMMIT AND CHAIN", "BEGIN READ ONLY; COMMIT AND CHAIN; SELECT 1 FROM alpha.items"),
    sent(
        "exported snapshot",
        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_export_snapshot(), count(*) FROM alpha.items",
    ),
]

SEQUENCES = [
    sent("nextval", "SELECT nextval('alpha.numbers')", sees=_currval, stays=True),
    sent("setval", "SELECT setval('alpha.numbers', 5)", sees=_currval, stays=True),
    sent("lastval", "SELECT nextval('alpha.numbers')", sees=_lastval, stays=True),
]

BEYOND_RESET = [
    sent("setseed", "SELECT setseed(0.5)", sees=sees_seed),
    sent("SET seed", "SET seed = 0.5", sees=sees_seed),
    sent("setseed in DO", "DO $$ BEGIN PERFORM setseed(0.5); END $$", sees=sees_seed),
    sent("setseed behind a function", "SELECT alpha.run('SELECT setseed(0.5)')", sees=sees_seed, stays=True),
    sent("LOAD", "LOAD 'auto_explain'", sees=_module, connection=_REPLACED),
    sent("LOAD in DO", "DO $$ BEGIN LOAD 'auto_explain'; END $$", sees=_module, connection=_REPLACED),
    sent("dblink", "SELECT dblink_connect('link', '{dsn}')", sees=_linked, connection=_REPLACED),
    sent("DISCARD ALL", "DISCARD ALL", connection=_REPLACED),
    sent("DEALLOCATE ALL", "DEALLOCATE ALL", connection=_REPLACED),
]

SENT = [
    *ROLES,
    *SETTINGS,
    *TEMPORARY,
    *LOCKS,
    *LISTENING,
    *CURSORS,
    *PREPARED,
    *TRANSACTIONS,
    *SEQUENCES,
    *BEYOND_RESET,
]

"""What a session is like, as far as the server tells."""

from __future__ import annotations

# All settings with their sources, less those of libraries at their defaults: a library stays where it was loaded.
# A lock on a relation of the system is the query's own, and so is the cursor without a name.
FINGERPRINT = """
SELECT pg_catalog.array_agg(line ORDER BY line) FROM (
    SELECT 'setting ' || name || ' = ' || setting || ', by ' || source FROM pg_catalog.pg_settings
    WHERE NOT (name LIKE '%.%' AND source = 'default')
    UNION ALL SELECT 'user ' || current_user || ' of ' || session_user
    UNION ALL SELECT 'role ' || pg_catalog.current_setting('role')
    UNION ALL SELECT 'path ' || pg_catalog.current_schemas(false)::text
    UNION ALL SELECT 'lock ' || locktype || ' ' || mode || ' '
        || pg_catalog.concat_ws(' ', relation, classid, objid, objsubid)
    FROM pg_catalog.pg_locks
    WHERE pid = pg_catalog.pg_backend_pid() AND locktype <> 'virtualxid' AND (relation IS NULL OR relation >= 16384)
    UNION ALL SELECT 'cursor ' || name || ': ' || statement FROM pg_catalog.pg_cursors WHERE name <> ''
    UNION ALL SELECT 'prepared ' || name || ': ' || statement FROM pg_catalog.pg_prepared_statements WHERE from_sql
    UNION ALL SELECT 'channel ' || channel FROM pg_catalog.pg_listening_channels() AS channel
    UNION ALL SELECT 'temporary ' || relname FROM pg_catalog.pg_class
    WHERE relnamespace = pg_catalog.pg_my_temp_schema()
    UNION ALL SELECT 'temporary ' || typname FROM pg_catalog.pg_type
    WHERE typnamespace = pg_catalog.pg_my_temp_schema()
    UNION ALL SELECT 'temporary ' || proname FROM pg_catalog.pg_proc
    WHERE pronamespace = pg_catalog.pg_my_temp_schema()
    UNION ALL SELECT 'transaction ' || pg_catalog.pg_current_xact_id_if_assigned()::text
    WHERE pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL
) AS session (line)
"""


async def fingerprint(connection) -> set[str]:
    """The session of a connection, or of the use that a manager makes of one."""
    return set(await connection.fetchval(FINGERPRINT))

"""What services' roles lack, asked in one statement for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from poolhouse._core.address import role_in_dsn
from poolhouse._core.roles import Gap, GapKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncpg import Record

    from poolhouse._core.roles import Claim
    from poolhouse.migrations.access import Session
    from poolhouse.pool import SharedPool


class Asking(NamedTuple):
    """For whom it is asked; empty names mean the role that the session logged in as.

    `login` is to take the services' roles on, `creator` runs migrations. `is_whole` says that nothing else is claimed
    for these services, so that what goes beyond it is left over from an earlier release.
    """

    login: str = ""
    creator: str = ""
    is_whole: bool = False


def asking_for(pool: SharedPool, *, is_whole: bool) -> Asking:
    """Return for whom it is asked over the connections of `pool`: whoever they log in as."""
    migrating = pool.settings.migration_dsn
    return Asking(creator=role_in_dsn(migrating.get_secret_value()) if migrating else "", is_whole=is_whole)


# Types that the driver knows by itself only, so that it asks the server nothing else.
#
# A right that is written in a table's own list is found without asking the server's caches for the table, which
# would take five times as long and memory for each of a hundred thousand tables of tenants; a role may as well have
# it in another way, as a member or from PUBLIC, so whoever is not in the list is asked about.
_GAPS = """
WITH asked AS MATERIALIZED (
    SELECT role.oid AS login, role.rolname AS login_name, role.rolsuper AS is_superuser, maker.oid AS creator
    FROM pg_catalog.pg_roles AS role
    LEFT JOIN pg_catalog.pg_roles AS maker ON maker.rolname = $8::text::name
    WHERE role.rolname = coalesce(nullif($7::text, '')::name, session_user)
), wanted AS MATERIALIZED (
    SELECT claimed.place::int AS place, claimed.role_name, role.oid AS role, role.rolsuper
    FROM unnest($1::text[]) WITH ORDINALITY AS claimed (role_name, place)
    LEFT JOIN pg_catalog.pg_roles AS role ON role.rolname = claimed.role_name::name
), own AS MATERIALIZED (
    SELECT wanted.place, wanted.role, claimed.schema_name, space.oid AS space, CASE
        WHEN space.oid IS NULL THEN NULL
        WHEN asked.creator IS NOT NULL THEN asked.creator
        WHEN pg_catalog.has_schema_privilege(asked.login, space.oid, 'CREATE') THEN asked.login
        ELSE space.nspowner END AS creator
    FROM unnest($2::text[], $3::text[]) AS claimed (place, schema_name)
    JOIN wanted ON wanted.place = claimed.place::int
    CROSS JOIN asked
    LEFT JOIN pg_catalog.pg_namespace AS space ON space.nspname = claimed.schema_name::name
), reading AS MATERIALIZED (
    SELECT wanted.place, wanted.role, claimed.schema_name, claimed.table_name, space.oid AS space, class.oid AS class
    FROM unnest($4::text[], $5::text[], $6::text[]) AS claimed (place, schema_name, table_name)
    JOIN wanted ON wanted.place = claimed.place::int
    LEFT JOIN pg_catalog.pg_namespace AS space ON space.nspname = claimed.schema_name::name
    LEFT JOIN pg_catalog.pg_class AS class ON class.relnamespace = space.oid
        AND class.relname = claimed.table_name::name AND class.relkind IN ('r', 'p', 'v', 'm', 'f')
), related AS (
    SELECT own.place, own.role, own.schema_name, class.oid AS class, class.relname,
        CASE class.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind,
        CASE WHEN class.relacl IS NULL OR own.role IS NULL THEN false
            WHEN class.relkind = 'S' THEN class.relacl
                @> pg_catalog.makeaclitem(own.role, class.relowner, 'USAGE', false) AND class.relacl
                @> pg_catalog.makeaclitem(own.role, class.relowner, 'SELECT', false) AND class.relacl
                @> pg_catalog.makeaclitem(own.role, class.relowner, 'UPDATE', false)
            ELSE class.relacl
                @> pg_catalog.makeaclitem(own.role, class.relowner, 'SELECT', false) AND class.relacl
                @> pg_catalog.makeaclitem(own.role, class.relowner, 'INSERT', false) AND class.relacl
                @> pg_catalog.makeaclitem(own.role, class.relowner, 'UPDATE', false) AND class.relacl
                @> pg_catalog.makeaclitem(own.role, class.relowner, 'DELETE', false)
        END AS is_listed
    FROM own JOIN pg_catalog.pg_class AS class ON class.relnamespace = own.space
    WHERE class.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
), left_over AS (
    SELECT wanted.place, class.oid, class.relnamespace AS space, class.relname, class.relkind,
        known.space IS NOT NULL AS is_known,
        pg_catalog.bool_and(item.privilege_type = 'SELECT') AS is_read,
        pg_catalog.bool_or(item.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'))
            AS is_written
    FROM pg_catalog.pg_class AS class
    LEFT JOIN (SELECT DISTINCT space FROM own) AS known ON known.space = class.relnamespace
    CROSS JOIN LATERAL pg_catalog.aclexplode(class.relacl) AS item
    JOIN wanted ON wanted.role = item.grantee
    WHERE $9::text <> '' AND class.relacl IS NOT NULL AND class.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        AND NOT EXISTS (SELECT FROM own WHERE own.place = wanted.place AND own.space = class.relnamespace)
        AND item.grantor = class.relowner AND item.grantee <> class.relowner
    GROUP BY 1, 2, 3, 4, 5, 6
), excess AS MATERIALIZED (
    SELECT left_over.place, left_over.space, left_over.relname,
        CASE WHEN reading.class IS NOT NULL THEN 'left w' WHEN left_over.relkind = 'S' THEN 'left S' ELSE 'left r' END
            AS kind
    FROM left_over
    LEFT JOIN reading ON reading.place = left_over.place AND reading.class = left_over.oid
    WHERE CASE WHEN reading.class IS NULL THEN left_over.is_known OR left_over.is_read ELSE left_over.is_written END
), gap (kind, place, schema_name, name, by) AS (
    SELECT 'role', place, NULL, NULL, NULL FROM wanted WHERE role IS NULL
    UNION ALL
    SELECT 'superuser', place, NULL, NULL, NULL FROM wanted WHERE rolsuper
    UNION ALL
    SELECT 'login', place, NULL, NULL, asked.login_name FROM wanted CROSS JOIN asked
    WHERE NOT rolsuper AND pg_catalog.pg_has_role(wanted.role, asked.login, 'MEMBER')
    UNION ALL
    SELECT 'member', place, NULL, NULL, asked.login_name FROM wanted CROSS JOIN asked
    WHERE NOT asked.is_superuser AND pg_catalog.pg_has_role(asked.login, wanted.role, CASE
        WHEN pg_catalog.current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END) IS NOT TRUE
    UNION ALL
    SELECT DISTINCT 'usage', place, schema_name, NULL, NULL
    FROM (
        SELECT place, role, space, schema_name FROM own
        UNION ALL SELECT place, role, space, schema_name FROM reading
    ) AS looked
    WHERE space IS NOT NULL AND pg_catalog.has_schema_privilege(role, space, 'USAGE') IS NOT TRUE
    UNION ALL
    SELECT DISTINCT 'no schema', place, schema_name, NULL, NULL FROM own WHERE space IS NULL
    UNION ALL
    SELECT kind, place, schema_name, relname, NULL FROM related
    WHERE CASE WHEN is_listed THEN false
        WHEN kind = 'sequence' THEN (pg_catalog.has_sequence_privilege(role, class, 'USAGE')
            AND pg_catalog.has_sequence_privilege(role, class, 'SELECT')
            AND pg_catalog.has_sequence_privilege(role, class, 'UPDATE')) IS NOT TRUE
        ELSE (pg_catalog.has_table_privilege(role, class, 'SELECT')
            AND pg_catalog.has_table_privilege(role, class, 'INSERT')
            AND pg_catalog.has_table_privilege(role, class, 'UPDATE')
            AND pg_catalog.has_table_privilege(role, class, 'DELETE')) IS NOT TRUE END
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS part
            WHERE part.classid = 'pg_catalog.pg_class'::regclass AND part.objid = class AND part.deptype = 'e')
    UNION ALL
    SELECT 'routine', own.place, own.schema_name, pg_catalog.format('%I(%s)', routine.proname,
        pg_catalog.oidvectortypes(routine.proargtypes)), NULL
    FROM own JOIN pg_catalog.pg_proc AS routine ON routine.pronamespace = own.space
    WHERE routine.proacl IS NOT NULL
        AND pg_catalog.has_function_privilege(own.role, routine.oid, 'EXECUTE') IS NOT TRUE
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS part
            WHERE part.classid = 'pg_catalog.pg_proc'::regclass AND part.objid = routine.oid AND part.deptype = 'e')
    UNION ALL
    SELECT 'new ' || made.kind, own.place, own.schema_name, NULL, maker.rolname
    FROM own
    JOIN pg_catalog.pg_roles AS maker ON maker.oid = own.creator
    CROSS JOIN (VALUES ('r', '{SELECT,INSERT,UPDATE,DELETE}'::text[]), ('S', '{USAGE,SELECT,UPDATE}'::text[]),
        ('f', '{EXECUTE}'::text[])) AS made (kind, rights)
    LEFT JOIN pg_catalog.pg_default_acl AS given ON given.defaclrole = own.creator
        AND given.defaclnamespace = own.space AND given.defaclobjtype = made.kind::"char"
    WHERE own.role IS NULL OR given.defaclacl IS NULL OR EXISTS (SELECT FROM unnest(made.rights) AS wanted (privilege)
        WHERE NOT given.defaclacl @> pg_catalog.makeaclitem(own.role, own.creator, wanted.privilege, false))
    UNION ALL
    SELECT CASE WHEN class IS NULL THEN 'no table' ELSE 'read' END, place, schema_name, table_name, NULL FROM reading
    WHERE class IS NULL OR pg_catalog.has_table_privilege(role, class, 'SELECT') IS NOT TRUE
    UNION ALL
    SELECT excess.kind, excess.place, space.nspname, excess.relname, NULL
    FROM excess JOIN pg_catalog.pg_namespace AS space ON space.oid = excess.space
    UNION ALL
    SELECT 'left n', wanted.place, space.nspname, NULL, NULL
    FROM pg_catalog.pg_namespace AS space
    CROSS JOIN LATERAL pg_catalog.aclexplode(space.nspacl) AS item
    JOIN wanted ON wanted.role = item.grantee
    WHERE $9::text <> '' AND item.grantor = space.nspowner AND item.grantee <> space.nspowner
        AND NOT EXISTS (SELECT FROM own WHERE own.place = wanted.place AND own.space = space.oid)
        AND NOT EXISTS (SELECT FROM reading WHERE reading.place = wanted.place AND reading.space = space.oid)
        AND (space.oid IN (SELECT own.space FROM own)
            OR EXISTS (SELECT FROM excess WHERE excess.place = wanted.place AND excess.space = space.oid))
    GROUP BY 2, 3
)
SELECT asked.login_name::text, gap.kind, gap.place::text, gap.by::text,
    pg_catalog.quote_ident(gap.schema_name::text) || CASE WHEN gap.name IS NULL THEN ''
        WHEN gap.kind = 'routine' THEN '.' || gap.name ELSE '.' || pg_catalog.quote_ident(gap.name::text) END
FROM gap CROSS JOIN asked
ORDER BY gap.place, gap.kind, gap.schema_name, gap.name
"""


async def read_gaps(connection: Session, claims: Sequence[Claim], asking: Asking) -> tuple[str, tuple[Gap, ...]]:
    """Return the login role, empty where there is no gap, and in what the database differs from `claims`.

    Needs no right but that of everybody to read catalogues.
    """
    schemas = [(str(place), schema) for place, claim in enumerate(claims, 1) for schema in claim.schemas]
    reads = [(str(place), *read) for place, claim in enumerate(claims, 1) for read in claim.reads]
    rows = await connection.fetch(
        _GAPS,
        [claim.role for claim in claims],
        [place for place, _ in schemas],
        [schema for _, schema in schemas],
        [place for place, *_ in reads],
        [schema for _, schema, _ in reads],
        [table for *_, table in reads],
        asking.login,
        asking.creator,
        "whole" if asking.is_whole else "",
    )
    return rows[0][0] if rows else "", tuple(_gap(claims[int(row[2]) - 1], row) for row in rows)


def _gap(claim: Claim, row: Record) -> Gap:
    _, kind, _, by, name = row
    return Gap(GapKind(kind), claim.service, claim.role, name or "", by or "")

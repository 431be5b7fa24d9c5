"""Pieces of SQL that the queries of the catalogue share.

Each query yields entries: kind, name, place, owner, origins, position, aspects. They run with `pg_catalog` first in
`search_path` and the schema behind it, so that the server itself leaves the schema's name out of definitions.
"""

from __future__ import annotations

PREAMBLE = """
WITH space AS MATERIALIZED (
    SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname = $1::text::name
),
members AS MATERIALIZED (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
),
relations AS MATERIALIZED (
    SELECT class.oid, class.relkind, class.relname, quote_ident(class.relname) AS name,
           kinds.word || ' ' || quote_ident(class.relname) AS place, kinds.word AS kind
    FROM pg_class AS class
    JOIN space ON class.relnamespace = space.oid
    JOIN (VALUES ('r'::"char", 'table'), ('p', 'table'), ('f', 'foreign table'), ('v', 'view'),
                 ('m', 'materialized view'), ('S', 'sequence')) AS kinds (relkind, word) USING (relkind)
    WHERE ('pg_class'::regclass, class.oid) NOT IN (SELECT classid, objid FROM members)
)
"""

NOWHERE = "NULL::text"
NO_ORIGINS = "'{}'::text[]"


def entry(
    kind: str,
    name: str,
    *aspects: str,
    place: str | None = None,
    owner: str = NOWHERE,
    origins: str = NO_ORIGINS,
    position: str = "0",
    source: str,
) -> str:
    """Return a query for entries; `kind`, `name` and the rest are SQL expressions, and `aspects` are of type jsonb."""
    where = place or f"{kind} || ' ' || {name}"
    return (
        f"SELECT {kind} AS kind, {name} AS name, {where} AS place, {owner} AS owner, {origins} AS origins, "
        f"({position})::integer AS position, {' || '.join(aspects)} AS aspects\n{source}"
    )


def aspects(**values: str) -> str:
    """Return a jsonb object of SQL expressions; underscores in the names stand for spaces."""
    pairs = (f"'{name.replace('_', ' ')}', ({value})::text" for name, value in values.items())
    return f"jsonb_build_object({', '.join(pairs)})"


def member_of_extension(catalogue: str, oid: str) -> str:
    """Return the condition that an object belongs to an extension."""
    return f"('{catalogue}'::regclass, {oid}) IN (SELECT classid, objid FROM members)"


def comment(catalogue: str, oid: str, *, part: str = "0") -> str:
    """Return the aspect `comment` of an object."""
    return aspects(
        comment=(
            "SELECT description FROM pg_description "
            f"WHERE classoid = '{catalogue}'::regclass AND objoid = {oid} AND objsubid = {part}"
        )
    )


def owned_by(role: str) -> str:
    """Return the aspect `owner`."""
    return aspects(owner=f"pg_get_userbyid({role})")


def grants(kind: str, acl: str, owner: str) -> str:
    """Return an aspect for each role that has rights; `kind` is the letter that acldefault() knows it by.

    An owner is not named, so that the same objects of two owners compare.
    """
    default = f"acldefault('{kind}', {owner})"
    return named_grants("'grants to '", f"coalesce({acl}, {default})", owner)


def named_grants(prefix: str, acl: str, owner: str) -> str:
    """Return an aspect for each role in an ACL; `prefix` is an SQL expression that its name begins with."""
    return f"""(
        SELECT coalesce(jsonb_object_agg({prefix} || grantee, privileges), '{{}}') FROM (
            SELECT {grantee("item.grantee", owner)} AS grantee,
                   string_agg(DISTINCT item.privilege_type ||
                              CASE WHEN item.is_grantable THEN ' with grant option' ELSE '' END, ', ') AS privileges
            FROM aclexplode({acl}) AS item GROUP BY 1
        ) AS granted
    )"""


def grantee(role: str, owner: str) -> str:
    """Return the expression that names a role; the owner of what is granted goes by that, not by its name."""
    return (
        f"CASE {role} WHEN 0 THEN 'PUBLIC' WHEN {owner} THEN 'the owner' ELSE quote_ident(pg_get_userbyid({role})) END"
    )

"""Queries for tables and what looks like them: columns, views, sequences."""

from __future__ import annotations

from poolhouse.migrations.catalogue.fragments import aspects, comment, entry, grants, owned_by

_PERSISTENCE = "CASE class.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END"
_OPTIONS = "array_to_string(class.reloptions, ', ')"
_TABLESPACE = "SELECT quote_ident(spcname) FROM pg_tablespace WHERE oid = class.reltablespace"
_METHOD = "SELECT quote_ident(amname) FROM pg_am WHERE oid = class.relam"
_SOURCE = "FROM relations AS relation JOIN pg_class AS class USING (oid)"

# Rights, comments and defaults that a view's columns have of their own; the rest follows from its definition.
_COLUMNS_OF_VIEW = """(
    SELECT coalesce(jsonb_object_agg(aspect || ' of column ' || quote_ident(attname), value), '{}') FROM (
        SELECT attribute.attname, each.key AS aspect, each.value
        FROM pg_attribute AS attribute
        LEFT JOIN pg_attrdef AS preset ON preset.adrelid = attrelid AND preset.adnum = attnum
        CROSS JOIN jsonb_each_text(%s) AS each
        WHERE attribute.attrelid = class.oid AND attribute.attnum > 0 AND each.value IS NOT NULL
    ) AS columns
)""" % " || ".join(  # noqa: UP031 - the braces of jsonb
    (
        aspects(default="pg_get_expr(preset.adbin, preset.adrelid)"),
        comment("pg_class", "class.oid", part="attribute.attnum"),
        grants("c", "attribute.attacl", "class.relowner"),
    )
)

_PARENT = """
    SELECT %s FROM pg_inherits WHERE inhrelid = class.oid AND %s
"""

_FOREIGN = """
    SELECT quote_ident(srvname) || coalesce(' (' || array_to_string(ftoptions, ', ') || ')', '')
    FROM pg_foreign_table JOIN pg_foreign_server AS server ON server.oid = ftserver WHERE ftrelid = class.oid
"""

_REPLICA_IDENTITY = """
    CASE class.relreplident
        WHEN 'n' THEN 'nothing'
        WHEN 'f' THEN 'full'
        WHEN 'i' THEN 'index ' || (
            SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = class.oid AND indisreplident
        )
    END
"""

TABLES = entry(
    "relation.kind",
    "relation.name",
    aspects(
        persistence=_PERSISTENCE,
        partition_key="pg_get_partkeydef(class.oid)",
        partition_of=_PARENT
        % ("inhparent::regclass::text || ' ' || pg_get_expr(class.relpartbound, class.oid)", "class.relispartition"),
        inherits=_PARENT
        % ("string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno)", "NOT class.relispartition"),
        of_type="CASE WHEN class.reloftype <> 0 THEN format_type(class.reloftype, NULL) END",
        options=_OPTIONS,
        toast_options=(
            "SELECT array_to_string(toast.reloptions, ', ') FROM pg_class AS toast "
            "WHERE toast.oid = class.reltoastrelid"
        ),
        access_method=_METHOD,
        tablespace=_TABLESPACE,
        replica_identity=_REPLICA_IDENTITY,
        row_security="CASE WHEN class.relrowsecurity THEN 'enabled' ELSE 'disabled' END",
        row_security_for_the_owner="CASE WHEN class.relforcerowsecurity THEN 'forced' ELSE 'not forced' END",
        server=_FOREIGN,
    ),
    comment("pg_class", "class.oid"),
    owned_by("class.relowner"),
    grants("r", "class.relacl", "class.relowner"),
    owner=f"({_PARENT % ('(SELECT place FROM relations WHERE relations.oid = inhparent)', 'class.relispartition')})",
    source=f"{_SOURCE} WHERE relation.relkind IN ('r', 'p', 'f')",
)

VIEWS = entry(
    "relation.kind",
    "relation.name",
    aspects(
        definition="pg_get_viewdef(class.oid)",
        options=_OPTIONS,
        access_method=_METHOD,
        tablespace=_TABLESPACE,
    ),
    comment("pg_class", "class.oid"),
    owned_by("class.relowner"),
    grants("r", "class.relacl", "class.relowner"),
    _COLUMNS_OF_VIEW,
    source=f"{_SOURCE} WHERE relation.relkind IN ('v', 'm')",
)

# Before PostgreSQL 18 NOT NULL has no name, and after an upgrade another one than in a replay: names are left out.
_NULLABILITY = """
    CASE WHEN attribute.attnotnull THEN 'not null' || coalesce((
        SELECT CASE WHEN bound.convalidated THEN '' ELSE ' not valid' END ||
               CASE WHEN bound.connoinherit THEN ' no inherit' ELSE '' END
        FROM pg_constraint AS bound
        WHERE bound.conrelid = attrelid AND bound.contype = 'n' AND bound.conkey = ARRAY[attnum]
    ), '') ELSE 'nullable' END
"""

_COLLATION = """
    SELECT attcollation::regcollation::text FROM pg_type AS type
    WHERE type.oid = atttypid AND type.typcollation <> attcollation AND attcollation <> 0
"""

_STORAGE = """
    SELECT CASE attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END
    FROM pg_type AS type WHERE type.oid = atttypid AND type.typstorage <> attstorage
"""

COLUMNS = entry(
    "'column'",
    "relation.name || '.' || quote_ident(attname)",
    aspects(
        type="format_type(atttypid, atttypmod)",
        nullability=_NULLABILITY,
        default="CASE attgenerated WHEN '' THEN pg_get_expr(preset.adbin, preset.adrelid) END",
        generated=(
            "CASE attgenerated WHEN 's' THEN 'stored ' WHEN 'v' THEN 'virtual ' END "
            "|| pg_get_expr(preset.adbin, preset.adrelid)"
        ),
        identity="CASE attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END",
        collation=_COLLATION,
        storage=_STORAGE,
        compression="CASE attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END",
        statistics_target="nullif(attstattarget, -1)",
        options="array_to_string(attoptions, ', ')",
        foreign_options="array_to_string(attfdwoptions, ', ')",
    ),
    comment("pg_class", "attrelid", part="attnum"),
    grants("c", "attacl", "class.relowner"),
    place="relation.place || ': column ' || quote_ident(attname)",
    owner="relation.place",
    origins="""ARRAY(
        SELECT parent.place || ': column ' || quote_ident(attname)
        FROM pg_inherits JOIN relations AS parent ON parent.oid = inhparent
        WHERE inhrelid = attrelid AND attinhcount > 0 ORDER BY inhseqno
    )""",
    position="row_number() OVER (PARTITION BY attrelid ORDER BY attnum)",
    source=f"""{_SOURCE}
        JOIN pg_attribute AS attribute ON attrelid = class.oid AND attnum > 0 AND NOT attisdropped
        LEFT JOIN pg_attrdef AS preset ON preset.adrelid = attrelid AND preset.adnum = attnum
        WHERE relation.relkind IN ('r', 'p', 'f')""",
)

_OF_COLUMN = """
    FROM pg_depend AS tie
    JOIN pg_attribute AS attribute ON attrelid = tie.refobjid AND attnum = tie.refobjsubid
    LEFT JOIN relations AS holder ON holder.oid = attrelid
    WHERE tie.classid = 'pg_class'::regclass AND tie.objid = class.oid
      AND tie.refclassid = 'pg_class'::regclass AND tie.refobjsubid > 0 AND tie.deptype IN ('a', 'i')
"""

SEQUENCES = entry(
    "relation.kind",
    "relation.name",
    aspects(
        type="format_type(seqtypid, NULL)",
        start="seqstart",
        increment="seqincrement",
        minimum="seqmin",
        maximum="seqmax",
        cache="seqcache",
        cycle="CASE WHEN seqcycle THEN 'yes' ELSE 'no' END",
        persistence=_PERSISTENCE,
        column=f"SELECT attrelid::regclass::text || '.' || quote_ident(attname) {_OF_COLUMN}",
    ),
    comment("pg_class", "class.oid"),
    owned_by("class.relowner"),
    grants("s", "class.relacl", "class.relowner"),
    owner=f"(SELECT holder.place || ': column ' || quote_ident(attname) {_OF_COLUMN})",
    source=f"{_SOURCE} JOIN pg_sequence ON seqrelid = class.oid",
)

QUERIES = (TABLES, VIEWS, COLUMNS, SEQUENCES)

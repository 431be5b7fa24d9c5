"""Queries for the schema itself, its types, and what extends the language of SQL in it."""

from __future__ import annotations

from poolhouse.migrations.catalogue.fragments import (
    aspects,
    comment,
    entry,
    grantee,
    grants,
    member_of_extension,
    named_grants,
    owned_by,
)

_DEFAULT_GRANTS = f"""(
    SELECT coalesce(jsonb_object_agg(each.key, each.value), '{{}}')
    FROM pg_default_acl
    CROSS JOIN jsonb_each_text({
    named_grants(
        "'default grants on ' || CASE defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' "
        "WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' ELSE 'others' END || ' of ' || "
        + grantee("defaclrole", "space.nspowner")
        + " || ' to '",
        "defaclacl",
        "space.nspowner",
    )
}) AS each
    WHERE defaclnamespace = space.oid
)"""

SCHEMA = entry(
    "'schema'",
    "''",
    comment("pg_namespace", "space.oid"),
    owned_by("nspowner"),
    grants("n", "nspacl", "nspowner"),
    _DEFAULT_GRANTS,
    place="'schema'",
    source="FROM space",
)

EXTENSIONS = entry(
    "'extension'",
    "quote_ident(extname)",
    aspects(version="extversion"),
    comment("pg_extension", "extension.oid"),
    source="FROM space JOIN pg_extension AS extension ON extnamespace = space.oid",
)

_ATTRIBUTES = """
    SELECT coalesce(string_agg(
        quote_ident(attname) || ' ' || format_type(atttypid, atttypmod) ||
        CASE WHEN attcollation <> part.typcollation THEN ' COLLATE ' || attcollation::regcollation::text ELSE '' END,
        ', ' ORDER BY attnum), 'none')
    FROM pg_attribute JOIN pg_type AS part ON part.oid = atttypid
    WHERE attrelid = type.typrelid AND attnum > 0 AND NOT attisdropped
"""

_RANGE = """
    SELECT concat_ws(', ', 'subtype ' || format_type(rngsubtype, NULL),
        'operator class ' || (SELECT opcname::text FROM pg_opclass WHERE oid = rngsubopc),
        'collation ' || nullif(rngcollation, 0)::regcollation::text,
        'canonical ' || nullif(rngcanonical, 0)::regprocedure::text,
        'difference ' || nullif(rngsubdiff, 0)::regprocedure::text,
        'multirange ' || format_type(rngmultitypid, NULL))
    FROM pg_range WHERE rngtypid = type.oid
"""

_DOMAIN_CONSTRAINTS = """(
    SELECT coalesce(jsonb_object_agg('constraint ' || quote_ident(conname), pg_get_constraintdef(oid)), '{}')
    FROM pg_constraint WHERE contypid = type.oid AND contype = 'c'
)"""

_DOMAIN = {
    "base": "format_type(typbasetype, typtypmod)",
    "nullability": "CASE WHEN typnotnull THEN 'not null' ELSE 'nullable' END",
    "default": "pg_get_expr(typdefaultbin, 0)",
    "collation": """
        SELECT type.typcollation::regcollation::text FROM pg_type AS base
        WHERE base.oid = type.typbasetype AND base.typcollation <> type.typcollation
    """,
}

_BASE = {
    "input": "typinput::regprocedure",
    "output": "typoutput::regprocedure",
    "length": "typlen",
    "alignment": "typalign",
    "storage": "typstorage",
    "category": "typcategory",
}

TYPES = entry(
    "kinds.word",
    "quote_ident(typname)",
    aspects(
        labels="""
            CASE typtype WHEN 'e' THEN coalesce((
                SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
                FROM pg_enum WHERE enumtypid = type.oid
            ), 'none') END
        """,
        attributes=f"CASE typtype WHEN 'c' THEN ({_ATTRIBUTES}) END",
        range=_RANGE,
        **{name: f"CASE typtype WHEN 'd' THEN ({value}) END" for name, value in _DOMAIN.items()},
        **{name: f"CASE WHEN typtype = 'b' AND typisdefined THEN ({value})::text END" for name, value in _BASE.items()},
    ),
    _DOMAIN_CONSTRAINTS,
    comment("pg_type", "type.oid"),
    owned_by("typowner"),
    grants("T", "typacl", "typowner"),
    source=f"""FROM space JOIN pg_type AS type ON typnamespace = space.oid
        JOIN (VALUES ('e'::"char", 'type'), ('c', 'type'), ('r', 'type'), ('b', 'type'), ('p', 'type'),
                     ('d', 'domain')) AS kinds (typtype, word) USING (typtype)
        WHERE NOT EXISTS (SELECT FROM pg_type AS element WHERE element.typarray = type.oid)
          AND (typrelid = 0 OR EXISTS (SELECT FROM pg_class WHERE oid = typrelid AND relkind = 'c'))
          AND NOT {member_of_extension("pg_type", "type.oid")}""",
)

# The names of these columns change from version to version.
COLLATIONS = entry(
    "'collation'",
    "quote_ident(collname)",
    aspects(
        provider="collprovider",
        collate="to_jsonb(ordering) ->> 'collcollate'",
        ctype="to_jsonb(ordering) ->> 'collctype'",
        locale="coalesce(to_jsonb(ordering) ->> 'colllocale', to_jsonb(ordering) ->> 'colliculocale')",
        rules="to_jsonb(ordering) ->> 'collicurules'",
        deterministic="collisdeterministic",
    ),
    comment("pg_collation", "ordering.oid"),
    owned_by("collowner"),
    source=f"""FROM space JOIN pg_collation AS ordering ON collnamespace = space.oid
        WHERE NOT {member_of_extension("pg_collation", "ordering.oid")}""",
)

CONVERSIONS = entry(
    "'conversion'",
    "quote_ident(conname)",
    aspects(
        encodings="pg_encoding_to_char(conforencoding) || ' to ' || pg_encoding_to_char(contoencoding)",
        function="conproc::regproc",
        default="CASE WHEN condefault THEN 'yes' ELSE 'no' END",
    ),
    comment("pg_conversion", "conversion.oid"),
    owned_by("conowner"),
    source=f"""FROM space JOIN pg_conversion AS conversion ON connamespace = space.oid
        WHERE NOT {member_of_extension("pg_conversion", "conversion.oid")}""",
)

CONFIGURATIONS = entry(
    "'text search configuration'",
    "quote_ident(cfgname)",
    aspects(
        parser="SELECT quote_ident(prsname) FROM pg_ts_parser WHERE oid = cfgparser",
        mappings="""
            SELECT string_agg(alias || ' ' || mapdict::regdictionary::text, ', ' ORDER BY tokid, mapseqno)
            FROM pg_ts_config_map JOIN ts_token_type(cfgparser) ON tokid = maptokentype WHERE mapcfg = words.oid
        """,
    ),
    comment("pg_ts_config", "words.oid"),
    owned_by("cfgowner"),
    source=f"""FROM space JOIN pg_ts_config AS words ON cfgnamespace = space.oid
        WHERE NOT {member_of_extension("pg_ts_config", "words.oid")}""",
)

DICTIONARIES = entry(
    "'text search dictionary'",
    "quote_ident(dictname)",
    aspects(
        template="SELECT quote_ident(tmplname) FROM pg_ts_template WHERE oid = dicttemplate",
        options="dictinitoption",
    ),
    comment("pg_ts_dict", "words.oid"),
    owned_by("dictowner"),
    source=f"""FROM space JOIN pg_ts_dict AS words ON dictnamespace = space.oid
        WHERE NOT {member_of_extension("pg_ts_dict", "words.oid")}""",
)

QUERIES = (SCHEMA, EXTENSIONS, TYPES, COLLATIONS, CONVERSIONS, CONFIGURATIONS, DICTIONARIES)

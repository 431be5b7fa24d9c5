"""Queries for what hangs on tables and views: constraints, indexes, triggers, policies, rules, statistics."""

from __future__ import annotations

from poolhouse.migrations.catalogue.fragments import aspects, comment, entry, member_of_extension, owned_by

_ENABLED = "CASE {} WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'on replicas' ELSE 'always' END"

_INDEX_STATE = "CASE WHEN indisvalid AND indisready AND indislive THEN 'valid' ELSE 'invalid' END"
# The definition of an index has its options, that of a constraint has not.
_OPTIONS = "array_to_string(class.reloptions, ', ')"
_INDEX_CLASS = {
    "tablespace": "SELECT quote_ident(spcname) FROM pg_tablespace WHERE oid = class.reltablespace",
    "clustered": "CASE WHEN indisclustered THEN 'yes' END",
}

# ALTER TABLE ... DISABLE TRIGGER ALL silently stops foreign keys from being enforced.
_FOREIGN_KEY_TRIGGERS = """
    SELECT 'disabled' FROM pg_trigger WHERE tgconstraint = bound.oid AND tgisinternal AND tgenabled <> 'O' LIMIT 1
"""

CONSTRAINTS = entry(
    "'constraint'",
    "relation.name || '.' || quote_ident(bound.conname)",
    aspects(
        definition="pg_get_constraintdef(bound.oid)",
        enforcement=_FOREIGN_KEY_TRIGGERS,
        index="CASE WHEN indexrelid IS NOT NULL AND bound.contype <> 'f' THEN " + _INDEX_STATE + " END",
        **{
            name: f"CASE WHEN bound.contype <> 'f' THEN ({value}) END"
            for name, value in {"options": _OPTIONS, **_INDEX_CLASS}.items()
        },
    ),
    comment("pg_constraint", "bound.oid"),
    place="relation.place || ': constraint ' || quote_ident(bound.conname)",
    owner="relation.place",
    origins="""ARRAY(
        SELECT parent.place || ': constraint ' || quote_ident(origin.conname)
        FROM pg_constraint AS origin JOIN relations AS parent ON parent.oid = origin.conrelid
        WHERE origin.oid = bound.conparentid
           OR bound.coninhcount > 0 AND origin.conname = bound.conname AND origin.contype = bound.contype
              AND origin.conrelid IN (SELECT inhparent FROM pg_inherits WHERE inhrelid = bound.conrelid)
        ORDER BY 1
    )""",
    # A foreign key to a partitioned table has a shadow of itself for each partition.
    source="""FROM relations AS relation
        JOIN pg_constraint AS bound ON bound.conrelid = relation.oid AND bound.contype IN ('c', 'f', 'p', 'u', 'x')
        LEFT JOIN pg_constraint AS root ON root.oid = bound.conparentid AND root.conrelid = bound.conrelid
        LEFT JOIN pg_index ON indexrelid = bound.conindid
        LEFT JOIN pg_class AS class ON class.oid = bound.conindid
        WHERE root.oid IS NULL""",
)

INDEXES = entry(
    "'index'",
    "quote_ident(class.relname)",
    aspects(
        definition="pg_get_indexdef(indexrelid, 0, true)",
        state=_INDEX_STATE,
        statistics_targets="""
            SELECT string_agg(attnum || ' ' || attstattarget, ', ' ORDER BY attnum)
            FROM pg_attribute WHERE attrelid = indexrelid AND attstattarget >= 0
        """,
        **_INDEX_CLASS,
    ),
    comment("pg_class", "indexrelid"),
    owner="relation.place",
    origins="""ARRAY(
        SELECT coalesce(parent.place || ': constraint ' || quote_ident(bound.conname),
                        'index ' || quote_ident(origin.relname))
        FROM pg_inherits
        JOIN pg_class AS origin ON origin.oid = inhparent
        LEFT JOIN pg_constraint AS bound ON bound.conindid = inhparent AND bound.contype IN ('p', 'u', 'x')
        LEFT JOIN relations AS parent ON parent.oid = bound.conrelid
        WHERE inhrelid = indexrelid
    )""",
    source="""FROM relations AS relation
        JOIN pg_index ON indrelid = relation.oid
        JOIN pg_class AS class ON class.oid = indexrelid
        WHERE NOT EXISTS (
            SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x')
        )""",
)

TRIGGERS = entry(
    "'trigger'",
    "relation.name || '.' || quote_ident(tgname)",
    aspects(definition="pg_get_triggerdef(acts.oid, true)", state=_ENABLED.format("tgenabled")),
    comment("pg_trigger", "acts.oid"),
    place="relation.place || ': trigger ' || quote_ident(tgname)",
    owner="relation.place",
    origins="""ARRAY(
        SELECT parent.place || ': trigger ' || quote_ident(origin.tgname)
        FROM pg_trigger AS origin JOIN relations AS parent ON parent.oid = origin.tgrelid
        WHERE origin.oid = acts.tgparentid
    )""",
    # Before PostgreSQL 15 the clones in partitions count as internal.
    source="""FROM relations AS relation
        JOIN pg_trigger AS acts
            ON tgrelid = relation.oid AND (NOT tgisinternal OR tgparentid <> 0 AND tgconstraint = 0)""",
)

POLICIES = entry(
    "'policy'",
    "relation.name || '.' || quote_ident(polname)",
    aspects(
        command=(
            "CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' "
            "ELSE 'ALL' END"
        ),
        mode="CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END",
        roles="""
            SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', '
                              ORDER BY pg_get_userbyid(role))
            FROM unnest(polroles) AS role
        """,
        using="pg_get_expr(polqual, polrelid)",
        with_check="pg_get_expr(polwithcheck, polrelid)",
    ),
    comment("pg_policy", "rights.oid"),
    place="relation.place || ': policy ' || quote_ident(polname)",
    owner="relation.place",
    source="FROM relations AS relation JOIN pg_policy AS rights ON polrelid = relation.oid",
)

RULES = entry(
    "'rule'",
    "relation.name || '.' || quote_ident(rulename)",
    aspects(definition="pg_get_ruledef(rule.oid, true)", state=_ENABLED.format("ev_enabled")),
    comment("pg_rewrite", "rule.oid"),
    place="relation.place || ': rule ' || quote_ident(rulename)",
    owner="relation.place",
    source="FROM relations AS relation JOIN pg_rewrite AS rule ON ev_class = relation.oid AND rulename <> '_RETURN'",
)

STATISTICS = entry(
    "'statistics'",
    "quote_ident(stxname)",
    aspects(
        table="stxrelid::regclass",
        columns="pg_get_statisticsobjdef_columns(extended.oid)",
        kinds="array_to_string(ARRAY(SELECT kind FROM unnest(stxkind) AS kind ORDER BY kind), ', ')",
        target="nullif(to_jsonb(extended) ->> 'stxstattarget', '-1')",
    ),
    comment("pg_statistic_ext", "extended.oid"),
    owned_by("stxowner"),
    owner="(SELECT place FROM relations WHERE relations.oid = stxrelid)",
    source=f"""FROM space JOIN pg_statistic_ext AS extended ON stxnamespace = space.oid
        WHERE NOT {member_of_extension("pg_statistic_ext", "extended.oid")}""",
)

QUERIES = (CONSTRAINTS, INDEXES, TRIGGERS, POLICIES, RULES, STATISTICS)

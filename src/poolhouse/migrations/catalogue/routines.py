"""Queries for functions, procedures, aggregates, and the operators made of them."""

from __future__ import annotations

from poolhouse.migrations.catalogue.fragments import aspects, comment, entry, grants, member_of_extension, owned_by

# By the types of what goes in alone, which is what tells overloaded routines apart; names of parameters may change.
_SIGNATURE = """
    quote_ident(proname) || '(' || array_to_string(ARRAY(
        SELECT format_type(type, NULL) FROM unnest(proargtypes) WITH ORDINALITY AS each (type, place) ORDER BY place
    ), ', ') || ')'
"""

_AGGREGATE = """
    SELECT concat_ws(', ', 'kind ' || aggkind::text,
        'transition ' || aggtransfn::regprocedure::text || ' on ' || format_type(aggtranstype, NULL),
        'start ' || quote_literal(agginitval), 'final ' || nullif(aggfinalfn, 0)::regprocedure::text,
        'final extra ' || aggfinalextra, 'final modify ' || aggfinalmodify::text,
        'combine ' || nullif(aggcombinefn, 0)::regprocedure::text,
        'serialize ' || nullif(aggserialfn, 0)::regprocedure::text,
        'deserialize ' || nullif(aggdeserialfn, 0)::regprocedure::text,
        'moving transition ' || nullif(aggmtransfn, 0)::regprocedure::text || ' on ' ||
            format_type(aggmtranstype, NULL),
        'moving inverse ' || nullif(aggminvtransfn, 0)::regprocedure::text,
        'moving start ' || quote_literal(aggminitval),
        'moving final ' || nullif(aggmfinalfn, 0)::regprocedure::text,
        'moving final extra ' || aggmfinalextra, 'moving final modify ' || aggmfinalmodify::text,
        'space ' || aggtransspace || ' ' || aggmtransspace, 'sort ' || nullif(aggsortop, 0)::regoperator::text)
    FROM pg_aggregate WHERE aggfnoid = routine.oid
"""

ROUTINES = entry(
    "kinds.word",
    _SIGNATURE,
    aspects(
        arguments="pg_get_function_arguments(routine.oid)",
        result="pg_get_function_result(routine.oid)",
        language="SELECT quote_ident(lanname) FROM pg_language WHERE oid = prolang",
        body="CASE WHEN prokind <> 'a' THEN coalesce(pg_get_function_sqlbody(routine.oid), prosrc) END",
        library="probin",
        aggregate=_AGGREGATE,
        window="CASE prokind WHEN 'w' THEN 'yes' END",
        volatility="CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END",
        on_null="CASE WHEN proisstrict THEN 'returns null' ELSE 'called' END",
        security="CASE WHEN prosecdef THEN 'definer' ELSE 'invoker' END",
        leakproof="CASE WHEN proleakproof THEN 'yes' ELSE 'no' END",
        parallel="CASE proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END",
        cost="procost",
        rows="prorows",
        configuration="array_to_string(proconfig, E'\\n')",
        support="nullif(prosupport, 0)::regprocedure",
        transforms="SELECT string_agg(format_type(type, NULL), ', ') FROM unnest(protrftypes) AS type",
    ),
    comment("pg_proc", "routine.oid"),
    owned_by("proowner"),
    grants("f", "proacl", "proowner"),
    source=f"""FROM space JOIN pg_proc AS routine ON pronamespace = space.oid
        JOIN (VALUES ('f'::"char", 'function'), ('w', 'function'), ('p', 'procedure'), ('a', 'aggregate'))
            AS kinds (prokind, word) USING (prokind)
        WHERE NOT {member_of_extension("pg_proc", "routine.oid")}
          -- The constructors of a range type belong to the type.
          AND NOT EXISTS (
              SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = routine.oid
                 AND refclassid = 'pg_type'::regclass AND deptype = 'i'
          )""",
)

_OPERAND = "coalesce(format_type(nullif({}, 0), NULL), 'none')"

OPERATORS = entry(
    "'operator'",
    f"oprname::text || ' (' || {_OPERAND.format('oprleft')} || ', ' || {_OPERAND.format('oprright')} || ')'",
    aspects(
        function="oprcode",
        result="format_type(oprresult, NULL)",
        commutator="nullif(oprcom, 0)::regoperator",
        negator="nullif(oprnegate, 0)::regoperator",
        restriction="nullif(oprrest::oid, 0)::regproc",
        join="nullif(oprjoin::oid, 0)::regproc",
        merges="CASE WHEN oprcanmerge THEN 'yes' ELSE 'no' END",
        hashes="CASE WHEN oprcanhash THEN 'yes' ELSE 'no' END",
    ),
    comment("pg_operator", "operator.oid"),
    owned_by("oprowner"),
    # Without a function it is only the promise of a commutator or negator.
    source=f"""FROM space JOIN pg_operator AS operator ON oprnamespace = space.oid
        WHERE oprcode <> 0 AND NOT {member_of_extension("pg_operator", "operator.oid")}""",
)

_METHOD = "(SELECT quote_ident(amname) FROM pg_am WHERE pg_am.oid = {})"

OPERATOR_CLASSES = entry(
    "'operator class'",
    f"quote_ident(opcname) || ' for ' || {_METHOD.format('opcmethod')}",
    aspects(
        type="format_type(opcintype, NULL)",
        default="CASE WHEN opcdefault THEN 'yes' ELSE 'no' END",
        family="SELECT quote_ident(opfname) FROM pg_opfamily WHERE oid = opcfamily",
        storage="format_type(nullif(opckeytype, 0), NULL)",
    ),
    comment("pg_opclass", "opclass.oid"),
    owned_by("opcowner"),
    source=f"""FROM space JOIN pg_opclass AS opclass ON opcnamespace = space.oid
        WHERE NOT {member_of_extension("pg_opclass", "opclass.oid")}""",
)

OPERATOR_FAMILIES = entry(
    "'operator family'",
    f"quote_ident(opfname) || ' for ' || {_METHOD.format('opfmethod')}",
    aspects(
        operators="""
            SELECT string_agg(amopstrategy || ' ' || amopopr::regoperator::text || ' ' || amoppurpose::text, ', '
                              ORDER BY amopstrategy, amopopr::regoperator::text)
            FROM pg_amop WHERE amopfamily = family.oid
        """,
        functions="""
            SELECT string_agg(amprocnum || ' ' || amproc::regprocedure::text, ', '
                              ORDER BY amprocnum, amproc::regprocedure::text)
            FROM pg_amproc WHERE amprocfamily = family.oid
        """,
    ),
    comment("pg_opfamily", "family.oid"),
    owned_by("opfowner"),
    source=f"""FROM space JOIN pg_opfamily AS family ON opfnamespace = space.oid
        WHERE NOT {member_of_extension("pg_opfamily", "family.oid")}""",
)

QUERIES = (ROUTINES, OPERATORS, OPERATOR_CLASSES, OPERATOR_FAMILIES)

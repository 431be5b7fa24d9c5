"""Judging what statements leave behind, in generated SQL and against PostgreSQL's own parser."""

import postgast
from hypothesis import given
from hypothesis import strategies as st
from postgast import pg_query_pb2

from poolhouse._core.session_effects import SessionEffect, judge
from tests.property.sql_text import ANYTHING, CODE, TRIVIA, UNTOUCHABLE
from tests.unit.core.statement_corpus import KINDS, corpus

CLEAN, DIRTY, SPOILT = SessionEffect

CALLS = {
    "set_config('a.b', $1, false)": DIRTY,
    "set_config(a, (SELECT ')'), NOT true)": DIRTY,
    "pg_try_advisory_lock(1, 2)": DIRTY,
    "pg_advisory_unlock_all()": DIRTY,
    "setseed(0.5)": DIRTY,
    "dblink_connect($1)": SPOILT,
    "pg_create_physical_replication_slot('a', true, true)": SPOILT,
}
HOLES = [
    "{}",
    "f({})",
    "(SELECT {})",
    "ARRAY[1, {}]",
    "CASE WHEN {} IS NULL THEN 1 END",
    "coalesce(({}), 1)",
    "{}::text",
]
STATEMENTS = [
    "SELECT {}",
    "WITH a AS (SELECT 1) SELECT * FROM a WHERE {} IS NULL",
    "INSERT INTO t VALUES (1, {}) ON CONFLICT DO NOTHING",
    "UPDATE t SET a = {} RETURNING b",
    "DELETE FROM t USING u WHERE {} = 1",
    "COPY (SELECT {}) TO STDOUT",
    "EXPLAIN (ANALYZE) SELECT {}",
    "VALUES ({})",
    "CREATE TABLE t AS SELECT {} AS a",
    "DECLARE c CURSOR FOR SELECT {}",
]
SAMPLES = [sql for kind in sorted(KINDS) for sql in list(corpus(kind))[:4]]


@given(ANYTHING | st.lists(st.sampled_from(SAMPLES) | ANYTHING, max_size=4).map(" ".join))
def test_any_text_is_judged_without_an_error(text):
    assert judge(text) in SessionEffect
    assert judge(f"EXPLAIN {text}") in SessionEffect
    assert judge(f"SELECT set_config({text}") in SessionEffect


@given(st.lists(st.sampled_from(SAMPLES), max_size=4))
def test_several_statements_are_as_bad_as_the_worst_of_them(statements):
    assert judge("\n;".join(statements)) is max(map(judge, statements), default=CLEAN)


@given(st.lists(CODE.filter(lambda code: code != ";") | UNTOUCHABLE, max_size=8))
def test_what_stands_in_literals_comments_and_names_is_nothing_done(pieces):
    assert judge("SELECT " + " ".join(pieces)) is CLEAN


@given(st.data())
def test_a_call_is_found_however_it_is_written_and_wherever_it_stands(data):
    call = data.draw(st.sampled_from(sorted(CALLS)))
    name, _, arguments = call.partition("(")
    spelled = data.draw(st.sampled_from([name, name.upper(), f'"{name}"']))
    space = data.draw(TRIVIA)
    qualified = data.draw(st.sampled_from([spelled, f"pg_catalog.{spelled}", f"public {space}. {spelled}"]))
    expression = f"{qualified}{space}({arguments}"
    for hole in data.draw(st.lists(st.sampled_from(HOLES), max_size=4)):
        expression = hole.format(expression)
    sql = data.draw(st.sampled_from(STATEMENTS)).format(expression)
    assert judge(sql) is CALLS[call]
    assert judge(f"SELECT $sql${sql}$sql$, '{name}', {name}") is CLEAN


def test_nothing_that_the_parser_calls_temporary_or_set_for_the_session_is_clean():
    changing = []
    for sql in (sql for kind in KINDS.keys() - {"CreateAssertionStmt"} for sql in corpus(kind)):
        tree = postgast.parse(sql)
        top = tree.stmts[0].stmt
        is_temporary = any(
            relation.relpersistence == "t" for relation in postgast.find_nodes(tree, pg_query_pb2.RangeVar)
        )
        setting = top.variable_set_stmt if top.HasField("variable_set_stmt") else None
        if is_temporary or (
            setting is not None and not setting.is_local and not setting.name.startswith("TRANSACTION")
        ):
            changing.append(sql)
    assert len(changing) > 30
    assert [sql for sql in changing if judge(sql) is CLEAN] == []

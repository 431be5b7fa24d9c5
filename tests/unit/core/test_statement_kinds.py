"""Every kind of statement of PostgreSQL 18's grammar, in forms made to be misread, judged by its scanner and parser."""

import random

import postgast
import pytest
from postgast import pg_query_pb2

from poolhouse._core.lexer import TRIVIA, split_statements, tokenize
from tests.unit.core.oracle import boundaries, statements_of, tokens_of
from tests.unit.core.statement_corpus import KINDS, corpus

# In the grammar, and refused by it: no server of any version has it.
NOT_IMPLEMENTED = {"CreateAssertionStmt"}
PARSED = sorted(KINDS.keys() - NOT_IMPLEMENTED)

# Nodes that are never the top of a statement.
PARTS = {
    "RawStmt": "the envelope of every statement",
    "PLAssignStmt": "of PL/pgSQL only",
    "ReturnStmt": "in the body of a routine",
    "SetOperationStmt": "made after parsing, of UNION and the like",
    "ReplicaIdentityStmt": "an action of ALTER TABLE",
}


def parsed_as(sql):
    return [each.stmt.WhichOneof("node") for each in postgast.parse(sql).stmts]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_tokens_of_every_kind_of_statement_are_where_the_scanner_finds_them(kind):
    for sql in corpus(kind):
        ours = [(token.start, token.end) for token in tokenize(sql) if token.kind not in TRIVIA]
        assert boundaries(sql, ours) == boundaries(sql, tokens_of(sql))


@pytest.mark.parametrize("kind", PARSED)
def test_every_kind_of_statement_is_cut_from_its_neighbours_as_the_parser_cuts_it(kind):
    chance = random.Random(kind)
    others = [next(corpus(other)) for other in chance.sample(PARSED, 5)]
    for sql in corpus(kind):
        script = f"{chance.choice(others)}\n;{sql}\n;;\n{chance.choice(others)}\n;"
        assert [(each.start, each.end) for each in split_statements(script)] == statements_of(script)
        assert len(split_statements(script)) == 3


@pytest.mark.parametrize("kind", sorted(NOT_IMPLEMENTED))
def test_what_the_grammar_has_and_refuses_is_one_statement_all_the_same(kind):
    for sql in corpus(kind):
        with pytest.raises(postgast.PgQueryError, match="not yet implemented"):
            postgast.parse(sql)
        assert [each.text for each in split_statements(f"{sql}\n;SELECT 1")] == [sql, "SELECT 1"]


def test_the_corpus_holds_a_thousand_statements_of_every_kind_that_the_parser_knows():
    samples = [sql for kind in PARSED for sql in corpus(kind)]
    assert len(set(samples)) >= 1_000
    tops = [parsed_as(sql) for sql in samples]
    assert {len(top) for top in tops} == {1}
    nodes = {
        field.name: field.message_type.name for field in pg_query_pb2.Node.DESCRIPTOR.oneofs_by_name["node"].fields
    }
    known = {message for message in nodes.values() if message.endswith("Stmt")}
    assert {nodes[top] for (top,) in tops} == known - PARTS.keys()


def test_the_oracle_is_the_parser_of_postgresql_18():
    assert postgast.parse("SELECT 1").version // 10_000 == 18

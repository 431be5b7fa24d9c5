"""Splitting into statements, judged by PostgreSQL's own parser."""

import asyncpg
import pytest

from poolhouse._core.lexer import TRIVIA, Statement, split_statements, tokenize
from poolhouse.errors import SqlSyntaxError
from tests.unit.core.nasty_statements import NASTY, REFUSED_BY_THE_PARSER
from tests.unit.core.oracle import boundaries, statements_of, tokens_of


def places(sql):
    return [(statement.start, statement.end) for statement in split_statements(sql)]


@pytest.mark.parametrize("statement", NASTY)
def test_a_nasty_statement_among_others_is_cut_as_the_parser_cuts_it(statement):
    sql = f"SELECT 0;\n{statement}\n; /* ; */ SELECT 1;; -- ;\n{statement}\n"
    assert places(sql) == statements_of(sql)
    assert len(places(sql)) == 4


@pytest.mark.parametrize("statement", NASTY)
def test_a_nasty_statement_has_the_tokens_that_the_scanner_finds(statement):
    ours = [(token.start, token.end) for token in tokenize(statement) if token.kind not in TRIVIA]
    assert boundaries(statement, ours) == boundaries(statement, tokens_of(statement))


def test_all_nasty_statements_in_one_script_are_cut_as_the_parser_cuts_them():
    sql = "\n;\n".join(NASTY)
    assert places(sql) == statements_of(sql)
    assert [statement.text for statement in split_statements(sql)] == [text_between_comments(text) for text in NASTY]


def text_between_comments(sql):
    tokens = tokens_of(sql)
    return sql[tokens[0][0] : tokens[-1][1]]


@pytest.mark.parametrize(("sql", "statements"), REFUSED_BY_THE_PARSER.items())
def test_what_the_parser_refuses_is_still_cut_where_a_reader_would(sql, statements):
    assert [statement.text for statement in split_statements(sql)] == statements


async def test_a_server_takes_a_literal_continued_after_a_comment_for_one(postgres):
    sql = next(iter(REFUSED_BY_THE_PARSER))
    first, second = split_statements(sql)
    connection = await asyncpg.connect(postgres)
    try:
        assert await connection.fetchval(first.text) == "a';b"
        assert await connection.fetchval(second.text) == 2
    finally:
        await connection.close()


@pytest.mark.parametrize("sql", ["", " \n", ";", ";;\n;", "-- only a comment", "/* ; */ ;", "\ufeff"])
def test_text_without_a_statement_has_none(sql):
    assert split_statements(sql) == []


def test_a_statement_knows_its_place_without_the_comments_around_it():
    sql = "-- head\nSELECT 1 -- tail\n;"
    assert split_statements(sql) == [Statement("SELECT 1", 8, 16)]
    assert sql[8:16] == "SELECT 1"


def test_carriage_returns_end_a_line_comment():
    assert len(split_statements("SELECT 1 -- a\r; SELECT 2 -- b\r\n; SELECT 3")) == 3


def test_an_unterminated_literal_is_reported_from_the_source_it_is_in():
    with pytest.raises(SqlSyntaxError, match=r"^users\.sql:2:8: a literal does not end"):
        split_statements("SELECT 1;\nSELECT 'abc;", source="users.sql")

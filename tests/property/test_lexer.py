"""What holds for the tokens and statements of any text."""

import re
from itertools import pairwise

import postgast
from hypothesis import assume, example, given
from hypothesis import strategies as st

from poolhouse._core.lexer import TRIVIA, split_statements, tokenize
from poolhouse.errors import SqlSyntaxError
from tests.property.sql_text import ANYTHING
from tests.unit.core.nasty_statements import NASTY
from tests.unit.core.oracle import boundaries, statements_of, tokens_of

SEPARATORS = [";", "\n;\n", " ; ;", ";--;\n", "\n/*;*/;/*\n;*/", "\r\n;\r"]


def tokens_or_reject(sql):
    try:
        return list(tokenize(sql))
    except SqlSyntaxError:
        assume(condition=False)


@given(ANYTHING)
@example("'a'\n'b'")
@example("E'a'\n'\\''")
def test_every_character_belongs_to_exactly_one_token(sql):
    tokens = tokens_or_reject(sql)
    assert "".join(sql[token.start : token.end] for token in tokens) == sql
    assert all(token.start < token.end for token in tokens)
    assert all(one.end == other.start for one, other in pairwise(tokens))


@given(ANYTHING)
def test_tokens_are_where_the_scanner_of_postgresql_finds_them(sql):
    assume("{{" not in sql and not sql.startswith("\ufeff"))
    # libpg_query keeps comments as tokens, and therefore does not see a literal that continues after one.
    assume(not re.search(r"'\s*--", sql))
    try:
        theirs = tokens_of(sql)
    except (postgast.PgQueryError, UnicodeEncodeError):
        assume(condition=False)
    ours = [(token.start, token.end) for token in tokens_or_reject(sql) if token.kind not in TRIVIA]
    assert boundaries(sql, ours) == boundaries(sql, theirs)


@given(ANYTHING)
def test_a_statement_on_its_own_is_that_statement(sql):
    assume("\ufeff" not in sql)
    tokens_or_reject(sql)
    for statement in split_statements(sql):
        assert statement.text == sql[statement.start : statement.end]
        assert [alone.text for alone in split_statements(statement.text)] == [statement.text]


@given(st.lists(st.tuples(st.sampled_from(NASTY), st.sampled_from(SEPARATORS)), min_size=1, max_size=8))
def test_nasty_statements_in_any_order_are_cut_as_the_parser_cuts_them(script):
    # The first character keeps a comment at the end of a statement from hiding the separator.
    sql = "".join(f"{statement}\n{separator}" for statement, separator in script)
    assert [(statement.start, statement.end) for statement in split_statements(sql)] == statements_of(sql)

"""Quoted names come back from PostgreSQL as they were."""

import asyncio

import asyncpg
import postgast
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolhouse._core.identifiers import check_identifier, parse_qualified, quote_identifier, read_name, written_name
from poolhouse.errors import IdentifierError
from tests.property.sql_text import IDENTIFIERS, quoted


@given(IDENTIFIERS)
def test_a_quoted_name_is_that_name_to_the_parser(name):
    statement = postgast.parse(f"SELECT 1 AS {quote_identifier(name)}").stmts[0].stmt
    assert statement.select_stmt.target_list[0].res_target.name == name


@settings(max_examples=20, deadline=None)
@given(st.lists(IDENTIFIERS, min_size=1, max_size=60))
def test_a_quoted_name_is_that_name_to_a_server(postgres, names):
    columns = ", ".join(f"1 AS {quote_identifier(name)}" for name in names)
    assert asyncio.run(attributes(postgres, f"SELECT {columns}")) == names


async def attributes(dsn, sql):
    connection = await asyncpg.connect(dsn)
    try:
        statement = await connection.prepare(sql)
        return [attribute.name for attribute in statement.get_attributes()]
    finally:
        await connection.close()


ILLEGAL = st.one_of(
    st.sampled_from(["", "a\ud800"]),
    st.text().map(lambda text: f"{text}\0{text}"),
    st.builds("{}{}".format, st.text(max_size=5), st.sampled_from(" \n\r\t\v\f\x1f\x7f\N{NO-BREAK SPACE}\u2028")),
    st.builds("{}{}".format, st.sampled_from(" \n\r\t\v\f\x1f\x7f\N{NO-BREAK SPACE}\u2028"), st.text(max_size=5)),
    st.text(min_size=64),
)


@given(ILLEGAL)
def test_any_other_name_is_refused(name):
    with pytest.raises(IdentifierError):
        quote_identifier(name)


@given(st.text(st.characters(codec=None), max_size=70))
def test_a_name_is_either_refused_or_kept_whole(name):
    try:
        assert check_identifier(name) is name
    except IdentifierError:
        return
    assert 1 <= len(name.encode()) <= 63


@given(IDENTIFIERS, IDENTIFIERS)
def test_a_declaration_is_read_as_it_is_written(schema, table):
    assert read_name(written_name(schema)) == schema
    assert parse_qualified(f"{written_name(schema)}.{written_name(table)}") == (schema, table)
    assert parse_qualified(f"{quoted(schema)}.{quoted(table)}") == (schema, table)

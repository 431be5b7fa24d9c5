"""What rendering never does."""

import postgast
from hypothesis import assume, event, given
from hypothesis import strategies as st
from postgast import pg_query_pb2

from poolhouse._core.lexer import TokenKind, tokenize
from poolhouse._core.template import compile_template
from poolhouse.errors import SqlSyntaxError, TemplateError
from tests.property.sql_text import (
    ANYTHING,
    BLOCK_COMMENTS,
    BODIES,
    DIRTY,
    IDENTIFIERS,
    LITERALS,
    QUOTED,
    quoted,
    templates,
)

CONSTANTS = {pg_query_pb2.SCONST, pg_query_pb2.BCONST, pg_query_pb2.XCONST, pg_query_pb2.USCONST}
COMMENTS = {pg_query_pb2.SQL_COMMENT, pg_query_pb2.C_COMMENT}


def text_of(pieces):
    return "".join(piece.text for piece in pieces)


def sql_of(pieces):
    return "".join(piece.text if piece.rendered is None else piece.rendered for piece in pieces)


def declared(reads):
    return [f"{quoted(schema)}.{quoted(name)}" for schema, name in reads]


@given(templates())
def test_rendering_replaces_the_placeholders_in_code_and_touches_nothing_else(template):
    schema, reads, pieces = template
    assert compile_template(text_of(pieces)).render(schema, declared(reads)) == sql_of(pieces)


@given(templates())
def test_the_tokens_outside_of_placeholders_stay_the_same_tokens(template):
    schema, reads, pieces = template
    text = text_of(pieces)
    sql = compile_template(text).render(schema, declared(reads))
    assert list(expected_tokens(text, pieces)) == tokens(sql)


def tokens(sql):
    return [(kind, sql[start:end]) for kind, start, end in tokenize(sql)]


def expected_tokens(text, pieces):
    names = iter([piece.rendered for piece in pieces if piece.rendered is not None])
    for kind, token in tokens(text):
        if kind is TokenKind.PLACEHOLDER:
            yield from tokens(next(names))
        else:
            yield kind, token


@given(templates(untouchable=st.one_of(LITERALS, QUOTED, BLOCK_COMMENTS, BODIES)))
def test_the_scanner_of_postgresql_finds_the_same_constants_and_comments_before_and_after(template):
    schema, reads, pieces = template
    text = text_of(pieces)
    sql = compile_template(text).render(schema, declared(reads))
    assert constants_and_comments(sql) == constants_and_comments(text)


def constants_and_comments(sql):
    data = sql.encode()
    wanted = CONSTANTS | COMMENTS
    return [data[token.start : token.end] for token in postgast.scan(sql).tokens if token.token in wanted]


@given(ANYTHING, IDENTIFIERS)
def test_whatever_compiles_keeps_its_literals_comments_and_bodies(text, schema):
    text = text.lstrip("\ufeff")
    try:
        sql = compile_template(text).render(schema, ["users.accounts"])
        before, after = tokens(text), tokens(sql)
    except (SqlSyntaxError, TemplateError) as error:
        event(type(error).__name__)
        return
    rest = iter(after)
    for token in before:
        if token[0] is not TokenKind.PLACEHOLDER:
            assert token == next(rest)
            continue
        name = next(rest)
        assert name[0] is TokenKind.QUOTED_IDENTIFIER
        if token[1].startswith("{{tables"):
            assert next(rest) == (TokenKind.PUNCTUATION, ".")
            assert next(rest)[0] is TokenKind.QUOTED_IDENTIFIER
    assert next(rest, None) is None


@given(DIRTY, DIRTY, st.sampled_from(["", "a", "é_1"]), IDENTIFIERS)
def test_a_rendered_body_is_still_one_body_with_the_code_around_it_untouched(before, after, tag, schema):
    body = f"${tag}$ {before} {{{{schema}}}} {after} ${tag}$"
    text = f"SELECT '{{{{x}}}}', {body} -- {{{{"
    try:
        sql = compile_template(text, bodies=True).render(schema, ["users.accounts"])
    except (SqlSyntaxError, TemplateError) as error:
        event(type(error).__name__)
        return
    assume((TokenKind.BODY, body) in tokens(text))
    kept = [token for token in tokens(text) if token[0] is not TokenKind.BODY]
    assert [token for token in tokens(sql) if token[0] is not TokenKind.BODY] == kept
    rendered = next(token for kind, token in tokens(sql) if kind is TokenKind.BODY)
    assert rendered.count(quoted(schema)) >= 1


@given(ANYTHING, IDENTIFIERS)
def test_the_scanner_of_postgresql_agrees_on_whatever_compiles(text, schema):
    try:
        sql = compile_template(text).render(schema, ["users.accounts"])
        before = constants_and_comments(text)
    except (SqlSyntaxError, TemplateError, postgast.PgQueryError, UnicodeEncodeError):
        assume(condition=False)
    assert constants_and_comments(sql) == before


@given(templates())
def test_every_character_of_the_sql_leads_back_to_where_it_came_from(template):
    schema, reads, pieces = template
    rendering = compile_template(text_of(pieces)).rendering(schema, declared(reads))
    expected, position = [], 0
    for piece in pieces:
        if piece.rendered is None:
            expected += range(position, position + len(piece.text))
        else:
            expected += [position] * len(piece.rendered)
        position += len(piece.text)
    assert [rendering.origin(offset) for offset in range(len(rendering.sql) + 1)] == [*expected, position]

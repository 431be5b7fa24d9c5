"""Tokens and places."""

import pytest

from poolhouse._core.lexer import TokenKind, line_column, tokenize
from poolhouse.errors import SqlSyntaxError


def tokens(sql):
    return [(kind.name, sql[start:end]) for kind, start, end in tokenize(sql) if kind is not TokenKind.WHITESPACE]


def texts(sql):
    return [text for _, text in tokens(sql)]


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        (" \t\r\n\f\v", "WHITESPACE"),
        ("-- it's {{x}} $$", "COMMENT"),
        ("/* /* {{x}} */ ' */", "COMMENT"),
        ("a$b$c", "WORD"),
        ("é\N{NO-BREAK SPACE}_1$", "WORD"),
        ('"a "" {{x}} \' $$ --"', "QUOTED_IDENTIFIER"),
        ('U&"\\0061"', "QUOTED_IDENTIFIER"),
        ('""', "QUOTED_IDENTIFIER"),
        (r"'\'", "LITERAL"),
        ("''''", "LITERAL"),
        (r"e'\'{{x}}\\'", "LITERAL"),
        ("u&'\\0061'", "LITERAL"),
        ("B'01'", "LITERAL"),
        ("x'1F'", "LITERAL"),
        ("N'it''s'", "LITERAL"),
        ("$$ ' {{x}} $a$ /* $$", "BODY"),
        ("$é_1$ $$ $é_1$", "BODY"),
        ("1_000.000_1e+1_0", "NUMBER"),
        ("0xDEAD_beef", "NUMBER"),
        (".5", "NUMBER"),
        ("$12", "PARAMETER"),
        ("#>>", "OPERATOR"),
        ("<>", "OPERATOR"),
        ("::", "PUNCTUATION"),
        ("{", "PUNCTUATION"),
        ("{{ anything ' goes -- here }}", "PLACEHOLDER"),
        ('{{tables."a}}b"}}', "PLACEHOLDER"),
    ],
)
def test_one_token_of_every_kind(sql, kind):
    assert [(token.kind.name, token.start, token.end) for token in tokenize(sql)] == [(kind, 0, len(sql))]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("1..10", ["1", "..", "10"]),
        ("1.e5", ["1.e5"]),
        ("1e", ["1", "e"]),
        ("a.b[1:2]", ["a", ".", "b", "[", "1", ":", "2", "]"]),
        ("a<-1", ["a", "<", "-", "1"]),
        ("a@-1", ["a", "@-", "1"]),
        ("a*-+1", ["a", "*", "-", "+", "1"]),
        ("a<->b", ["a", "<->", "b"]),
        ("1+/*x*/-2", ["1", "+", "/*x*/", "-", "2"]),
        ("1@--x", ["1", "@", "--x"]),
        ("a:=b=>c", ["a", ":=", "b", "=>", "c"]),
        ("$1$1$", ["$1", "$1", "$"]),
        ("$1$$x$$", ["$1", "$$x$$"]),
        ("$a b$", ["$", "a", "b$"]),
        ("u&x U & 'y'", ["u", "&", "x", "U", "&", "'y'"]),
        ("be'x'", ["be", "'x'"]),
        ("{ { } {{a}} }}", ["{", "{", "}", "{{a}}", "}", "}"]),
        ("{{a {{b}}", ["{{", "a", "{{b}}"]),
        ("{{{a}}}", ["{{{a}}", "}"]),
        ("{{", ["{{"]),
    ],
)
def test_neighbours_are_told_apart_as_the_server_does(sql, expected):
    assert texts(sql) == expected


@pytest.mark.parametrize(
    ("sql", "fact", "line", "column"),
    [
        ("SELECT 'a", "a literal does not end", 1, 8),
        ("SELECT 'a''", "a literal does not end", 1, 8),
        ("\nSELECT E'a\\'", "a literal does not end", 2, 8),
        ("SELECT E'a'\n  'b\\'", "a literal does not end", 2, 3),
        ("SELECT U&'", "a literal does not end", 1, 8),
        ('é "a""', "a quoted identifier does not end", 1, 3),
        ('U&"', "a quoted identifier does not end", 1, 1),
        ("a\r\nb\r/* /* */", "a comment does not end", 3, 1),
        ("x $a$ $$ $A$", "a dollar-quoted body does not end", 1, 3),
        ("\ufeffa\0", "a NUL character", 1, 2),
    ],
)
def test_what_does_not_end_is_reported_where_it_starts(sql, fact, line, column):
    with pytest.raises(SqlSyntaxError) as caught:
        list(tokenize(sql, source="f.sql"))
    assert caught.value.fact.startswith(fact)
    assert (caught.value.line, caught.value.column, caught.value.place) == (line, column, f"f.sql:{line}:{column}")
    assert caught.value.remedy


def test_a_byte_order_mark_is_white_space_at_the_start_only():
    assert tokens("\ufeffa \ufeffb") == [("WORD", "a"), ("WORD", "\ufeffb")]


def test_an_unclosed_placeholder_does_not_hide_the_text_after_it():
    assert texts("{{tables.x 'a }' ") == ["{{", "tables", ".", "x", "'a }'"]


@pytest.mark.parametrize(
    ("offset", "place"),
    [
        (0, (1, 1)),
        (1, (1, 2)),
        (2, (2, 1)),
        (3, (2, 2)),
        (4, (2, 3)),
        (5, (3, 1)),
        (6, (4, 1)),
        (7, (4, 2)),
        (9, (4, 4)),
    ],
)
def test_lines_end_with_any_of_the_three_line_ends(offset, place):
    assert line_column("a\nb\r\n\rc", offset) == place


def test_a_byte_order_mark_takes_no_column():
    assert line_column("\ufeffab", 0) == (1, 1)
    assert line_column("\ufeffab", 1) == (1, 1)
    assert line_column("\ufeffab", 2) == (1, 2)


def test_long_hostile_text_is_read_in_reasonable_time():
    hostile = [
        "'" + "''" * 20_000 + "'",
        '"' + '""' * 20_000,
        "{{" * 20_000,
        "$a" * 20_000,
        "/*" * 20_000,
        "+-" * 1_000,
    ]
    for sql in hostile:
        try:
            assert sum(token.end - token.start for token in tokenize(sql)) == len(sql)
        except SqlSyntaxError:
            continue

"""What can be an identifier."""

import pytest

from poolhouse._core.identifiers import check_identifier, parse_qualified, quote_identifier, read_name, written_name
from poolhouse.errors import IdentifierError

LEGAL = [
    "order",
    "MySchema",
    "a b",
    "a.b",
    'say "hi"',
    "it's",
    "ünï",
    "1st",
    "$",
    "a\nb",
    "\N{SNOWMAN}",
    "x" * 63,
    "é" * 31,
    "%",
]


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_name_is_returned_as_it_is(name):
    assert check_identifier(name) == name


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_name_is_always_quoted(name):
    assert quote_identifier(name) == '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("", "it is empty"),
        ("a\0b", "it contains NUL"),
        ("users\n", "starts or ends with white space or a control character"),
        ("users\r", "starts or ends with white space or a control character"),
        (" users", "starts or ends with white space or a control character"),
        ("users\N{NO-BREAK SPACE}", "starts or ends with white space or a control character"),
        ("\x7fusers", "starts or ends with white space or a control character"),
        ("\t", "starts or ends with white space or a control character"),
        ("x" * 64, "64 bytes of UTF-8, and PostgreSQL keeps 63"),
        ("é" * 32, "64 bytes of UTF-8, and PostgreSQL keeps 63"),
        ("a\ud800b", "half of a surrogate pair"),
    ],
)
@pytest.mark.parametrize("check", [check_identifier, quote_identifier])
def test_a_name_that_cannot_be_held_is_refused_with_its_reason(check, name, fact):
    with pytest.raises(IdentifierError, match=fact) as caught:
        check(name)
    assert caught.value.identifier == name
    assert repr(name) in str(caught.value)
    assert caught.value.remedy


def test_the_remedy_for_invisible_ends_is_the_name_without_it():
    with pytest.raises(IdentifierError, match=r"Write 'users'$"):
        check_identifier("\x1busers\n")


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("users.accounts", ("users", "accounts")),
        ("Users.Accounts", ("Users", "Accounts")),
        ('"My Schema".accounts', ("My Schema", "accounts")),
        ('a."b.c"', ("a", "b.c")),
        ('"a.b".c', ("a.b", "c")),
        ('"a""b"."c"', ('a"b', "c")),
    ],
)
def test_a_declaration_is_a_schema_and_a_table(written, names):
    assert parse_qualified(written) == names


@pytest.mark.parametrize("written", ["accounts", "a.b.c", ".b", "a.", "a. b", "a.b\n", "", '"a.b', "1a.b", 'a."b"c'])
def test_a_declaration_that_is_not_two_names_is_refused(written):
    with pytest.raises(IdentifierError, match="not a schema and a table with a dot between them"):
        parse_qualified(written)


def test_a_declaration_with_an_illegal_name_is_refused():
    with pytest.raises(IdentifierError, match="'b ' is not a legal identifier"):
        parse_qualified('a."b "')


@pytest.mark.parametrize(
    ("name", "written"), [("a$1", "a$1"), ("Ab", "Ab"), ("a b", '"a b"'), ('"', '""""'), ("1", '"1"')]
)
def test_names_are_written_bare_where_that_suffices(name, written):
    assert written_name(name) == written
    assert read_name(written) == name

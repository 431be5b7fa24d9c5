from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poolhouse._core.denial import explain_denial
from poolhouse._core.identifiers import parse_qualified, quote_identifier, written_path

WORDS = [
    "SELECT",
    "FROM",
    "INSERT",
    "INTO",
    "UPDATE",
    "DELETE",
    "COPY",
    "ONLY",
    "FOR",
    "JOIN",
    "TRUNCATE",
    "CREATE",
    "users",
    '"users"',
    "t",
    '"t"',
    ".",
    ",",
    "(",
    ")",
    "*",
    "'",
    '"',
    "$1",
    "--",
    "/*",
    ";",
]
NAMES = st.text(min_size=1, max_size=8).filter(
    lambda name: name.strip() == name and "\0" not in name and name.isprintable()
)


@given(words=st.lists(st.sampled_from(WORDS), max_size=20), said=st.text(max_size=30))
def test_whatever_was_sent_and_said_is_explained_without_failing(words, said):
    denial = explain_denial(service="orders", schema="orders", reads=None, sql=" ".join(words), said=said)
    assert denial.fact.startswith(said)
    assert denial.remedy


@given(schema=NAMES, name=NAMES)
def test_a_table_of_any_name_is_found_and_told_as_it_is_to_be_declared(schema, name):
    sql = f"SELECT * FROM {quote_identifier(schema)}.{quote_identifier(name)}"
    said = f"permission denied for table {name}"
    denial = explain_denial(service="own", schema="own", reads=set(), sql=sql, said=said)
    assert (denial.schema, denial.table) == (schema, name)
    assert parse_qualified(written_path(schema, name)) == (schema, name)

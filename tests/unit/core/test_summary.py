from __future__ import annotations

import pytest

from poolhouse._core.summary import show


@pytest.mark.parametrize(
    ("statement", "summary"),
    [
        ("SELECT * FROM {{tables.users}} WHERE id = $1", "SELECT users"),
        ("select 1", "select"),
        (
            "INSERT INTO {{tables.a}} SELECT x FROM {{ tables . b }} ON CONFLICT DO UPDATE SET x = 1",
            "INSERT a SELECT b",
        ),
        (
            "WITH gone AS (DELETE FROM {{tables.a}} RETURNING *) INSERT INTO {{tables.b}} SELECT * FROM gone",
            "DELETE a INSERT b SELECT",
        ),
        ("SELECT * FROM {{tables.a}} FOR UPDATE; UPDATE {{tables.b}} SET c = 1", "SELECT a UPDATE b"),
        ('SELECT FROM {{tables.users.accounts}}, {{tables."my own"}}', 'SELECT users.accounts "my own"'),
        ("SELECT FROM (SELECT FROM {{tables.a}} UNION SELECT 'DELETE')", "SELECT SELECT a SELECT"),
        ("-- first\n  DELETE FROM {{tables.a}} /* SELECT */", "DELETE a"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN"),
        ("", ""),
    ],
)
def test_the_summary_has_the_operations_and_the_tables_in_their_order(statement, summary):
    assert show(statement).summary == summary


def test_a_long_summary_ends_with_a_whole_word():
    summary = show(f"SELECT {', '.join(f'{{{{tables.table_{number}}}}}' for number in range(100))}").summary

    assert 240 < len(summary) <= 255
    assert summary.split()[-1] in {f"table_{number}" for number in range(100)}


@pytest.mark.parametrize("value", ["'secret'", "E'secret'", "$x$secret$x$", "42", "1.5e3", "U&'secret'", "x'5ec1e7'"])
def test_values_in_the_text_are_not_shown(value):
    assert show(f"SELECT * FROM {{{{tables.users}}}} WHERE name = {value}").text == (
        "SELECT * FROM {{tables.users}} WHERE name = ?"
    )


def test_whoever_passes_parameters_has_his_values_there_and_the_text_as_he_wrote_it():
    assert show("SELECT 'a', 1 FROM x WHERE b = $1").text == "SELECT 'a', 1 FROM x WHERE b = $1"


def test_comments_are_not_shown():
    assert show("SELECT /* the user is 'ada' */ 1 -- 42").text == "SELECT  ?"


def test_of_what_is_no_sql_nothing_is_shown():
    assert show("SELECT 'unended secret") == ("", "")


def test_a_very_long_text_is_cut():
    assert len(show(f"SELECT $1{',a' * 10_000}").text) == 8_192

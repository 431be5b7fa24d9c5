"""The message that applies a bundle, and the way back from it to the files."""

from __future__ import annotations

import pytest

from poolhouse._core.lexer import line_column, split_statements
from poolhouse._core.literal import dollar_quoted, literal
from poolhouse._core.migration_file import LoadedMigrations, parse_migration
from poolhouse._core.plan import plan_from_head
from poolhouse.migrations.bundle import RECORDING, Step, compose, lock_key

TOKEN = "0123456789abcdef"


@pytest.fixture
def bundle():
    texts = ["SELECT 1;\nSELECT * FROM {{tables.a}} WHERE nosuch", "-- nothing", "SELECT 3"]
    files = tuple(
        parse_migration(f"m/{number}_x.sql", text.encode(), schema="a longer name")
        for number, text in enumerate(texts, start=1)
    )
    loaded = LoadedMigrations("m", "a longer name", frozenset(), "m", files)
    return compose(loaded, plan_from_head(loaded, None), files, token=TOKEN, lock_timeout=3.0)


def test_a_position_in_the_message_leads_back_to_line_and_column(bundle):
    position = bundle.sql.index("nosuch")
    step = bundle.step_at(position)
    assert step == Step(0, 1)
    assert line_column(bundle.files[0].text, bundle.origin(step, position)) == (2, 34)


def test_without_a_position_a_step_leads_to_the_start_of_its_statement(bundle):
    assert line_column(bundle.files[0].text, bundle.origin(Step(0, 1))) == (2, 1)
    assert bundle.statement(Step(2, 0)) == "SELECT 3"


def test_recording_a_file_is_no_statement_of_it(bundle):
    assert bundle.origin(Step(1, RECORDING)) is None
    assert bundle.statement(Step(1, RECORDING)) is None


def test_a_position_in_our_own_sql_belongs_to_no_step(bundle):
    assert bundle.step_at(0) is None
    assert bundle.step_at(len(bundle.sql)) is None


@pytest.mark.parametrize(
    ("notice", "step"),
    [
        (f"poolhouse:{TOKEN}:2:0", Step(2, 0)),
        (f"poolhouse:{TOKEN}:1:-1", Step(1, RECORDING)),
        ("poolhouse:another:2:0", None),
        (f"x poolhouse:{TOKEN}:2:0", None),
        ('table "a" does not exist, skipping', None),
        ("", None),
    ],
)
def test_only_the_bundles_own_notices_announce_a_step(bundle, notice, step):
    assert bundle.step_of(notice) == step


def test_the_message_holds_every_statement_once_and_in_order(bundle):
    own = [each.text for each in split_statements(bundle.sql) if each.text.startswith("SELECT")]
    assert own == ["SELECT 1", 'SELECT * FROM "a longer name"."a" WHERE nosuch', "SELECT 3"]


def test_the_lock_key_is_a_bigint_and_differs_between_schemas_and_modules():
    keys = {lock_key(module, schema) for module in ("a", "b") for schema in ("a", "b")}
    assert len(keys) == 4
    assert all(-(2**63) <= key < 2**63 for key in keys)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("it's", "'it''s'"),
        ("a\\'b", " E'a\\\\''b'"),
        (b"\x00\xff", "pg_catalog.decode('00ff', 'hex')"),
        ("", "''"),
    ],
)
def test_values_become_literals_that_mean_them(value, expected):
    assert literal(value) == expected


@pytest.mark.parametrize("body", ["plain", "$poolhouse$", "ends with $poolhouse", "$poolhouse$ $poolhouse_$"])
def test_a_dollar_quoted_body_is_one_statement_whatever_is_in_it(body):
    quoted = dollar_quoted(body)
    tag = quoted[: quoted.index("$", 1) + 1]
    assert quoted.index(tag, 1) == len(quoted) - len(tag)
    assert body in quoted

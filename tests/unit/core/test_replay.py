"""How statements are written for a replay."""

from __future__ import annotations

import pytest

from poolhouse._core.replay import (
    adds_enum_value,
    creates_enum,
    for_replay,
    is_transaction_control,
    renaming,
    with_labels,
)

GAP = " " * len("CONCURRENTLY")


@pytest.mark.parametrize(
    ("statement", "replayed"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (a)", f"CREATE INDEX {GAP} i ON t (a)"),
        ("create unique index concurrently on t (a)", f"create unique index {GAP} on t (a)"),
        (
            "CREATE INDEX /* CONCURRENTLY */ CONCURRENTLY i ON t (a)",
            f"CREATE INDEX /* CONCURRENTLY */ {GAP} i ON t (a)",
        ),
        ("DROP INDEX CONCURRENTLY IF EXISTS i, j", f"DROP INDEX {GAP} IF EXISTS i, j"),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY m", f"REFRESH MATERIALIZED VIEW {GAP} m"),
        ("CREATE INDEX i ON concurrently (a)", "CREATE INDEX i ON concurrently (a)"),
        ('CREATE INDEX "concurrently" ON t (a)', 'CREATE INDEX "concurrently" ON t (a)'),
        ("ALTER TABLE t RENAME TO concurrently", "ALTER TABLE t RENAME TO concurrently"),
        ("SELECT 'CREATE INDEX CONCURRENTLY'", "SELECT 'CREATE INDEX CONCURRENTLY'"),
        ("CLUSTER t USING i", "CLUSTER t USING i"),
        ("CREATE SERVER s FOREIGN DATA WRAPPER w", "CREATE SERVER s FOREIGN DATA WRAPPER w"),
    ],
)
def test_concurrently_is_left_out_and_nothing_else(statement, replayed):
    assert for_replay(statement).sql == replayed
    assert for_replay(statement).before is None


@pytest.mark.parametrize(
    "statement",
    [
        "VACUUM",
        "vacuum (full, analyze) t",
        "ANALYZE t",
        "REINDEX INDEX CONCURRENTLY i",
        "REINDEX (VERBOSE) SCHEMA s",
        "CHECKPOINT",
        "CLUSTER",
        "CLUSTER (VERBOSE)",
        "ALTER SYSTEM SET x = 1",
        "CREATE DATABASE d",
        "ALTER DATABASE d SET x = 1",
        "DROP TABLESPACE s",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
        "ALTER TABLE t DETACH PARTITION p FINALIZE",
    ],
)
def test_what_changes_no_schema_is_not_replayed(statement):
    assert for_replay(statement) is None


def test_a_partition_keeps_its_bounds_when_it_is_detached_concurrently():
    replayed = for_replay('ALTER TABLE t DETACH PARTITION s."p\'q" CONCURRENTLY')
    assert replayed.sql == f'ALTER TABLE t DETACH PARTITION s."p\'q" {GAP}'
    assert "pg_get_partition_constraintdef('s.\"p''q\"'::pg_catalog.regclass)" in replayed.before


@pytest.mark.parametrize(
    ("statement", "extension"),
    [
        ("CREATE EXTENSION hstore", "hstore"),
        ('CREATE EXTENSION IF NOT EXISTS "uuid-ossp" SCHEMA x', "uuid-ossp"),
        ("create extension HStore", "hstore"),
        ("ALTER EXTENSION hstore UPDATE", None),
    ],
)
def test_the_extension_that_a_statement_creates_is_named(statement, extension):
    assert for_replay(statement).extension == extension


@pytest.mark.parametrize("statement", ["COMMIT", "end", "ROLLBACK TO x", "START", "PREPARE TRANSACTION 'x'"])
def test_transaction_control_is_seen(statement):
    assert is_transaction_control(statement)


@pytest.mark.parametrize("statement", ["PREPARE x AS SELECT 1", "SELECT 1", "COMMENT ON TABLE t IS 'COMMIT'"])
def test_what_is_no_transaction_control_is_let_through(statement):
    assert not is_transaction_control(statement)


def test_statements_about_enums_are_told_from_others():
    assert adds_enum_value("ALTER TYPE a.b /* c */ ADD VALUE IF NOT EXISTS 'x'")
    assert not adds_enum_value("ALTER TYPE t RENAME VALUE 'add' TO 'value'")
    assert not adds_enum_value("ALTER TYPE t ADD ATTRIBUTE value int")
    assert creates_enum("CREATE TYPE t AS ENUM ('a')")
    assert not creates_enum("CREATE TYPE t AS (enum int)")


def test_labels_are_replaced_whatever_they_were():
    assert with_labels("CREATE TYPE \"enum(\" AS ENUM ('a', ')')", ["it's", "b"]) == (
        "CREATE TYPE \"enum(\" AS ENUM ('it''s', 'b')"
    )


def test_an_added_value_becomes_a_renamed_one():
    statement = "ALTER TYPE \"s\".\"t\" ADD VALUE IF NOT EXISTS 'b' AFTER 'a'"
    assert renaming(statement, "old", "b") == "ALTER TYPE \"s\".\"t\" RENAME VALUE 'old' TO 'b'"

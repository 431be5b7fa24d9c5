"""What the words of a statement tell about resuming it."""

from __future__ import annotations

import pytest

from poolhouse._core.statement_kind import (
    ConcurrentIndex,
    StatementKind,
    adds_enum_value,
    concurrent_index,
    kind_of,
    refuses_transactions,
)

KINDS = {
    StatementKind.ATOMIC: [
        "CREATE TABLE a (id int)",
        "/* why */ insert into a values (1)",
        "(SELECT 1) UNION SELECT 2",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "CREATE INDEX i ON a (x)",
        "CREATE UNIQUE INDEX concurrently ON a (x)".replace("concurrently", "plain"),
        "ALTER TABLE a DETACH PARTITION b",
        "ALTER TABLE a RENAME COLUMN concurrently TO detach",
        "ALTER TYPE mood ADD VALUE 'x'",
        "DROP INDEX i",
        "DROP TABLE database",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
    ],
    StatementKind.SESSION: ["SET work_mem = '1GB'", "reset all", "PREPARE p AS SELECT 1"],
    StatementKind.CREATE_INDEX: [
        "CREATE INDEX CONCURRENTLY i ON a (x)",
        "create unique /* ; */ index concurrently if not exists i on only a (x)",
        "CREATE INDEX CONCURRENTLY ON a (x)",
    ],
    StatementKind.DROP_INDEX: ["DROP INDEX CONCURRENTLY i", "drop index concurrently if exists s.i"],
    StatementKind.REINDEX: [
        "REINDEX INDEX CONCURRENTLY i",
        "REINDEX (VERBOSE, CONCURRENTLY) TABLE a",
        "REINDEX (CONCURRENTLY true) INDEX i",
    ],
    StatementKind.REPEATABLE: [
        "VACUUM FULL a",
        "ANALYZE",
        "REINDEX TABLE a",
        "REINDEX (CONCURRENTLY false) TABLE a",
        "ALTER SYSTEM SET work_mem = '1GB'",
        "DROP DATABASE IF EXISTS x",
    ],
    StatementKind.UNKNOWN: [
        "CALL backfill()",
        "DO $$ BEGIN COMMIT; END $$",
        "CREATE DATABASE x",
        "DROP DATABASE x",
        "ALTER DATABASE x SET TABLESPACE y",
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
        "ALTER TABLE a DETACH PARTITION b CONCURRENTLY",
        "REINDEX SCHEMA CONCURRENTLY s",
        "EXECUTE p",
        "FROBNICATE",
        "CREATE_",
    ],
}


@pytest.mark.parametrize(("kind", "statement"), [(kind, each) for kind in KINDS for each in KINDS[kind]])
def test_the_words_tell_how_a_statement_is_resumed(kind, statement):
    assert kind_of(statement) is kind


@pytest.mark.parametrize(
    "statement", ["", "CREATE", "DROP", "ALTER", "REINDEX", "REINDEX (", "CREATE INDEX CONCURRENTLY"]
)
def test_half_a_statement_is_of_some_kind(statement):
    assert kind_of(statement) in StatementKind
    assert refuses_transactions(statement) in {True, False}


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("CREATE INDEX CONCURRENTLY i ON a (x)", ConcurrentIndex("i", "a")),
        (
            'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "on" ON ONLY "s"."my table" USING btree (x)',
            ConcurrentIndex('"on"', '"s"."my table"', only_if_missing=True),
        ),
        ("CREATE INDEX CONCURRENTLY if ON a(x)", ConcurrentIndex("if", "a")),
        ("CREATE INDEX CONCURRENTLY ON s . a (x)", ConcurrentIndex(None, "s.a")),
        ("DROP INDEX CONCURRENTLY IF EXISTS s.i CASCADE", ConcurrentIndex("s.i", None)),
        ("DROP INDEX CONCURRENTLY i", ConcurrentIndex("i", None)),
        ("REINDEX INDEX CONCURRENTLY s.i", ConcurrentIndex("s.i", None)),
        ("REINDEX (VERBOSE, CONCURRENTLY) TABLE a", ConcurrentIndex(None, "a")),
        ("REINDEX TABLE CONCURRENTLY s.a", ConcurrentIndex(None, "s.a")),
    ],
)
def test_an_index_and_its_table_are_read_as_they_are_written(statement, index):
    assert concurrent_index(statement) == index


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("ALTER TYPE mood ADD VALUE 'x'", True),
        ("alter type {{tables.mood}} add /* a */ value if not exists 'x'", True),
        ("ALTER TYPE mood RENAME VALUE 'x' TO 'y'", False),
        ("ALTER TYPE mood ADD ATTRIBUTE value int", False),
        ("ALTER TABLE mood ADD value int", False),
    ],
)
def test_a_value_added_to_an_enum_is_recognised(statement, expected):
    assert adds_enum_value(statement) is expected

from __future__ import annotations

import pytest

from poolhouse._core.lending import alone, begin, first_message, is_foreign, why_refused
from poolhouse._core.session_effects import judge


def refused(sql, *, has_role=True):
    return why_refused(sql, judge(sql), has_role=has_role)


@pytest.mark.parametrize(("pid", "foreign"), [(1, False), (4_194_304, False), (4_194_305, True), (0, True), (-7, True)])
def test_a_process_is_foreign_where_no_system_has_its_number(pid, foreign):
    assert is_foreign(pid) is foreign


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("SET work_mem = '1MB'", "SET"),
        ("set role x", "SET"),
        ("/* a */ RESET ALL", "RESET"),
        ("LISTEN jobs", "LISTEN"),
        ("UNLISTEN *", "UNLISTEN"),
        ("PREPARE p AS SELECT 1", "PREPARE"),
        ("DEALLOCATE ALL", "DEALLOCATE"),
        ("DISCARD ALL", "DISCARD"),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "DECLARE"),
        ("CREATE TEMP TABLE t (a int)", "CREATE"),
        ("CREATE TEMP TABLE t (a int) ON COMMIT DELETE ROWS", "CREATE"),
        ("CREATE TEMP TABLE t ON COMMIT DROP AS SELECT pg_advisory_lock(1)", "CREATE"),
        ("SELECT 1 INTO TEMP t", "a function that it calls"),
        ("SELECT pg_advisory_lock(1)", "a function that it calls"),
        ("SELECT set_config('a.b', 'c', false)", "a function that it calls"),
        ("SELECT 1; SET a.b = 'c'", "SET"),
        ("BEGIN", "BEGIN"),
        ("COMMIT", "COMMIT"),
        ("DO $$ BEGIN END $$", "DO"),
        ("LOAD 'auto_explain'", "LOAD"),
        ("CALL p(pg_advisory_lock(1))", "CALL"),
    ],
)
def test_what_would_stay_in_the_session_is_refused_by_name(sql, what):
    fact, remedy = refused(sql)
    assert f", what {what} leaves in the session is lost" in fact
    assert "set pooler to session" in remedy
    assert refused(sql, has_role=False)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT $1::int",
        "SET LOCAL work_mem = '1MB'",
        "SET TRANSACTION READ ONLY",
        "SAVEPOINT a",
        "SELECT set_config('a.b', 'c', true)",
        "SELECT pg_advisory_xact_lock(1)",
        "DECLARE c CURSOR FOR SELECT 1",
        "CREATE TEMP TABLE t (a int) ON COMMIT DROP",
        "create local temporary table t on commit drop as select 1",
        "CALL p(1)",
        "NOTIFY jobs",
        "INSERT INTO {{tables.a}} VALUES ($1)",
        "",
        "SELECT 'unended",
    ],
)
def test_what_ends_with_its_transaction_is_not_refused(sql):
    assert refused(sql) is None


@pytest.mark.parametrize("sql", ["VACUUM", "VACUUM (ANALYZE) a", "CREATE INDEX CONCURRENTLY i ON a (b)"])
def test_what_cannot_run_in_a_transaction_is_refused_of_a_service_with_a_role(sql):
    fact, remedy = refused(sql)
    assert fact.startswith(f"{sql.split()[0]} cannot run in a transaction")
    assert "migration_dsn" in remedy
    assert refused(sql, has_role=False) is None


def test_messages_name_the_role_as_it_is():
    role = """it's "x" \\"""
    assert begin(role, None, "BEGIN READ ONLY;") == 'BEGIN READ ONLY; SET LOCAL ROLE "it\'s ""x"" \\"'
    assert alone(role, None, "SELECT 1") == 'SET LOCAL ROLE "it\'s ""x"" \\"; SELECT 1'
    assert "set_config('role', E'it''s \"x\" \\\\', false)" in first_message(role, None, 1)


def test_messages_have_the_name_as_it_is():
    name = "it's\\x"
    assert begin(None, name) == "BEGIN; SET LOCAL application_name =  E'it''s\\\\x'"
    assert alone("x", "shop/x", "SELECT 1") == ("SET LOCAL ROLE \"x\"; SET LOCAL application_name = 'shop/x'; SELECT 1")
    assert "SELECT pg_catalog.set_config('application_name', E'it''s" in first_message(None, name, 1)


def test_without_a_role_messages_are_as_they_were():
    assert (begin(None, None), alone(None, "shop/x", "SELECT 1")) == ("BEGIN", "SELECT 1")
    assert first_message(None, None, 7).split("WHERE")[0].strip() == "SELECT"

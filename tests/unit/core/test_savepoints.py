from __future__ import annotations

import pytest

from poolhouse._core.savepoints import (
    Constraints,
    begin,
    constraints_of,
    end,
    go_on,
    sets_for_transaction,
    undo,
    why_refused,
)
from poolhouse._core.session_effects import judge


def test_a_savepoint_is_begun_for_a_role():
    assert begin("s", 'a"b') == 'SAVEPOINT s; SET LOCAL ROLE "a""b"'
    assert begin("s", None, readonly=True) == "SAVEPOINT s; SET LOCAL ROLE NONE; SET TRANSACTION READ ONLY"


def test_it_ends_as_a_transaction_does():
    assert end("s", Constraints()) == "RELEASE SAVEPOINT s"
    assert end("s", Constraints(), has_settings=True) == "RELEASE SAVEPOINT s; RESET ALL"
    assert end("s", Constraints(has_deferrable=True)) == "SET CONSTRAINTS ALL IMMEDIATE; RELEASE SAVEPOINT s"
    assert end("s", Constraints(has_deferrable=True, deferred=("a.b", 'c."D"'))) == (
        'SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL ROLE NONE; SET CONSTRAINTS a.b, c."D" DEFERRED; RELEASE SAVEPOINT s'
    )


def test_it_is_undone_and_gone():
    assert go_on(undo("s"), "users") == 'ROLLBACK TO SAVEPOINT s; RELEASE SAVEPOINT s; SET LOCAL ROLE "users"'


def test_constraints_are_those_that_may_be_deferred():
    assert constraints_of([]) == Constraints()
    assert constraints_of([(False, "a.b")]) == Constraints(has_deferrable=True)
    assert constraints_of([(True, "c.d"), (False, "a.b"), (True, "a.c")]) == Constraints(
        has_deferrable=True, deferred=("a.c", "c.d")
    )


@pytest.mark.parametrize(
    "sql", ["SET LOCAL work_mem = '1MB'", "set  local x.y = 1", "SELECT SET_CONFIG ('a.b', $1, true)"]
)
def test_settings_for_a_transaction_are_noticed(sql):
    assert sets_for_transaction(sql)


@pytest.mark.parametrize("sql", ["UPDATE t SET a = 1", "SELECT 1", "SET CONSTRAINTS ALL DEFERRED"])
def test_others_are_no_settings(sql):
    assert not sets_for_transaction(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "INSERT INTO t VALUES (1); UPDATE t SET a = 2",
        "SET LOCAL work_mem = '1MB'",
        "SET CONSTRAINTS ALL DEFERRED",
        "SET TRANSACTION READ ONLY",
        "CALL work(1)",
        "LOCK TABLE t",
        "NOTIFY news",
        "SELECT pg_advisory_xact_lock(1)",
        "CREATE TABLE t (id int)",
        "SELECT 'unclosed",
    ],
)
def test_what_a_rollback_undoes_is_welcome(sql):
    assert why_refused(sql, judge(sql)) is None


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SET work_mem = '1MB'", "what SET leaves in the session"),
        ("LISTEN news", "what LISTEN leaves in the session"),
        ("SELECT 1; DISCARD ALL", "what DISCARD leaves in the session"),
        ("WITH a AS (SELECT pg_advisory_lock(1)) SELECT 1", "what a function that it calls leaves in the session"),
        ("CREATE TEMPORARY TABLE t (id int)", "what CREATE leaves in the session"),
        ("vacuum", "VACUUM cannot run in a transaction"),
        ("CREATE INDEX CONCURRENTLY i ON t (id)", "CREATE cannot run in a transaction"),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "isolation level"),
        ("set transaction snapshot '1'", "isolation level"),
    ],
)
def test_what_it_does_not_is_refused(sql, reason):
    assert reason in (why_refused(sql, judge(sql)) or "")

"""What statements leave in their session: every kind of PostgreSQL 18's grammar, and what hides in clean ones."""

import pytest

from poolhouse._core.session_effects import SessionEffect, judge
from tests.unit.core.statement_corpus import KINDS, corpus

CLEAN, DIRTY, SPOILT = SessionEffect

# Kinds whose forms are not all CLEAN, and what there is among them.
NOT_CLEAN = {
    "AlterExtensionStmt": {SPOILT},  # loads libraries
    "CallStmt": {DIRTY},  # a procedure may do anything, and commit
    "CreateAsStmt": {CLEAN, DIRTY},  # TEMP
    "CreateExtensionStmt": {SPOILT},  # loads libraries
    "CreateFunctionStmt": {CLEAN, SPOILT},  # LANGUAGE C loads libraries
    "CreateSeqStmt": {CLEAN, DIRTY},  # TEMP
    "CreateStmt": {CLEAN, DIRTY},  # TEMP
    "DeallocateStmt": {DIRTY, SPOILT},  # ALL takes the driver's too
    "DeclareCursorStmt": {CLEAN, DIRTY},  # WITH HOLD
    "DiscardStmt": {DIRTY, SPOILT},  # ALL takes the driver's too
    "DoStmt": {DIRTY, SPOILT},  # languages with variables of their own
    "ExecuteStmt": {DIRTY},
    "ExplainStmt": {CLEAN, DIRTY},  # of EXECUTE
    "ListenStmt": {DIRTY},
    "LoadStmt": {SPOILT},
    "PrepareStmt": {DIRTY},
    "TransactionStmt": {CLEAN, DIRTY},  # savepoints, and what was prepared elsewhere
    "UnlistenStmt": {DIRTY},
    "VariableResetStmt": {DIRTY},
    "VariableSetStmt": {CLEAN, DIRTY},  # LOCAL
    "ViewStmt": {CLEAN, DIRTY},  # TEMP
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_statement_has_a_judgement(kind):
    judgements = {judge(sql) for sql in corpus(kind) if not sql.count('&"')}
    assert judgements == NOT_CLEAN.get(kind, {CLEAN})


def test_the_kinds_of_the_table_are_those_of_the_grammar():
    assert NOT_CLEAN.keys() <= KINDS.keys()


@pytest.mark.parametrize(
    "sql",
    [
        "",
        " ; -- nothing",
        "SELECT 1",
        "((SELECT 1))",
        "WITH a AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM a",
        "SELECT 1; UPDATE t SET a = 1",
        "SELECT setseed, set_config, pg_advisory_lock FROM t",
        "SELECT 'SELECT setseed(1)', $$LOAD 'x'$$, \"LISTEN\" /* setseed(1) */ -- pg_temp.x",
        'SELECT "SETSEED"(1), setseeds(1), x.pg_advisory_xact_lock(1), pg_try_advisory_xact_lock_shared(1, 2)',
        "SELECT set_config('a.b', $1, true)",
        "SELECT pg_catalog . set_config('role', f(1, ARRAY[2, 3]), TRUE), 1",
        "SELECT set_config('a.b', $1, is_local => true)",
        "SELECT nextval('s'), currval('s'), lastval(), setval('s', 1)",
        "SELECT lo_open(1, 2), pg_notify('a', 'b'), pg_export_snapshot()",
        "SELECT temp, temporary FROM temp",
        "INSERT INTO temp VALUES (1)",
        "CREATE TABLE weather (temp int, temporary int, language text)",
        "CREATE UNLOGGED TABLE t (a int)",
        "CREATE TABLE t AS SELECT 1",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT set_config('a.b', 'c', false) $$",
        "SELECT * FROM pg_settings",
        "UPDATE my_settings SET a = 1",
        "SET LOCAL statement_timeout = 0",
        "SET LOCAL ROLE x",
        "SET CONSTRAINTS ALL DEFERRED",
        "SET TRANSACTION READ ONLY",
        "EXPLAIN (ANALYZE, FORMAT json) SELECT 1",
        "EXPLAIN ANALYZE VERBOSE (SELECT 1)",
        "EXPLAIN (SELECT 1)",
        "ROLLBACK TO SAVEPOINT a",
        "ROLLBACK WORK TO a",
        "DECLARE c CURSOR FOR WITH a AS (SELECT 1) SELECT * FROM a",
        "DECLARE hold CURSOR WITHOUT HOLD FOR SELECT 1",
        "COMMIT PREPARED 'a'",
        "\ufeffSELECT 1",
        "INSERT INTO {{tables.orders}} VALUES ($1)",
    ],
)
def test_what_leaves_nothing_behind_is_clean(sql):
    assert judge(sql) is CLEAN


@pytest.mark.parametrize(
    "sql",
    [
        "FROBNICATE t",
        "SELECT 'never ends",
        "SELECT \0",
        "{{",
        "1",
        "BEGIN",
        "start transaction",
        "COMMIT",
        "END",
        "ABORT",
        "ROLLBACK",
        "PREPARE TRANSACTION 'a'",
        "SELECT 1; SET a.b = 1; SELECT 2",
        "SET a.b = 1",
        "SET ROLE x",
        "SET SESSION AUTHORIZATION x",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET",
        "SET LOCAL",
        "SET local.a = 1",
        "SET transaction.a = 1",
        "SET constraints.a FROM CURRENT",
        "SET local = 1",
        "SET LOCAL search_path = pg_temp, public",
        "SET LOCAL SCHEMA 'pg_temp'",
        "RESET ROLE",
        "DISCARD TEMP",
        "LISTEN a",
        "UNLISTEN *",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "DECLARE without SCROLL CURSOR WITH /* */ HOLD FOR SELECT 1",
        "EXPLAIN EXECUTE a",
        "EXPLAIN",
        "EXPLAIN (",
        "EXPLAIN (ANALYZE) CREATE TEMP TABLE t AS SELECT 1",
        "PREPARE a AS SELECT 1",
        "EXECUTE a",
        "DEALLOCATE a",
        "CALL p()",
        "DO $$ BEGIN PERFORM 1; END $$",
        "DO LANGUAGE 'plpgsql' $$ BEGIN PERFORM 1; END $$",
        "CREATE TEMP TABLE t (a int)",
        "CREATE LOCAL TEMPORARY SEQUENCE s",
        "CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
        "CREATE OR REPLACE GLOBAL TEMP RECURSIVE VIEW v (a) AS SELECT 1",
        "CREATE FUNCTION pg_temp.f() RETURNS int RETURN 1",
        'CREATE TYPE "pg_temp" . t AS ENUM ()',
        "CREATE TABLE pg_temp_3.t (a int)",
        'CREATE TABLE u&"pg\\005Ftemp".t (a int)',
        "SELECT 1 AS a INTO TEMP t",
        "SELECT 1 AS a INTO LOCAL TEMPORARY TABLE t",
        "SELECT set_config('a.b', $1, false)",
        "SELECT set_config('a.b', $1, $2)",
        "SELECT set_config('a.b', 'true', not true)",
        "SELECT set_config(is_local => false, new_value => 'a', setting_name => 'a.b')",
        "SELECT \"set_config\"/* */('a.b', '', (true))",
        "SELECT pg_catalog.\"set_config\"('a.b', '', false)",
        "SELECT SET_CONFIG(",
        "SELECT set_config(a, b, true), set_config(a, b, false)",
        "SELECT pg_advisory_lock(1)",
        "INSERT INTO t SELECT pg_catalog.pg_try_advisory_lock_shared(1, 2)",
        "WITH a AS (SELECT pg_advisory_unlock_all()) SELECT 1",
        "EXPLAIN ANALYZE SELECT pg_advisory_unlock(1)",
        "SELECT setseed(0.5)",
        'SELECT pg_catalog."setseed" (0.5)',
        "SET seed = 0.5",
        'SET LOCAL "seed" TO 0.5',
        "SET SESSION seed TO 0.5",
        "SELECT set_config('seed', '0.5', true)",
        "DO $$ BEGIN PERFORM setseed(0.5); END $$",
        "SELECT query_to_xml('SELECT 1', true, true, '')",
        "UPDATE pg_settings SET setting = '1' WHERE name = 'work_mem'",
        "WITH a AS (UPDATE pg_catalog.\"pg_settings\" SET setting = '1') SELECT 1",
    ],
)
def test_what_changes_the_session_or_might_is_dirty(sql):
    assert judge(sql) is DIRTY


@pytest.mark.parametrize(
    "sql",
    [
        "LOAD 'auto_explain'",
        "SELECT 1; load 'auto_explain'; SET a.b = 1",
        "DO $$ BEGIN LOAD 'auto_explain'; END $$",
        "DO LANGUAGE plperl $$ $_SHARED{a} = 1 $$",
        "SELECT dblink_connect('a', $1)",
        "SELECT public.dblink_connect_u('a', $1)",
        "SELECT pg_backup_start('a')",
        "SELECT pg_create_logical_replication_slot('a', 'test_decoding', true)",
        "SELECT pg_create_physical_replication_slot('a', true, true)",
        "SELECT pg_replication_origin_session_setup('a')",
        "CREATE FUNCTION f() RETURNS int LANGUAGE C AS 'a'",
        "CREATE EXTENSION hstore",
        "DISCARD ALL",
        "DEALLOCATE ALL",
        "DEALLOCATE PREPARE ALL",
        "DEALLOCATE __asyncpg_stmt_1__",
        'DEALLOCATE "__asyncpg_stmt_1__"',
    ],
)
def test_what_only_the_end_of_the_session_undoes_is_spoilt(sql):
    assert judge(sql) is SPOILT

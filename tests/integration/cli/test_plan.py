"""`plan`: SQL that psql runs as it is."""

from __future__ import annotations

import subprocess

import pytest

from poolhouse.embedded.locator import locate_binaries

PENDING = 1
PSQL = locate_binaries() / "psql"

NASTY = r"""
CREATE TABLE {{tables.odd}} (a int[], "select" text, t text DEFAULT ':name \d ;');
INSERT INTO {{tables.odd}} VALUES (ARRAY[1, 2, 3], $$it's :"x" \set y$$, E'\\ ; \'');
SELECT a[1:2], a::text FROM {{tables.odd}}; -- :colon ; in a comment \q
CREATE FUNCTION {{schema}}.f() RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT 1; SELECT 2; END;
"""


def psql(dsn, script):
    return subprocess.run(
        [PSQL, "-X", "-q", dsn], input=script, text=True, capture_output=True, check=False, timeout=30
    )


def test_psql_runs_it_and_the_ledger_knows(project):
    project.write("migrations/users/0003_odd.sql", NASTY)
    done = psql(project.dsn, project.run("plan").out)
    assert done.returncode == 0, done.stderr
    assert project.run("status", "--exit-code").code == 0
    assert project.run("verify", "--exit-code").code == 0
    assert project.fetch('SELECT a, "select", t FROM users.odd') == [([1, 2, 3], 'it\'s :"x" \\set y', "\\ ; '")]


def test_psql_runs_what_no_transaction_can_hold(project):
    text = (
        "-- poolhouse: no-transaction\n-- poolhouse: statement-timeout: 1min\nCREATE INDEX CONCURRENTLY by_name "
        "ON {{tables.users}} (name);\nSET work_mem = '5MB';\nDROP INDEX CONCURRENTLY by_name;\n"
        "CREATE INDEX CONCURRENTLY by_id ON users (id);\n"
    )
    project.write("migrations/users/0003_index.sql", text)
    project.write("migrations/users/0004_more.sql", "CREATE TABLE {{tables.more}} (id int);\n")
    done = psql(project.dsn, project.run("plan").out)
    assert done.returncode == 0, done.stderr
    assert project.run("status", "--exit-code").code == 0
    assert project.run("verify", "--exit-code").code == 0
    assert project.fetch("SELECT version, steps_done, steps_total FROM poolhouse.ledger WHERE version = 3") == [
        (3, 4, 4)
    ]


def test_the_order_follows_what_files_depend_on(project):
    project.write("migrations/users/0003_after.sql", "-- poolhouse: depends: orders/0001\nTABLE orders.orders;\n")
    project.write("migrations/orders/0002_after.sql", "-- poolhouse: depends: users/0003\nTABLE users.users;\n")
    done = psql(project.dsn, project.run("plan").out)
    assert done.returncode == 0, done.stderr
    assert project.run("status", "--exit-code").code == 0


def test_a_half_done_migration_is_gone_on_with(project):
    text = "-- poolhouse: no-transaction\nCREATE TABLE {{tables.a}} (id int);\nTABLE orders.later;\n"
    project.write("migrations/users/0003_half.sql", text)
    project.run("up")
    project.execute("CREATE TABLE orders.later (id int)")
    done = psql(project.dsn, project.run("plan").out)
    assert done.returncode == 0, done.stderr
    assert project.run("status", "--exit-code").code == 0


def test_it_refuses_where_something_was_migrated_since(project):
    script = project.run("plan").out
    project.run("up", "users", "--to", "1")
    done = psql(project.dsn, script)
    assert done.returncode == 3
    assert "another process has migrated" in done.stderr
    assert project.tables() == ["users.users"]


def test_a_statement_that_fails_ends_the_script_and_leaves_nothing_of_its_module(project):
    project.write("migrations/users/0003_wrong.sql", "SELECT nonsense;\n")
    done = psql(project.dsn, project.run("plan", "users").out)
    assert done.returncode == 3
    assert project.tables() == []


def test_offline_it_is_for_an_empty_database_and_asks_none(offline, database):
    script = offline.run("plan", "--offline").out
    assert psql(database, script).returncode == 0
    offline.dsn = database
    assert offline.tables() == ["orders.orders", "users.users"]


def test_with_nothing_pending_it_is_a_comment(project):
    project.run("up")
    assert project.run("plan").out == "-- Nothing is pending.\n"
    assert project.run("plan", "--json", "--exit-code").json == {"pending": False, "sql": "", "alike": []}


@pytest.mark.parametrize("flag", [[], ["--offline"]])
def test_exit_code_tells_that_something_is_pending(project, flag):
    outcome = project.run("plan", "--json", "--exit-code", *flag)
    assert outcome.code == PENDING
    assert outcome.json["pending"] is True
    assert "CREATE TABLE" in outcome.json["sql"]

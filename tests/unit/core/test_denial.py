from __future__ import annotations

import pytest

from poolhouse._core.denial import explain_denial

UNDECLARED = 'reads=["users.accounts"]'
ASK = "asking that service"
MIGRATE = "Write a migration"
ESTABLISH = "establish_roles"
TABLE = "permission denied for table accounts"
SCHEMA = "permission denied for schema users"
OWNER = "must be owner of table accounts"


def explain(sql, said=TABLE, reads=()):
    return explain_denial(service="orders", schema="orders", reads=reads, sql=sql, said=said)


@pytest.mark.parametrize("said", [TABLE, SCHEMA, "keine Berechtigung für Schema »users«"])
@pytest.mark.parametrize(
    "sql",
    [
        'SELECT * FROM "users"."accounts"',
        "SELECT a.id FROM orders.lines l JOIN Users.Accounts a ON a.id = l.id WHERE a.name = 'users.accounts'",
        "INSERT INTO orders.orders SELECT id FROM users.accounts",
        "UPDATE orders.orders SET n = 1 FROM users.accounts",
        "DELETE FROM orders.orders USING users.accounts",
        "COPY users.accounts TO STDOUT",
        "SELECT 1; SELECT * FROM ONLY users . accounts",
    ],
)
def test_an_undeclared_read_is_to_be_declared(sql, said):
    denial = explain(sql, said)
    assert (denial.schema, denial.table) == ("users", "accounts")
    assert UNDECLARED in denial.remedy
    assert denial.fact.startswith(said)


@pytest.mark.parametrize("reads", [(), [("users", "accounts")]])
@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO users.accounts VALUES (1)",
        "insert into users.accounts select * from orders.orders",
        "UPDATE ONLY users.accounts SET n = 1",
        "DELETE FROM users.accounts",
        "DELETE FROM ONLY users.accounts",
        "MERGE INTO users.accounts USING orders.orders ON true WHEN MATCHED THEN DELETE",
        'COPY "users"."accounts"("id") FROM STDIN WITH (FORMAT binary)',
        "WITH gone AS (DELETE FROM users.accounts RETURNING id) SELECT * FROM gone",
    ],
)
def test_a_write_to_another_s_table_is_to_be_asked_for_whether_its_read_is_declared_or_not(sql, reads):
    denial = explain(sql, reads=reads)
    assert (denial.schema, denial.table) == ("users", "accounts")
    assert ASK in denial.remedy
    assert "reads=" not in denial.remedy


@pytest.mark.parametrize("lock", ["UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"])
def test_a_declared_read_that_locks_rows_is_not_to_lock_them(lock):
    denial = explain(f"SELECT * FROM users.accounts FOR {lock}", reads=[("users", "accounts")])
    assert "Read without locking" in denial.remedy


def test_a_lock_on_what_nobody_knows_to_be_declared_is_told():
    assert "lock its rows" in explain("SELECT * FROM users.accounts FOR SHARE", reads=None).fact
    assert UNDECLARED in explain("SELECT * FROM users.accounts", reads=None).remedy


def test_a_declared_read_that_was_not_granted_yet_is_to_be_established():
    assert ESTABLISH in explain("SELECT * FROM users.accounts", reads=[("users", "accounts")]).remedy


def test_a_table_of_its_own_without_rights_is_to_be_established():
    denial = explain("SELECT * FROM orders.accounts")
    assert (denial.schema, denial.table) == ("orders", "accounts")
    assert ESTABLISH in denial.remedy


@pytest.mark.parametrize("verb", ["ALTER TABLE", "DROP TABLE", "CREATE TABLE", "COMMENT ON TABLE", "REINDEX TABLE"])
@pytest.mark.parametrize("schema", ["orders", "users"])
def test_what_changes_a_schema_is_to_be_a_migration(verb, schema):
    denial = explain(f"{verb} {schema}.accounts", OWNER)
    assert (denial.schema, denial.table) == (schema, "accounts")
    assert MIGRATE in denial.remedy


def test_truncate_is_to_be_delete_or_to_be_asked_for():
    assert "DELETE its rows" in explain("TRUNCATE orders.accounts").remedy
    assert ASK in explain("TRUNCATE users.accounts").remedy


def test_a_table_that_the_statement_does_not_name_is_not_guessed():
    denial = explain("SELECT orders.f()", "permission denied for table secret")
    assert (denial.schema, denial.table) == (None, None)
    assert denial.fact == "permission denied for table secret"


@pytest.mark.parametrize("sql", ["", "SELECT 'open", "SELECT", ".", "a.b"])
def test_text_that_is_no_statement_is_explained_as_far_as_that_goes(sql):
    assert TABLE in explain(sql).fact


def test_names_that_need_quotes_have_them_in_the_remedy():
    denial = explain('SELECT * FROM "My Users"."a ""b"', 'permission denied for table a "b')
    assert r'reads=["\"My Users\".\"a \"\"b\""]' in denial.remedy

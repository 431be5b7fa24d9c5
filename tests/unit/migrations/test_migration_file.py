"""Names, directives and faults of single migration files."""

from __future__ import annotations

import pytest

from poolhouse._core.directives import Directives, Phase
from poolhouse._core.migration_file import RepeatableFile, parse_migration, parse_name
from poolhouse.errors import (
    DirectiveError,
    MigrationFilesError,
    MigrationNameError,
    MigrationTextError,
    SqlSyntaxError,
    TemplateError,
    TransactionControlError,
)


def parse(text, *, file="migrations/users/0001_create.sql", schema="users", reads=()):
    data = text if isinstance(text, bytes) else text.encode()
    return parse_migration(file, data, schema=schema, reads=reads)


def faults(text, **kwargs):
    with pytest.raises(MigrationFilesError) as caught:
        parse(text, **kwargs)
    return caught.value.violations


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("0007_add_status.sql", (7, "add_status")),
        ("migrations/users/20250131093000_add-status.sql", (20250131093000, "add-status")),
        ("0_0.sql", (0, "0")),
        ("9223372036854775807_last.sql", (2**63 - 1, "last")),
    ],
)
def test_a_name_is_a_version_and_a_title(file, expected):
    assert parse_name(file) == expected


@pytest.mark.parametrize(
    "file",
    [
        "add_status.sql",
        "0007.sql",
        "0007-add.sql",
        "0007_.sql",
        "0007_add.SQL",
        "0007_add.sql~",
        "0007_add.sql.bak",
        "0007_add status.sql",
        "0007_add.up.sql",
        "\u0660\u0661_arabic_digits.sql",
        "0007_add.sql\n",
        "notes.md",
        "r_views.sql",
        "R_.sql",
        "R_views.sql~",
    ],
)
def test_any_other_name_is_refused_with_the_form_it_should_have(file):
    with pytest.raises(MigrationNameError, match=r"0007_add_status\.sql"):
        parse_name(file)


def test_a_version_too_large_for_the_ledger_is_refused():
    with pytest.raises(MigrationNameError, match="too large"):
        parse_name("9223372036854775808_too_far.sql")


def test_a_repeatable_file_has_a_name_and_no_version():
    assert parse_name("m/R_views-of-today.sql") == (None, "views-of-today")
    assert isinstance(parse("SELECT 1", file="m/R_views.sql"), RepeatableFile)


def test_a_file_is_known_by_its_tokens_and_by_its_bytes():
    plain, reformatted = parse("SELECT 1;"), parse("\ufeff-- licence\r\nSELECT\t1 ;")
    assert plain.checksum == reformatted.checksum
    assert plain.raw_checksum != reformatted.raw_checksum


def test_a_file_of_comments_only_is_a_migration():
    assert parse("-- nothing to do\n").version == 1


def test_text_that_is_not_utf_8_is_refused_at_its_place():
    (fault,) = faults(b"SELECT 1;\nSELECT '\xe4'")
    assert isinstance(fault, MigrationTextError)
    assert str(fault).startswith("migrations/users/0001_create.sql:2:9: byte 0xe4 is not UTF-8")


@pytest.mark.parametrize(
    ("word", "directives"),
    [
        ("no-transaction", Directives(no_transaction=True)),
        ("isolate", Directives(isolate=True)),
        ("irreversible", Directives(irreversible=True)),
        ("template-bodies", Directives(template_bodies=True)),
        ("depends: users/0003", Directives(depends=(("users", 3),))),
        ("depends: a/b c/0", Directives(depends=(("a/b c", 0),))),
        ("phase: contract", Directives(phase=Phase.CONTRACT)),
        ("phase: expand", Directives(phase=Phase.EXPAND)),
        ("lock-timeout: 500ms", Directives(lock_timeout=0.5)),
        ("statement-timeout:1.5 min", Directives(statement_timeout=90.0)),
        ("statement-timeout: 0", Directives(statement_timeout=0.0)),
        ("allow: drop-column it is not read", Directives(allow=(("drop-column", "it is not read"),))),
    ],
)
def test_a_directive_is_read(word, directives):
    assert parse(f"-- licence\n-- poolhouse: {word}\nSELECT 1").directives == directives


def test_dependencies_and_allowances_may_be_many():
    text = (
        "-- poolhouse: depends: a/1\n-- poolhouse: depends: b/2\n-- poolhouse: allow: x y\n-- poolhouse: allow: z w\n"
    )
    said = parse(text).directives
    assert (said.depends, said.allow) == ((("a", 1), ("b", 2)), (("x", "y"), ("z", "w")))


@pytest.mark.parametrize(
    ("word", "fact"),
    [
        ("depends: users", "'depends' cannot be read"),
        ("depends: users/x", "'depends' cannot be read"),
        ("depends", "'depends' cannot be read"),
        ("phase: later", "'phase' cannot be read"),
        ("phase", "'phase' cannot be read"),
        ("lock-timeout: 5", "'lock-timeout' cannot be read"),
        ("lock-timeout: 0.0001ms", "'lock-timeout' cannot be read"),
        ("statement-timeout: 1000h", "'statement-timeout' cannot be read"),
        ("allow: drop-column", "'allow' cannot be read"),
        ("isolate: yes", "'isolate' takes no argument"),
    ],
)
def test_a_directive_that_cannot_be_read_is_refused_with_an_example(word, fact):
    (fault,) = faults(f"-- licence\n-- poolhouse: {word}\nSELECT 1")
    assert isinstance(fault, DirectiveError)
    assert fact in str(fault)
    assert (fault.line, fault.column) == (2, 1)


def test_a_directive_given_twice_is_refused():
    (fault,) = faults("-- poolhouse: phase: expand\n-- poolhouse: phase: contract\nSELECT 1")
    assert "'phase' is given twice" in str(fault)


@pytest.mark.parametrize("word", ["no-transaction", "phase: contract", "irreversible"])
def test_a_repeatable_file_refuses_directives_of_what_happens_once(word):
    (fault,) = faults(f"-- poolhouse: {word}\nSELECT 1", file="m/R_views.sql")
    assert "in a repeatable migration" in str(fault)


@pytest.mark.parametrize("word", ["no-transaction", "template-bodies"])
def test_the_checksum_covers_directives_that_change_the_meaning(word):
    assert parse(f"-- poolhouse: {word}\nSELECT 1").checksum != parse("SELECT 1").checksum


@pytest.mark.parametrize(
    "word", ["isolate", "irreversible", "depends: a/1", "phase: contract", "lock-timeout: 1s", "allow: a b"]
)
def test_the_checksum_does_not_cover_directives_that_only_say_how_or_when(word):
    assert parse(f"-- poolhouse: {word}\nSELECT 1").checksum == parse("SELECT 1").checksum


def test_an_unknown_directive_is_refused_with_the_nearest_one():
    (fault,) = faults("--poolhouse:no-transactions\nSELECT 1")
    assert "there is no directive 'no-transactions'. Did you mean no-transaction?" in str(fault)


@pytest.mark.parametrize(
    "comment", ["-- poolhouse:", "-- poolhouse: Template-Bodies", "-- poolhouse: template-bodies x"]
)
def test_a_directive_is_written_exactly_or_refused(comment):
    (fault,) = faults(f"{comment}\nSELECT 1")
    assert isinstance(fault, DirectiveError)


def test_a_directive_below_the_first_statement_is_refused():
    (fault,) = faults("SELECT 1;\n  -- poolhouse: template-bodies\n")
    assert str(fault).startswith("migrations/users/0001_create.sql:2:3: a directive stands below")


@pytest.mark.parametrize("text", ["-- poolhouse creates this\nSELECT 1", "SELECT '-- poolhouse: nonsense'"])
def test_prose_and_literals_are_no_directives(text):
    assert parse(text)


def test_template_bodies_makes_placeholders_in_bodies_count():
    body = "DO $$ BEGIN PERFORM 1 FROM {{tables.a}}; END $$"
    assert "{{tables.a}}" in parse(body).rendering("users", ()).sql
    assert '"users"."a"' in parse(f"-- poolhouse: template-bodies\n{body}").rendering("users", ()).sql


@pytest.mark.parametrize(
    "statement",
    [
        "BEGIN",
        "begin isolation level serializable",
        "START TRANSACTION",
        "COMMIT",
        "COMMIT PREPARED 'x'",
        "END",
        "ABORT",
        "ROLLBACK",
        "/* hidden */ ROLLBACK TO a",
        "SAVEPOINT a",
        "RELEASE a",
        "PREPARE TRANSACTION 'x'",
        "SET TRANSACTION READ ONLY",
        "COPY {{tables.a}} (x, y) FROM STDIN",
        "copy (select 1) to stdout",
        "SET client_encoding = 'LATIN1'",
        "set local client_encoding to 'LATIN1'",
        "SET NAMES 'LATIN1'",
    ],
)
def test_a_statement_that_cannot_be_part_of_the_transaction_is_refused_at_its_place(statement):
    (fault,) = faults(f"SELECT 1;\n{statement};\nSELECT 2")
    assert isinstance(fault, TransactionControlError)
    assert fault.line == 2


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$",
        "SELECT CASE WHEN true THEN 1 END",
        "SELECT 1 AS begin",
        "PREPARE p AS SELECT 1",
        "SELECT 'COMMIT; ROLLBACK'",
        "-- COMMIT;\nSELECT 1",
        "COPY {{tables.a}} FROM '/tmp/x'",
        "COPY (SELECT x FROM stdin) TO '/tmp/x'",
        "SET LOCAL work_mem = '1GB'",
    ],
)
def test_what_only_looks_like_transaction_control_is_accepted(statement):
    assert parse(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX CONCURRENTLY i ON {{tables.a}} (id)",
        "create unique index concurrently if not exists i on a (id)",
        "DROP INDEX CONCURRENTLY i",
        "REINDEX (VERBOSE, CONCURRENTLY) TABLE a",
        "REINDEX INDEX CONCURRENTLY i",
        "ALTER TABLE a DETACH PARTITION b CONCURRENTLY",
        "VACUUM a",
        "ALTER SYSTEM SET work_mem = '1GB'",
        "CREATE DATABASE x",
    ],
)
def test_what_the_server_runs_outside_of_transactions_only_needs_the_directive(statement):
    (fault,) = faults(f"SELECT 1;\n{statement}")
    assert isinstance(fault, TransactionControlError)
    assert "-- poolhouse: no-transaction" in str(fault)
    assert fault.line == 2
    assert parse(f"-- poolhouse: no-transaction\n{statement}").directives.no_transaction


@pytest.mark.parametrize("statement", ["COMMIT", "BEGIN", "COPY a FROM STDIN", "CREATE INDEX CONCURRENTLY ON a (id)"])
def test_what_cannot_be_recorded_step_by_step_is_refused(statement):
    (fault,) = faults(f"-- poolhouse: no-transaction\n{statement}")
    assert isinstance(fault, TransactionControlError)
    assert fault.line == 2


def test_an_unterminated_literal_is_refused_where_it_begins():
    (fault,) = faults("SELECT 1;\nSELECT 'oops")
    assert isinstance(fault, SqlSyntaxError)
    assert str(fault).startswith("migrations/users/0001_create.sql:2:8: ")


def test_a_placeholder_that_cannot_be_rendered_is_refused_at_its_place():
    (fault,) = faults("SELECT 1;\nSELECT * FROM {{table.accounts}}")
    assert isinstance(fault, TemplateError)
    assert str(fault).startswith("migrations/users/0001_create.sql:2:15: ")


def test_another_schemas_table_needs_a_declaration():
    text = "CREATE VIEW v AS SELECT * FROM {{tables.orders.lines}}"
    assert parse(text, reads=["orders.lines"])
    (fault,) = faults(text)
    assert isinstance(fault, TemplateError)


def test_all_faults_of_a_file_are_reported_together():
    found = faults("-- poolhouse: nope\nCOMMIT;\nSELECT {{oops}};\nROLLBACK")
    assert [type(fault) for fault in found] == [
        DirectiveError,
        TransactionControlError,
        TransactionControlError,
        TemplateError,
    ]

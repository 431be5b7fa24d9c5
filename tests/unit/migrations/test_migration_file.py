"""Names, directives and faults of single migration files."""

from __future__ import annotations

import pytest

from poolhouse._core.migration_file import parse_migration, parse_name
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
    ],
)
def test_any_other_name_is_refused_with_the_form_it_should_have(file):
    with pytest.raises(MigrationNameError, match=r"0007_add_status\.sql"):
        parse_name(file)


def test_a_version_too_large_for_the_ledger_is_refused():
    with pytest.raises(MigrationNameError, match="too large"):
        parse_name("9223372036854775808_too_far.sql")


@pytest.mark.parametrize("file", ["R_views.sql", "r_views.sql"])
def test_a_repeatable_file_is_refused_as_not_supported_yet(file):
    with pytest.raises(MigrationNameError, match="repeatable migrations are not supported"):
        parse_name(file)


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


@pytest.mark.parametrize("word", ["no-transaction", "isolate", "depends: users/0003", "phase: contract", "allow: x y"])
def test_a_directive_of_a_later_version_is_refused_as_not_supported_yet(word):
    (fault,) = faults(f"-- licence\n-- poolhouse: {word}\nSELECT 1")
    assert isinstance(fault, DirectiveError)
    assert "not supported by this version" in str(fault)
    assert (fault.line, fault.column) == (2, 1)


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

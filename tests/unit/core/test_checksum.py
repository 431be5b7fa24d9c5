"""What counts as a change of a migration."""

import hashlib

import pytest

from poolhouse._core.checksum import canonical_checksum, chain_digest, raw_checksum
from poolhouse.errors import SqlSyntaxError

SQL = "CREATE TABLE {{tables.accounts}} (id bigint, note text DEFAULT 'a\nb');\n"


@pytest.mark.parametrize(
    "same",
    [
        "\ufeff" + SQL,
        SQL.replace("\n", "\r\n"),
        "-- A licence\n/* of /* two */ */\n" + SQL,
        "CREATE\n\tTABLE{{tables.accounts}}(id bigint,note text DEFAULT'a\nb');-- end",
        SQL.replace("{{tables.accounts}}", "{{ tables . accounts\n}}"),
        SQL.replace("bigint", "bigint /* identity? */"),
    ],
)
def test_layout_comments_line_ends_and_a_byte_order_mark_do_not_matter(same):
    assert canonical_checksum(same) == canonical_checksum(SQL)


@pytest.mark.parametrize(
    "other",
    [
        SQL.replace("accounts", "account"),
        SQL.replace("{{tables.accounts}}", "tables.accounts"),
        SQL.replace("{{tables.accounts}}", '{{tables."accounts"}}'),
        SQL.replace("'a\nb'", "'a b'"),
        SQL.replace("CREATE", "create"),
        SQL.replace("note text", "notetext"),
        SQL.replace(";", ""),
        SQL + "SELECT 1;",
        "",
    ],
)
def test_a_changed_token_matters(other):
    assert canonical_checksum(other) != canonical_checksum(SQL)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a b", "ab"),
        ("N'x'", "N 'x'"),
        ("'a''b'", "'a' 'b'"),
        ("$$ a $$", "$$ a  $$"),
        ("$$ -- a\n$$", "$$\n$$"),
        ("1.5", "1 .5"),
        (": :", "::"),
        ('{{tables."a b"}}', '{{tables."ab"}}'),
        ("/* x */", "x"),
    ],
)
def test_tokens_that_differ_in_white_space_or_comments_alone_are_different(one, other):
    assert canonical_checksum(one) != canonical_checksum(other)


def test_an_operator_beside_a_sign_may_be_spaced():
    assert canonical_checksum("SELECT a<-1") == canonical_checksum("SELECT a < - 1")


def test_text_that_does_not_lex_has_no_checksum():
    with pytest.raises(SqlSyntaxError):
        canonical_checksum("SELECT 'a")


def test_a_canonical_checksum_never_changes_between_releases():
    expected = hashlib.sha256(b"SELECT\0{{schema}}\0.\0f\0(\0'\r'\0)\0;\0").digest()
    assert canonical_checksum("SELECT {{ schema }} . f ( '\r' ) ; -- x") == expected


def test_a_raw_checksum_is_of_the_bytes():
    assert raw_checksum(b"\xef\xbb\xbfSELECT 1\r\n") == hashlib.sha256(b"\xef\xbb\xbfSELECT 1\r\n").digest()


def test_a_chain_depends_on_every_version_checksum_and_their_order():
    def chain(*migrations):
        digest = b""
        for version, checksum in migrations:
            digest = chain_digest(digest, version, checksum)
        return digest

    one, two = raw_checksum(b"1"), raw_checksum(b"2")
    chains = [
        chain(),
        chain((1, one)),
        chain((2, one)),
        chain((1, two)),
        chain((1, one), (2, two)),
        chain((2, two), (1, one)),
        chain((1, two), (2, one)),
    ]
    assert len(set(chains)) == len(chains)
    assert {len(digest) for digest in chains[1:]} == {32}


def test_a_version_may_be_a_timestamp_and_must_fit_a_bigint():
    assert chain_digest(b"", 20260131235959, b"x" * 32) != chain_digest(b"", 20260131235958, b"x" * 32)
    with pytest.raises(OverflowError):
        chain_digest(b"", 2**63, b"x" * 32)

"""What is shown of a DSN."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse._core.address import UNREADABLE, describe_dsn, location_in_dsn

# Characters that appear in no other part of the texts below, so that a trace of the password is found by any of them.
SECRET = st.text("ÄÖÜß§0123", min_size=4, max_size=12)
PUNCTUATION = st.text(":/?#[]@!$&'()*+,;=% \t\n\\\"<>{}|^`~.-_", max_size=6)
HOSTS = st.sampled_from(
    [
        "host",
        "host:5432",
        "127.0.0.1:5432",
        "[::1]",
        "[::1]:5432",
        "a:1,b:2",
        "a,b",
        "%2Fvar%2Frun",
        "",
        "[fe80::1%25eth7]",
    ]
)
DATABASES = st.sampled_from(["", "/", "/shop", "/we%20ird", "/a%2Fb", "/shop?sslmode=disable", "/shop#part"])


@st.composite
def raw_passwords(draw):
    """Passwords that were written into a DSN as they are, with every character that has a meaning there."""
    return f"{draw(SECRET)}{draw(PUNCTUATION)}{draw(SECRET)}"


def traces(password: str) -> set[str]:
    return set(password) & set("ÄÖÜß§")


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://shop:pw@db.example:5433/orders", "shop@db.example:5433/orders"),
        ("postgres://shop:pw@db.example/orders", "shop@db.example/orders"),
        ("postgresql://shop@db.example/orders?password=pw", "shop@db.example/orders"),
        ("postgresql://db.example/orders?user=shop&password=pw", "shop@db.example/orders"),
        ("postgresql:///orders?host=/var/run/postgresql&port=5433", "/var/run/postgresql:5433/orders"),
        ("postgresql://%2Fvar%2Frun/orders", "/var/run/orders"),
        ("postgresql://shop:pw@[::1]:5433/orders", "shop@[::1]:5433/orders"),
        ("postgresql://shop:pw@a:1,b:2/orders", "shop@a:1,b:2/orders"),
        ("postgresql://shop%40tenant:pw@host/orders", "shop@tenant@host/orders"),
        ("postgresql://shop:p%40w@host/orders", "shop@host/orders"),
        ("postgresql://shop:p@w@host/orders", "shop@host/orders"),
        ("postgresql://shop:p:w@host/orders", "shop@host/orders"),
        ("postgresql://", "localhost"),
    ],
)
def test_everything_but_the_password_is_shown(dsn, shown):
    assert describe_dsn(dsn) == shown


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "secret",
        "host=db user=shop password=secret",
        "mysql://shop:secret@host/orders",
        "postgresql:shop:secret@host/orders",
        "postgresql://shop:secret",
        "postgresql://shop:se/cret@host/orders",
        "postgresql://shop:se?cret@host/orders",
        "postgresql://shop:se#cret@host/orders",
        "postgresql://shop:se[cret@host/orders",
        "postgresql://shop:secret%40host/orders",
        "postgresql:///?dbname=postgresql://shop:secret@host/orders",
        "postgresql:///?dbname=postgresql%3A%2F%2Fshop:secret%40host",
        "postgresql:///?dbname=user%3Dshop%20password%3Dsecret",
        "postgresql://shop%3Asecret@host/orders",
        "postgresql:///?host=shop:secret",
    ],
)
def test_nothing_is_shown_where_the_password_cannot_be_told_apart(dsn):
    assert describe_dsn(dsn) == UNREADABLE


@given(password=SECRET | raw_passwords(), host=HOSTS, database=DATABASES)
def test_a_password_that_was_not_encoded_never_shows(password, host, database):
    shown = describe_dsn(f"postgresql://shop:{password}@{host}{database}")

    assert not traces(password) & set(shown)


@given(password=SECRET | raw_passwords(), host=HOSTS, database=DATABASES)
def test_an_encoded_password_never_shows_and_hides_nothing_else(password, host, database):
    shown = describe_dsn(f"postgresql://shop:{quote(password, safe='')}@{host}{database}")

    assert not traces(password) & set(shown)
    assert shown.startswith("shop@")


@given(password=SECRET, host=HOSTS, before=st.sampled_from(["", "user=shop&", "sslmode=disable&"]))
def test_a_password_among_the_parameters_never_shows(password, host, before):
    shown = describe_dsn(f"postgresql://{host}/shop?{before}password={password}&port=1")

    assert not traces(password) & set(shown)


@given(st.text())
def test_any_text_can_be_described(text):
    assert describe_dsn(f"postgresql://{text}")
    assert describe_dsn(text) == UNREADABLE or text.lower().startswith("postgres")


@given(password=SECRET | raw_passwords(), text=st.text("postgresql:/@?#&=, dbname", max_size=20))
def test_a_password_behind_any_garbage_and_before_the_host_never_shows(password, text):
    shown = describe_dsn(f"postgresql://{text}:{password}@host/db")

    assert not traces(password) & set(shown)


@pytest.mark.parametrize(
    ("dsn", "location"),
    [
        ("postgresql://postgres@/shop?host=/tmp/x&port=5433", ("/tmp/x", 5433, "shop")),
        ("postgresql://ada:secret@db.example.org:5433/shop", ("db.example.org", 5433, "shop")),
        ("postgresql://ada@[::1]:5432/shop", ("[::1]", 5432, "shop")),
        ("postgresql://shop@localhost", ("localhost", None, "shop")),
        ("postgresql:///shop", ("localhost", None, "shop")),
        ("postgresql://ada@a:1,b:2/shop", None),
        ("postgresql://ada:sec@ret/x@localhost/shop", None),
    ],
)
def test_a_dsn_says_where_its_database_is(dsn, location):
    assert location_in_dsn(dsn) == location

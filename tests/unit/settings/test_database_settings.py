"""The limits of each setting of the database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from poolhouse.settings import DatabaseSettings

SECONDS = [
    "acquire_timeout",
    "command_timeout",
    "connect_timeout",
    "startup_timeout",
    "drain_timeout",
    "check_timeout",
    "migration_timeout",
    "max_idle",
    "max_age",
    "slow_statement",
    "long_hold",
]


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize("value", [0, -1, 86_401, "nan", "inf", "-inf", "soon", []])
def test_a_time_that_is_none_is_refused(name, value):
    with pytest.raises(ValidationError, match=name):
        DatabaseSettings(**{name: value})


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize("value", [0.001, 1, "2.5", 86_400])
def test_a_time_may_be_anything_up_to_a_day(name, value):
    assert getattr(DatabaseSettings(**{name: value}), name) == float(value)


@pytest.mark.parametrize(
    ("sizes", "name"),
    [
        ({"min_size": -1}, "min_size"),
        ({"max_size": 0}, "max_size"),
        ({"max_size": 10_001}, "max_size"),
        ({"max_size": 2.5}, "max_size"),
        ({"min_size": 1, "max_size": "ten"}, "max_size"),
    ],
)
def test_a_size_that_is_none_is_refused(sizes, name):
    with pytest.raises(ValidationError, match=name):
        DatabaseSettings(**sizes)


@given(st.integers(0, 50), st.integers(1, 50))
def test_the_least_size_is_at_most_the_greatest(least, greatest):
    if least <= greatest:
        assert DatabaseSettings(min_size=least, max_size=greatest).min_size == least
    else:
        with pytest.raises(ValidationError, match=rf"min_size \({least}\) is greater than max_size \({greatest}\)"):
            DatabaseSettings(min_size=least, max_size=greatest)


@pytest.mark.parametrize("name", ["", "x" * 64, "naïve", "a\nb", "a\0b"])
def test_a_name_that_postgresql_would_change_is_refused(name):
    with pytest.raises(ValidationError, match="application_name"):
        DatabaseSettings(application_name=name)


def test_a_name_of_63_printable_characters_is_kept():
    assert DatabaseSettings(application_name="shop / 1 " * 7).application_name == "shop / 1 " * 7


@pytest.mark.parametrize("dsn", ["postgresql://", "postgres://u:p@h/d", "postgresql:///d?host=/run"])
def test_both_schemes_of_a_dsn_are_taken(dsn):
    assert DatabaseSettings(dsn=dsn).dsn.get_secret_value() == dsn


@pytest.mark.parametrize(
    "dsn", ["", "host=db", "mysql://h/d", "POSTGRESQL://h/d", "postgresql:/h", "postgresql://h\0/d"]
)
def test_what_is_no_dsn_is_refused(dsn):
    with pytest.raises(ValidationError, match="a DSN"):
        DatabaseSettings(dsn=dsn)


def test_a_name_that_is_no_setting_is_refused():
    with pytest.raises(ValidationError, match="max_sise"):
        DatabaseSettings(max_sise=3)


@pytest.mark.parametrize(
    "limits", [{"reports": 0}, {"reports": -1}, {"reports": 1.5}, {"reports": 4}, {"": 1}, {" x": 1}]
)
def test_a_limit_of_a_service_that_could_never_be_reached_is_refused(limits):
    with pytest.raises(ValidationError, match="max_connections"):
        DatabaseSettings(max_size=3, max_connections=limits)


def test_a_limit_of_a_service_may_be_all_connections():
    assert DatabaseSettings(max_size=3, max_connections={"reports": 3, "users": 1}).max_connections["reports"] == 3


def test_all_contradictions_are_said_at_once():
    with pytest.raises(ValidationError) as caught:
        DatabaseSettings(min_size=5, max_size=3, max_connections={"reports": 4, "users ": 1, "orders": 7})
    assert [(fault["loc"], fault["msg"]) for fault in caught.value.errors()] == [
        ((), "min_size (5) is greater than max_size (3)"),
        (("max_connections", "reports"), "4 is above max_size (3)"),
        (
            ("max_connections",),
            "'users ' is not a legal identifier: it starts or ends with white space or a control character",
        ),
        (("max_connections", "orders"), "7 is above max_size (3)"),
    ]


@pytest.mark.parametrize("prefix", ["pg_", "pg_svc_", " svc_", "a\0b", "x" * 32])
def test_a_prefix_that_no_role_can_have_is_refused(prefix):
    with pytest.raises(ValidationError, match="role_prefix"):
        DatabaseSettings(role_prefix=prefix)


@pytest.mark.parametrize("prefix", ["", "svc_", "shop: ", "Geschäft_", "PG_"])
def test_a_prefix_may_be_whatever_a_role_can_begin_with(prefix):
    assert DatabaseSettings(role_prefix=prefix).role_prefix == prefix

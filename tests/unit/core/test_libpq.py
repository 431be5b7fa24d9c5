from __future__ import annotations

import pytest

from poolhouse._core.libpq import environment_of, settings_of


def environment(dsn, **settings):
    return environment_of(dsn, application_name="shop/psql", settings=settings)


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        (
            "postgresql://ada:p%40ss@db.example.org:5433/shop?sslmode=require",
            {
                "PGHOST": "db.example.org",
                "PGPORT": "5433",
                "PGUSER": "ada",
                "PGPASSWORD": "p@ss",
                "PGDATABASE": "shop",
                "PGSSLMODE": "require",
            },
        ),
        (
            "postgresql://ada@/shop?host=/tmp/x&port=5432",
            {"PGHOST": "/tmp/x", "PGPORT": "5432", "PGUSER": "ada", "PGDATABASE": "shop"},
        ),
        ("postgresql://a:1,[::1]:2/shop", {"PGHOST": "a,::1", "PGPORT": "1,2", "PGDATABASE": "shop"}),
        ("postgresql://localhost/shop?password=geheim", {"PGHOST": "localhost", "PGDATABASE": "shop"}),
    ],
)
def test_what_a_dsn_says_is_in_the_variables_of_libpq(dsn, expected):
    found = environment(dsn)
    secret = {"PGPASSWORD": "geheim"} if "geheim" in dsn else {}

    assert found == {**expected, **secret, "PGAPPNAME": "shop/psql"}


def test_settings_of_the_server_are_options_of_the_session():
    found = environment("postgresql://a/b?statement_timeout=5s", **settings_of('my "schema', "svc_users"))

    assert found["PGOPTIONS"] == r'-c statement_timeout=5s -c search_path="my\ ""schema",\ public -c role=svc_users'


def test_the_password_of_a_key_is_left_to_be_asked_for():
    assert "geheim" not in str(environment("postgresql://a/b?sslkey=/k&sslpassword=geheim"))

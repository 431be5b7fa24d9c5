from __future__ import annotations

import pytest

from poolhouse._core.roles import Claim, Gap, GapKind, batches, describe, merge, role_of, statements
from poolhouse.errors import IdentifierError

OF_A_LOGIN = {
    GapKind.LOGIN,
    GapKind.MEMBER,
    GapKind.NEW_TABLES,
    GapKind.NEW_SEQUENCES,
    GapKind.NEW_ROUTINES,
}


def gap(kind, name="", by=""):
    return Gap(kind, "users", "svc_users", name, by)


def test_a_role_is_called_like_its_service_with_the_prefix():
    assert role_of("users", "svc_") == "svc_users"


@pytest.mark.parametrize(
    ("service", "fits"), [("u" * 59, True), ("u" * 60, False), ("ü" * 29, True), ("ü" * 30, False)]
)
def test_a_role_s_name_that_the_server_would_cut_is_refused(service, fits):
    if fits:
        assert role_of(service, "svc_").endswith(service)
        return
    with pytest.raises(IdentifierError, match="Shorten role_prefix"):
        role_of(service, "svc_")


def test_what_several_managers_claim_for_one_service_is_one_claim():
    claims = [
        Claim("users", "svc_users", ("b",), (("c", "t"), ("a", "own"))),
        Claim("orders", "svc_orders", ("orders",)),
        Claim("users", "svc_users", ("a", "b"), (("c", "t"),)),
    ]
    assert merge(claims) == (
        Claim("orders", "svc_orders", ("orders",)),
        Claim("users", "svc_users", ("b", "a"), (("c", "t"),)),
    )


@pytest.mark.parametrize("kind", GapKind)
def test_every_gap_can_be_told_and_is_mended_by_sql_unless_it_can_wait_or_must_not_be(kind):
    by = (
        "app"
        if kind in {GapKind.LOGIN, GapKind.MEMBER, GapKind.NEW_TABLES, GapKind.NEW_SEQUENCES, GapKind.NEW_ROUTINES}
        else ""
    )
    (sentence,) = describe([gap(kind, "users.t", by)])
    assert sentence.startswith("role 'svc_users' ")
    assert "{" not in sentence
    sql = statements([gap(kind, "users.t", by)])
    assert bool(sql) is not (kind.can_wait or kind.is_somebody_s)
    assert all("{" not in each and each.endswith(";") for each in sql.get("users", ()))


def test_what_must_be_there_first_comes_first():
    gaps = [
        gap(GapKind.LEFT_TABLE, "o.t"),
        gap(GapKind.TABLE, "users.a"),
        gap(GapKind.USAGE, "users"),
        gap(GapKind.ROLE),
    ]
    assert statements(gaps)["users"] == (
        'CREATE ROLE "svc_users" NOLOGIN;',
        'GRANT USAGE ON SCHEMA users TO "svc_users";',
        'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE users.a TO "svc_users";',
        'REVOKE ALL ON TABLE o.t FROM "svc_users";',
    )


def test_many_names_share_a_statement_but_not_too_many():
    sql = statements([gap(GapKind.TABLE, f"users.t{number}") for number in range(450)])["users"]
    assert [each.count("users.t") for each in sql] == [200, 200, 50]


def test_many_names_are_not_all_told():
    (sentence,) = describe([gap(GapKind.USAGE, f"s{number}") for number in range(9)])
    assert sentence == "role 'svc_users' may not look into s0, s1, s2 and 6 more"


def test_batches_keep_the_order_in_which_things_can_be_done():
    gaps = [gap(GapKind.TABLE, f"users.t{number}") for number in range(4)] + [gap(GapKind.ROLE)]
    cut = batches(gaps, 2)
    assert [len(each) for each in cut] == [2, 2, 1]
    assert cut[0][0].kind is GapKind.ROLE
    assert {each for batch in cut for each in batch} == set(gaps)

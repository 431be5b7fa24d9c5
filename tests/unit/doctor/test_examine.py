"""What is said of settings and servers that do not fit each other; nothing here needs a server."""

from __future__ import annotations

import pytest

from poolhouse._core.doctor import examine
from tests.unit.doctor.conftest import POOL, SERVER


def test_what_fits_is_told_to_be_fine(findings):
    assert findings() == []
    assert {finding.place for finding in examine(POOL, SERVER)} == {"the server", "max_size", "dsn"}
    assert all(finding.remedy is None for finding in examine(POOL, SERVER))


def test_the_worst_comes_first(findings):
    found = findings(pool={"command_timeout": None}, server={"version": 130_000, "is_encrypted": False})
    assert [finding.level for finding in found] == ["fault", "warning", "advice"]


def test_whatever_is_not_fine_has_a_remedy(findings):
    found = findings(
        pool={"command_timeout": None, "max_size": 200, "max_connections": {"user": 200}, "connect_timeout": 60.0},
        server={"is_encrypted": False, "is_standby": True, "role_limit": 1, "database_limit": 1, "own": 5000},
    )
    assert len(found) > 9
    assert all(finding.remedy for finding in found)


@pytest.mark.parametrize(("version", "level"), [(139_999, "fault"), (190_001, "warning")])
def test_a_server_that_is_too_old_or_too_new_is_told(only, version, level):
    finding = only(server={"version": version})
    assert (finding.level, finding.place) == (level, "the server")


@pytest.mark.parametrize("version", [140_000, 150_018, 180_099])
def test_a_supported_server_is_fine(findings, version):
    assert findings(server={"version": version}) == []


def test_a_pool_that_is_too_large_is_told_both_numbers_that_would_do(only):
    finding = only(pool={"processes": 8, "max_size": 20}, server={"others": 7, "reserved_connections": 2})
    assert (finding.level, finding.place) == ("fault", "max_size")
    assert finding.fact == (
        "8 processes with 20 connections and 1 for migrations and 7 of others make 175, and there are 95 "
        "(max_connections 100, 5 reserved)"
    )
    assert finding.remedy == "Set max_size to 10 or less, or max_connections to 180 or more"


def test_a_server_without_any_room_needs_more(only):
    assert only(server={"others": 96}).remedy == "Set max_connections to 110 or more"


def test_a_tight_fit_is_advised_against(only):
    finding = only(pool={"processes": 8})
    assert finding.level == "advice"
    assert "hardly any" in finding.fact


def test_open_connections_tell_of_more_processes_than_were_said(findings):
    found = findings(server={"own": 95})
    assert "95 connections named 'shop' are open, which takes 10 processes" in found[1].fact
    assert "10 processes with 10" in found[0].fact


def test_the_limit_of_the_role_counts_its_own_connections_only(only):
    finding = only(pool={"processes": 2}, server={"role_limit": 21, "others": 20})
    assert "the role 'shop' has a CONNECTION LIMIT of 21" in finding.fact
    assert finding.remedy == "Set max_size to 9 or less, or the role's limit to 22 or more"


def test_where_another_role_migrates_its_connections_do_not_count(findings):
    assert findings(pool={"processes": 2, "has_migration_dsn": True}, server={"role_limit": 20}) == []


def test_the_limit_of_the_database_counts_all_of_its_connections(only):
    finding = only(server={"database_limit": 20, "others": 12, "others_here": 12})
    assert "the database 'shop' has a CONNECTION LIMIT of 20" in finding.fact
    assert finding.remedy == "Set max_size to 7 or less, or the database's limit to 23 or more"


def test_superusers_are_not_held_to_the_limits_of_role_and_database(findings):
    assert findings(server={"is_superuser": True, "role_limit": 1, "database_limit": 1}) == []


def test_a_limit_for_what_is_no_service_is_told_the_nearest_that_is(only):
    finding = only(pool={"max_connections": {"user": 2}})
    assert (finding.level, finding.remedy) == ("warning", "Did you mean users?")


def test_a_limit_for_a_service_of_an_unknown_container_is_nobodys_business(findings):
    assert findings(pool={"max_connections": {"user": 2}, "services": frozenset()}) == []


def test_a_limit_that_limits_nothing_is_told(only):
    assert "which is all that max_size allows" in only(pool={"max_connections": {"users": 10}}).fact


def test_limits_that_leave_connections_unused_are_told(only):
    finding = only(pool={"max_connections": {"users": 2, "orders": 5}})
    assert finding.remedy == "Lower max_size to 7, or raise a limit"


def test_statements_without_any_limit_are_advised_against_in_production_only(findings, only):
    assert only(pool={"command_timeout": None}).place == "command_timeout"
    assert findings(pool={"command_timeout": None, "is_production": False}) == []


def test_a_limit_that_the_server_undercuts_is_told(findings):
    found = {finding.place: finding for finding in findings(server={"statement_timeout": 10.0})}
    assert "ends statements after 10 s" in found["command_timeout"].fact
    assert "those of migrations too" in found["the server's statement_timeout"].fact


def test_a_limit_below_the_servers_is_fine(findings):
    assert findings(pool={"has_migration_dsn": True}, server={"statement_timeout": 60.0}) == []


def test_a_statement_that_can_never_be_slow_is_told(only):
    assert only(pool={"slow_statement": 30.0}).place == "slow_statement"


def test_forgotten_transactions_are_told_where_the_server_does_not_end_them(only):
    finding = only(server={"idle_in_transaction_session_timeout": 0, "role": 'a"b'})
    assert finding.remedy == """ALTER ROLE "a""b" SET idle_in_transaction_session_timeout = '60s'"""


def test_a_server_that_ends_transactions_which_wait_is_told(only):
    finding = only(server={"idle_in_transaction_session_timeout": 5.0})
    assert (finding.level, finding.remedy) == ("warning", "Set acquire_timeout below 5, or raise it")


@pytest.mark.parametrize(("limit", "least"), [(299.0, 0), (300.0, 0), (1000.0, 1)])
def test_a_server_that_cuts_idle_connections_is_told(only, limit, least):
    finding = only(pool={"min_size": least}, server={"idle_session_timeout": limit})
    assert (finding.level, finding.place) == ("warning", "the server's idle_session_timeout")


def test_a_server_that_cuts_idle_connections_after_the_pool_did_is_fine(findings):
    assert findings(pool={"min_size": 0}, server={"idle_session_timeout": 301.0}) == []


def test_an_attempt_that_takes_the_whole_start_is_told(only):
    assert only(pool={"connect_timeout": 30.0}).place == "connect_timeout"


def test_an_open_line_to_another_host_is_told(only):
    assert "not encrypted" in only(server={"is_encrypted": False}).fact


def test_an_open_line_within_the_machine_is_fine(findings):
    assert findings(pool={"is_local": True}, server={"is_encrypted": False}) == []


def test_a_certificate_that_nobody_checks_is_told_where_users_are_served(only, findings):
    finding = only(pool={"is_verified": False})
    assert (finding.level, finding.place) == ("advice", "dsn")
    assert "sslmode=verify-full" in finding.remedy
    for other in ({"is_production": False}, {"is_local": True}):
        assert findings(pool={"is_verified": False, **other}) == []


def test_a_standby_is_told(only):
    assert only(server={"is_standby": True}).level == "fault"


def test_a_role_that_may_not_create_roles_is_told_only_where_it_has_to(findings, only):
    assert only(server={"may_create_roles": False}).place == "service_roles"
    assert findings(pool={"service_roles": "existing"}, server={"may_create_roles": False}) == []
    assert findings(server={"may_create_roles": False, "is_superuser": True}) == []
    assert findings(pool={"has_migration_dsn": True}, server={"may_create_roles": False}) == []


@pytest.mark.parametrize(
    ("path", "level"),
    [(("legacy", "public"), "advice"), (("legacy", "pg_catalog"), "warning"), (("pg_catalog", "public"), "advice")],
)
def test_a_search_path_of_role_or_database_is_told(only, path, level):
    assert only(server={"search_path": path}).level == level


POOLED = {"is_pooled": True, "is_encrypted": None, "max_connections": 5}


def test_behind_a_pooler_the_servers_limits_are_not_ours(findings):
    found = findings(pool={"pooler": "session", "has_migration_dsn": True}, server={**POOLED, "role_limit": 1})
    assert [finding.place for finding in found] == ["max_size"]
    assert "up to 11 connections go to the pooler" in found[0].fact


def test_behind_a_pooler_migrations_are_told_to_go_past_it(findings):
    assert findings(server=POOLED)[0].place == "migration_dsn"


def test_what_a_pooler_by_transaction_does_is_told(findings):
    places = {finding.place for finding in findings(pool={"pooler": "transaction"}, server=POOLED)}
    assert places == {"pooler", "statement_cache_size", "max_size", "migration_dsn"}


def test_a_pooler_that_there_should_not_be_is_told(findings):
    assert findings(pool={"pooler": "none"}, server=POOLED)[0].level == "fault"


@pytest.mark.parametrize("pooler", ["session", "transaction"])
def test_a_pooler_that_is_not_there_is_told(only, pooler):
    assert only(pool={"pooler": pooler}).fact == f"it is {pooler}, and there is no pooler"

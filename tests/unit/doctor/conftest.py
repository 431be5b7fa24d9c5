from __future__ import annotations

from dataclasses import replace

import pytest

from poolhouse._core.doctor import PoolFacts, ServerFacts, examine

POOL = PoolFacts(
    min_size=2,
    max_size=10,
    max_connections={},
    acquire_timeout=5.0,
    command_timeout=30.0,
    connect_timeout=10.0,
    startup_timeout=30.0,
    max_idle=300.0,
    slow_statement=1.0,
    service_roles="managed",
    pooler="detect",
    application_name="shop",
    has_migration_dsn=False,
    statement_cache_size=100,
    is_local=False,
    services=frozenset({"users", "orders"}),
)
SERVER = ServerFacts(
    version=180_000,
    max_connections=100,
    superuser_reserved_connections=3,
    reserved_connections=0,
    own=0,
    others=0,
    others_here=0,
    database="shop",
    database_limit=-1,
    role="shop",
    role_limit=-1,
    is_superuser=False,
    may_create_roles=True,
    is_pooled=False,
    is_encrypted=True,
    is_standby=False,
    idle_in_transaction_session_timeout=60.0,
)


@pytest.fixture
def findings():
    """Examine a pool and a server that fit each other but for what is given, and return what is not fine."""

    def build(*, pool=None, server=None):
        found = examine(replace(POOL, **(pool or {})), replace(SERVER, **(server or {})))
        return [finding for finding in found if finding.level != "fine"]

    return build


@pytest.fixture
def only(findings):
    """Return the one thing that is not fine."""

    def build(**facts):
        (finding,) = findings(**facts)
        return finding

    return build

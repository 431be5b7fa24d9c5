from __future__ import annotations

import uuid

import pytest
import pytest_asyncio

from poolhouse.schema import SchemaManager
from poolhouse.testing.plugin import _execute, _run, with_database
from tests.integration.isolation.ground import ACTOR, OTHER, Ground
from tests.integration.isolation.stage import Stage


@pytest.fixture(scope="module")
def ground(postgres):
    """One database for a module's tests, laid out for two services."""
    name = f"poolhouse_test_{uuid.uuid4().hex[:16]}"
    _run(_execute(postgres, f'CREATE DATABASE "{name}" TEMPLATE template0'))
    roles = {service: f"{service} {uuid.uuid4().hex[:8]}" for service in (ACTOR, OTHER)}
    ground = Ground(with_database(postgres, name), roles)
    _run(ground.lay())
    yield ground
    _run(_execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)'))
    for role in roles.values():
        _run(_execute(postgres, f'DROP ROLE "{role}"'))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def set_stage(ground):
    """Give services a pool of a single connection, the same for all of a module's tests that want the same pool."""
    pools = {}

    async def build(*, has_roles: bool, **changes) -> Stage:
        kind = (has_roles, *sorted(changes.items()))
        if kind not in pools:
            pools[kind] = await ground.open(has_roles=has_roles, **changes)
        pool = pools[kind]
        return Stage(ground, pool, SchemaManager(pool, schema=ACTOR), SchemaManager(pool, schema=OTHER))

    yield build
    for pool in pools.values():
        await pool.close()

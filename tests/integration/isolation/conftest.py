from __future__ import annotations

import uuid

import pytest
import pytest_asyncio

from poolhouse.schema import SchemaManager
from tests.integration.at_once import execute, run
from tests.integration.isolation.ground import ACTOR, OTHER, Ground
from tests.integration.isolation.stage import Stage


@pytest.fixture(scope="module")
def ground(new_database, postgres):
    """One database for a module's tests, laid out for two services."""
    roles = {service: f"{service} {uuid.uuid4().hex[:8]}" for service in (ACTOR, OTHER)}
    with new_database() as dsn:
        ground = Ground(dsn, roles)
        run(ground.lay())
        yield ground
    run(execute(postgres, *(f'DROP ROLE "{role}"' for role in roles.values())))


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

"""More than a hundred ways in which a service changes its session, and what the next one sees of each: nothing."""

from __future__ import annotations

import asyncpg
import pytest

from tests.integration.isolation.deeds import DEEDS
from tests.integration.isolation.fingerprint import fingerprint
from tests.integration.isolation.ground import ACTOR
from tests.integration.isolation.ways import SENT, Connection

# One pool for all, which must look fresh again after every single one of them.
pytestmark = pytest.mark.asyncio(loop_scope="module")

WAYS = [*SENT, *DEEDS]
named = {"ids": lambda way: way.name}
PID = "SELECT pg_backend_pid()"


@pytest.mark.parametrize("has_roles", [True, False], ids=["roles", "no roles"])
@pytest.mark.parametrize("way", WAYS, **named)
async def test_another_service_sees_nothing_on_the_same_connection(set_stage, way, has_roles):
    stage = await set_stage(has_roles=has_roles)
    before = await stage.actor.fetchval(PID)
    await way.act(stage)
    await stage.looks_fresh_to(stage.other)
    assert way.sees is None or not await way.sees(stage.other, stage)
    after = await stage.other.fetchval(PID)
    assert way.connection is Connection.EITHER or (after == before) is (way.connection is Connection.KEPT)


@pytest.mark.parametrize("way", WAYS, **named)
async def test_the_same_service_sees_what_only_a_function_did(set_stage, way):
    stage = await set_stage(has_roles=True)
    await way.act(stage)
    if way.stays:
        sees = way.sees is not None and await way.sees(stage.actor, stage)
        assert sees or await fingerprint(stage.actor) != await stage.ground.fresh_session(ACTOR, has_roles=True)
        await stage.looks_fresh_to(stage.other)
    else:
        await stage.looks_fresh_to(stage.actor)
        assert way.sees is None or not await way.sees(stage.actor, stage)


@pytest.mark.parametrize("way", WAYS, **named)
async def test_the_same_service_sees_nothing_where_each_use_is_cleared(set_stage, way):
    stage = await set_stage(has_roles=True, reset="always")
    await way.act(stage)
    await stage.looks_fresh_to(stage.actor)
    assert way.sees is None or not await way.sees(stage.actor, stage)


@pytest.mark.parametrize("way", SENT, **named)
async def test_every_way_that_is_sent_changes_a_session_that_nobody_clears(ground, way):
    connection = await asyncpg.connect(ground.dsn, server_settings={"application_name": "isolation"})
    await connection.execute(ground.fill('SET ROLE "{actor}"'))
    before = await fingerprint(connection)
    await connection.execute(ground.fill(way.sql))
    try:
        assert (way.sees is not None and await way.sees(connection, ground)) or await fingerprint(connection) != before
    except (asyncpg.PostgresError, asyncpg.InternalClientError):
        # It changed so much that nobody can even ask. Where the server ends the session in this very moment, the driver
        # says that it does not know what it is doing.
        assert way.name.endswith("_timeout") or "ALL" in way.name
    finally:
        await connection.close()


async def test_there_are_as_many_ways_as_it_takes():
    assert len({way.name for way in WAYS}) == len(WAYS) > 100

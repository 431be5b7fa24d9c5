"""The reference application behind PgBouncer, from migrating to serving."""

from __future__ import annotations

import asyncio

import pytest

from app.settings import Settings
from containers.application import ApplicationContainer
from poolhouse.settings import Profile
from poolhouse.testing.databases import role_prefix
from services.users.models import NewUser
from tests.integration.pgbouncer import left_behind, nothing, pgbouncer


@pytest.fixture
def application(database):
    with pgbouncer(database, mode="transaction") as dsn:

        def build():
            database_settings = {"dsn": dsn, "min_size": 1, "max_size": 4, "role_prefix": role_prefix(database)}
            return ApplicationContainer(settings=Settings(profile=Profile.TEST, database=database_settings))

        yield build, dsn


async def test_processes_that_start_together_migrate_take_on_roles_and_serve(application):
    build, dsn = application

    async def run(number):
        async with build() as started:
            users = started.users.service()
            user = await users.register(NewUser(email=f"{number}@example.com", name="Ada"))
            assert (await users.get(user.id)).name == "Ada"
            return [report.applied for report in started.report.migrations]

    applied = await asyncio.gather(*(asyncio.create_task(run(number)) for number in range(4)))
    assert sorted(version for one in applied for report in one for version in report) == [1, 1, 1]
    assert await run("later") == [(), (), ()]
    assert await left_behind(dsn) == [nothing(), nothing()]

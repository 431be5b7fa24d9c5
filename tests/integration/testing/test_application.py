from __future__ import annotations

import asyncpg
import pytest

from poolhouse.errors import UniqueViolationError
from services.users import NewUser

ADA = NewUser(email="ada@example.com", name="Ada")

# Each of these runs twice: the second sees whether the first has left anything, whichever that is.
twice = pytest.mark.parametrize("nth", [1, 2])
in_session_loop = pytest.mark.asyncio(loop_scope="session")


async def register(application):
    assert await application.users.db().fetchval("SELECT count(*) FROM {{tables.users}}") == 0
    await application.users.service().register(ADA)


async def committed(application):
    """Count the users that somebody else sees."""
    observer = await asyncpg.connect(application.settings().database.dsn.get_secret_value())
    try:
        return await observer.fetchval("SELECT count(*) FROM users.users")
    finally:
        await observer.close()


@twice
async def test_what_a_test_does_is_undone(application, nth):
    await register(application)
    assert await committed(application) == 0


@twice
@in_session_loop
async def test_what_a_test_does_is_undone_in_a_loop_that_tests_share(application, nth):
    await register(application)
    assert await committed(application) == 0


@twice
@pytest.mark.clone
async def test_a_test_has_a_database_of_its_own(application, nth):
    await register(application)
    assert await committed(application) == 1


@twice
@pytest.mark.clone
@in_session_loop
async def test_a_test_has_a_database_of_its_own_in_a_loop_that_tests_share(application, nth):
    await register(application)
    assert await committed(application) == 1


class TestNearestMarker:
    pytestmark = pytest.mark.clone

    async def test_of_a_class_it_is(self, application):
        await register(application)
        assert await committed(application) == 1

    @pytest.mark.rollback
    async def test_of_a_method_it_is(self, application):
        await register(application)
        assert await committed(application) == 0


async def test_services_have_their_roles(application):
    users, orders = (service.db() for service in (application.users, application.orders))
    roles = [await db.fetchval("SELECT current_user") for db in (users, orders)]
    assert roles == [application.pool().roles["users"], application.pool().roles["orders"]]
    assert all(role.startswith("poolhouse_test_") for role in roles)


async def test_it_is_the_application_of_the_profile_test(application):
    settings = application.settings()
    assert (settings.profile, settings.embedded.enabled) == ("test", False)
    assert "/poolhouse_test_" in settings.database.dsn.get_secret_value()


async def test_objects_that_are_built_before_the_test_work_in_it(application):
    db = application.users.db()
    async with db.transaction():
        await db.execute("INSERT INTO {{tables.users}} (email, name) VALUES ('ada@example.com', 'Ada')")
    with pytest.raises(UniqueViolationError):
        await db.execute("INSERT INTO {{tables.users}} (email, name) VALUES ('ADA@example.com', 'Ada')")


@twice
@in_session_loop
async def test_a_test_may_stop_the_application_that_tests_share(application, nth):
    await register(application)
    await application.shutdown_resources()
    assert not application.pool().is_open


@twice
@in_session_loop
async def test_an_override_that_is_left_behind_is_in_no_other_test(application, nth):
    await register(application)
    application.users.service.override(object())


@in_session_loop
async def test_connections_are_shared(application):
    # One for the test, whichever came before.
    assert application.pool().statistics().opened <= 2

from __future__ import annotations

import asyncio

import pytest
from dependency_injector import providers

from poolhouse.container import Container, LifecycleState
from poolhouse.errors import LifecycleError, WiringError


class Service:
    def __init__(self, need):
        self.need = need


@pytest.fixture
def application(handle):
    class Users(Container):
        pool = providers.Dependency()
        own = providers.Resource(handle, "own", pool)
        service = providers.Factory(Service, own)

    class Orders(Container):
        users = providers.Dependency()
        service = providers.Factory(Service, users)

    class Application(Container):
        pool = providers.Resource(handle, "pool")
        users = providers.Container(Users, pool=pool)
        orders = providers.Container(Orders, users=users.service)

    return Application


async def test_a_pool_given_to_the_constructor_reaches_every_part(application, journal):
    pool = object()
    async with application(pool=pool) as app:
        assert app.users.own().needs == (pool,)
    assert journal == ["open own", "close own"]


async def test_an_override_of_one_container_does_not_reach_another(application):
    first, second = application(), application()
    with first.users.service.override("fake"):
        assert first.orders.service().need == "fake"
        assert isinstance(second.orders.service().need, Service)
        assert isinstance(application().orders.service().need, Service)


async def test_a_fake_is_seen_at_once_by_what_is_resolved_later_and_no_more_after_the_block(application):
    async with application() as app:
        before = app.orders.service()
        with app.users.service.override("fake"):
            assert app.orders.service().need == "fake"
            assert isinstance(before.need, Service)
        assert isinstance(app.orders.service().need, Service)


async def test_a_resource_overridden_before_the_start_is_not_started(application, journal):
    app = application()
    with app.users.own.override("fake"):
        async with app:
            assert app.users.service().need == "fake"
    assert journal == ["open pool", "close pool"]


async def test_leaving_an_override_while_started_still_stops_what_was_started(application, handle, journal):
    app = application()
    with app.users.own.override(providers.Resource(handle, "other")):
        await app.init_resources()
    assert journal == ["open pool", "open other"]
    await app.shutdown_resources()
    assert journal[2:] == ["close other", "close pool"]


async def test_an_override_made_while_started_leaves_the_started_resource_to_the_shutdown(application, journal):
    app = application()
    await app.init_resources()
    with app.users.own.override("fake"):
        await app.shutdown_resources()
    assert journal == ["open pool", "open own", "close own", "close pool"]


async def test_overriding_with_a_resource_starts_and_stops_it_with_the_block(application, handle, journal):
    async with application() as app:
        journal.clear()
        async with app.overriding(app.users.own, providers.Resource(handle, "other")):
            assert journal == ["open other"]
            assert app.orders.service().need.need.name == "other"
            assert app.orders.service().need.need.is_open
        assert journal == ["open other", "close other"]
        assert app.orders.service().need.need.name == "own"


async def test_overriding_starts_what_the_replacement_needs_and_nothing_that_runs_already(application, handle, journal):
    async with application() as app:
        journal.clear()
        needed = providers.Resource(handle, "needed", app.pool)
        async with app.overriding(app.users.service, providers.Factory(Service, needed)):
            assert app.orders.service().need.need.is_open
        assert journal == ["open needed", "close needed"]


async def test_overriding_nests(application, handle, journal):
    async with application() as app:
        journal.clear()
        outer, inner = providers.Resource(handle, "outer"), providers.Resource(handle, "inner")
        async with app.overriding(app.users.own, outer):
            async with app.overriding(app.users.own, inner):
                assert app.users.own().name == "inner"
            assert app.users.own().name == "outer"
        assert journal == ["open outer", "open inner", "close inner", "close outer"]


async def test_the_replacement_is_seen_only_while_it_is_open(application):
    async with application() as app:
        seen = []

        async def watching():
            seen.append(app.users.own().name)
            yield "replacement"
            seen.append(app.users.own().name)

        async with app.overriding(app.users.own, providers.Resource(watching)):
            assert app.users.own() == "replacement"
        assert seen == ["own", "own"]


async def test_overlapping_blocks_may_end_in_any_order(application):
    async with application() as app:
        first = app.overriding(app.users.service, "first")
        second = app.overriding(app.users.service, "second")
        await first.__aenter__()
        await second.__aenter__()
        await first.__aexit__(None, None, None)
        assert app.orders.service().need == "second"
        await second.__aexit__(None, None, None)
        assert isinstance(app.orders.service().need, Service)


async def test_overrides_taken_back_by_somebody_else_do_not_disturb_the_end_of_the_block(application):
    async with application() as app:
        async with app.overriding(app.users.service, "fake"):
            app.users.service.reset_override()
        assert isinstance(app.orders.service().need, Service)


async def test_overriding_where_nothing_is_started_starts_nothing(application, handle, journal):
    app = application()
    async with app.overriding(app.users.own, providers.Resource(handle, "other")):
        assert app.users.own().name == "other"
        assert journal == []
        async with app:
            assert journal == ["open pool", "open other"]
    assert journal[2:] == ["close other", "close pool"]


async def test_a_part_of_a_container_overrides_in_the_whole(application, handle, journal):
    async with application() as app:
        journal.clear()
        async with app.users.overriding(app.users.own, providers.Resource(handle, "other")):
            assert app.users.own().is_open
        assert journal == ["open other", "close other"]


async def test_a_replacement_that_fails_to_start_is_not_put_in_force(application):
    fault = ValueError("broken")

    def broken():
        raise fault

    async with application() as app:
        with pytest.raises(ValueError, match="broken"):
            async with app.overriding(app.users.own, providers.Resource(broken)):
                raise AssertionError
        assert fault.__notes__ == ["while starting users.own"]
        assert app.users.own().name == "own"


async def test_a_replacement_is_stopped_when_the_block_fails(application, handle, journal):
    async with application() as app:
        with pytest.raises(ValueError, match="of the block"):
            async with app.overriding(app.users.own, providers.Resource(handle, "other")):
                raise ValueError("of the block")
        assert journal[-1] == "close other"
        assert app.users.own().name == "own"


async def test_a_replacement_that_fails_to_stop_says_so(application):
    def stuck():
        yield
        raise ValueError("stuck")

    async with application() as app:
        with pytest.raises(ExceptionGroup, match="an override did not stop cleanly") as caught:
            async with app.overriding(app.users.own, providers.Resource(stuck)):
                pass
        assert caught.value.exceptions[0].__notes__ == ["while stopping users.own"]
        assert app.users.own().name == "own"


async def test_a_block_cancelled_at_any_moment_stops_the_replacement(application, handle, journal):
    async with application() as app:
        for moment in range(1, 100):
            del journal[:]
            is_done = False

            async def block():
                nonlocal is_done
                async with app.overriding(app.users.own, providers.Resource(handle, "other")):
                    await asyncio.sleep(0)
                is_done = True

            task = asyncio.create_task(block())
            for _ in range(moment):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait((task,))
            assert app.users.own().name == "own"
            assert journal in ([], ["close other"], ["open other", "close other"])
            assert app.state is LifecycleState.STARTED
            if is_done:
                break
        assert 5 < moment < 99
    assert len(asyncio.all_tasks()) == 1


async def test_a_container_that_stops_within_the_block_stops_the_replacement_first(application, handle, journal):
    app = application()
    await app.init_resources()
    async with app.overriding(app.users.own, providers.Resource(handle, "other", app.pool)):
        await app.shutdown_resources()
        assert journal[-3:] == ["close other", "close own", "close pool"]
    assert journal[-1] == "close pool"


async def test_overriding_something_of_another_container_is_refused(application, handle):
    async with application() as app:
        with pytest.raises(WiringError, match="is no part of this container"):
            async with app.overriding(providers.Factory(Service), "fake"):
                pass


async def test_a_replacement_that_needs_what_it_replaces_is_refused_as_a_circle(application):
    async with application() as app:
        with pytest.raises(WiringError, match=r"in a circle: users\.service"):
            async with app.overriding(app.users.service, providers.Factory(Service, app.users.service)):
                pass
        assert isinstance(app.users.service(), Service)


async def test_what_a_replacement_was_used_for_before_does_not_make_it_asynchronous(application):
    async def generator():
        yield "it"

    replacement = providers.Resource(generator)
    assert await replacement() == "it"
    await replacement.shutdown()
    async with application() as app, app.overriding(app.users.own, replacement):
        assert app.users.service().need == "it"


async def test_a_replacement_is_not_opened_by_its_use_after_the_block(application):
    def generator():
        yield "it"

    replacement = providers.Resource(generator)
    async with application() as app:
        async with app.overriding(app.users.own, replacement):
            pass
        with pytest.raises(LifecycleError, match=r"resource users\.own is not open"):
            replacement()


async def test_blocks_that_ended_are_forgotten(application, handle):
    async with application() as app:
        for _ in range(3):
            async with app.overriding(app.users.own, providers.Resource(handle, "other")):
                pass
        assert app._lifecycle._parts == []

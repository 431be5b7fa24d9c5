from __future__ import annotations

import pytest
from dependency_injector import providers

from poolhouse.container import Container, sealing
from poolhouse.errors import LifecycleError, WiringError


class Repository:
    def __init__(self, pool):
        self.pool = pool


class Users:
    def __init__(self, repository):
        self.repository = repository


class UsersContainer(Container):
    pool = providers.Dependency()
    repository = providers.Factory(Repository, pool)
    service = providers.Factory(Users, repository)


class Application(Container):
    config = providers.Configuration()
    pool = providers.Singleton(str, "pool")
    users = providers.Container(UsersContainer, pool=pool)


@pytest.fixture
def application():
    return Application()


@pytest.fixture
def frozen(application):
    application.freeze()
    return application


def test_a_frozen_tree_is_resolved_without_a_guard(application):
    guarded = application.resolver(Users)
    application.freeze()
    free = application.resolver(Users)
    assert "last_overriding" in guarded.__code__.co_names
    assert "last_overriding" not in free.__code__.co_names
    assert free().repository.pool is guarded().repository.pool


@pytest.mark.parametrize(
    "override",
    [
        lambda app: app.users.service.override("fake"),
        lambda app: app.users.pool.override("fake"),
        lambda app: app.users.repository.reset_override(),
        lambda app: app.users.pool.reset_last_overriding(),
        lambda app: app.override_providers(pool="fake"),
        lambda app: app.users.override_providers(service="fake"),
        lambda app: app.users.override(UsersContainer()),
        lambda app: app.reset_override(),
    ],
)
def test_every_change_of_overrides_is_refused(frozen, override):
    resolve = frozen.resolver(Users)
    with pytest.raises(WiringError, match="its container is frozen"):
        override(frozen)
    assert resolve().repository.pool == "pool"
    assert frozen.users.service().repository.pool == "pool"


def test_a_singleton_is_kept_and_not_reset(frozen):
    resolve = frozen.resolver(Users)
    assert resolve().repository.pool is resolve().repository.pool is frozen.pool()
    for reset in (frozen.pool.reset, frozen.pool.full_reset, frozen.reset_singletons):
        with pytest.raises(WiringError, match=r"the object of Singleton\(str\) stays"):
            reset()


async def test_overriding_for_a_while_is_refused(frozen):
    with pytest.raises(WiringError, match=r"Factory\(Users\) cannot be overridden"):
        async with frozen.overriding(frozen.users.service, "fake"):
            pass


def test_a_provider_that_was_taken_out_before_refuses_as_well(application):
    service = application.users.service
    application.freeze()
    with pytest.raises(WiringError, match="frozen"):
        service.override("fake")


def test_overrides_from_before_stay_in_force(application):
    application.users.repository.override("fake")
    application.freeze()
    assert application.resolve(Users).repository == "fake"


def test_another_container_of_the_same_class_is_not_frozen(frozen):
    other = Application()
    with other.users.service.override("fake"):
        assert other.resolve(other.users.service) == "fake"


def test_values_are_loaded_into_a_frozen_configuration(frozen):
    frozen.config.from_dict({"limit": 3})
    assert frozen.resolver(frozen.config.limit)() == 3


def test_providers_keep_their_kinds_and_names(frozen):
    assert isinstance(frozen.users.service, providers.Factory)
    assert "dependency_injector.providers.Factory" in repr(frozen.users.service)
    assert not frozen.validate()


async def test_a_handle_is_kept_and_other_resources_are_asked_for_at_each_call(handle):
    made = []

    async def connect():
        made.append(object())
        yield made[-1]

    class App(Container):
        pool = providers.Resource(handle, "pool")
        connection = providers.Resource(connect)
        users = providers.Factory(Users, pool)
        repository = providers.Factory(Repository, connection)

    app = App()
    app.freeze()
    users, repository = app.resolver(Users), app.resolver(Repository)
    for number in range(2):
        async with app:
            assert users().repository is app.pool()
            assert repository().pool is made[number]
        with pytest.raises(LifecycleError, match="not open"):
            repository()
    with pytest.raises(WiringError, match="stays"):
        app.pool.shutdown()


async def test_a_frozen_container_starts_and_stops(handle, journal):
    class App(Container):
        pool = providers.Resource(handle, "pool")
        service = providers.Factory(Users, pool)

    app = App()
    app.freeze()
    for _ in range(2):
        async with app:
            assert app.resolve(Users).repository is app.pool()
    assert journal == ["open pool", "close pool"] * 2


def test_a_part_is_not_frozen_alone(application):
    with pytest.raises(LifecycleError, match="is part of another container, and cannot be frozen alone"):
        application.users.freeze()


def test_where_providers_cannot_refuse_their_guards_stay_and_overrides_are_seen(application, monkeypatch):
    """As with a dependency-injector that was compiled without the limited API: its classes are fixed."""

    class Fixed:
        __slots__ = ()

    monkeypatch.setattr(sealing, "_sealed", lambda _: Fixed)
    application.freeze()
    resolve = application.resolver(Users)
    with application.users.repository.override("fake"):
        assert resolve().repository == "fake"
    assert isinstance(resolve().repository, Repository)

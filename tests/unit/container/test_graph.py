from __future__ import annotations

import time

import pytest
from dependency_injector import containers, providers

from poolhouse.container import Container
from poolhouse.container.graph import Graph
from poolhouse.container.overrides import effective
from poolhouse.errors import ContainerError, LifecycleError, WiringError
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings


class Service:
    def __init__(self, *needs, more=None):
        self.needs = needs
        self.more = more


async def refused(application):
    """Return the one thing that a start finds wrong; nothing may have been opened by then."""
    with pytest.raises(ContainerError) as caught:
        await application.init_resources()
    [fault] = caught.value.violations
    return str(fault)


@pytest.fixture
def opened():
    return []


@pytest.fixture
def first(opened):
    """A resource that must not be opened, since what is wrong shows before."""

    def opening():
        opened.append("first")
        yield

    yield providers.Resource(opening)
    assert opened == []


async def test_a_circle_is_drawn_before_anything_is_opened(first):
    class Application(Container):
        one = first
        a = providers.Dependency()
        b = providers.Factory(Service, a)
        c = providers.Singleton(Service, more=b)

    application = Application(a=None)
    application.a.override(application.c)
    assert (await refused(application)).endswith(
        "Application.c: providers need each other in a circle (c -> b -> c). Cut it with `x.provider`"
    )


async def test_a_circle_is_cut_by_a_delegate():
    class Application(Container):
        a = providers.Dependency()
        b = providers.Factory(Service, a.provider)
        c = providers.Factory(Service, b)

    application = Application(a=None)
    application.a.override(application.c)
    async with application:
        pass


async def test_providers_that_override_each_other_are_refused_and_not_followed_for_ever():
    class Application(Container):
        a = providers.Factory(Service)
        b = providers.Factory(list)

    application = Application()
    application.a.override(application.b)
    application.b.override(application.a)
    assert "override each other in a circle (a -> b -> a)" in await refused(application)


async def test_a_dependency_that_nothing_fills_is_named_before_anything_is_opened(first):
    class Inner(Container):
        pool = providers.Dependency(instance_of=SharedPool)
        db = providers.Factory(Service, pool)

    class Application(Container):
        one = first
        inner = providers.Container(Inner)

    assert (await refused(Application())).endswith(
        "Application.inner: the dependency inner.pool is not filled (inner.db -> inner.pool). "
        "Pass it where inner is declared"
    )


async def test_a_hole_in_a_container_of_dependencies_is_named():
    class Application(Container):
        gateways = providers.DependenciesContainer()
        service = providers.Factory(Service, gateways.mail)

    assert "the dependency Application.gateways.mail is not filled" in await refused(Application())


async def test_a_container_of_dependencies_that_is_filled_is_followed():
    class Gateways(containers.DeclarativeContainer):
        mail = providers.Object("mail")

    class Application(Container):
        gateways = providers.DependenciesContainer()
        service = providers.Factory(Service, gateways.mail)

    async with Application(gateways=Gateways()) as application:
        assert application.service().needs == ("mail",)


async def test_an_abstract_provider_that_nothing_overrides_is_a_hole():
    class Application(Container):
        port = providers.AbstractFactory(Service)

    assert "the dependency port is not filled" in await refused(Application())
    async with Application(port=providers.Factory(Service)):
        pass


async def test_a_dependency_with_a_default_is_no_hole():
    class Application(Container):
        limit = providers.Dependency(default=5)
        service = providers.Factory(Service, limit)

    async with Application() as application:
        assert application.service().needs == (5,)


def database():
    return SharedPool(DatabaseSettings())


async def test_a_schema_that_two_services_claim_is_refused_and_both_are_named(first):
    class Users(Container):
        pool = providers.Dependency(instance_of=SharedPool)
        db = providers.Factory(SchemaManager, pool, schema="users")

    class Application(Container):
        one = first
        pool = providers.Object(database())
        users = providers.Container(Users, pool=pool)
        orders = providers.Container(Users, pool=pool)

    message = await refused(Application())
    assert "the schema 'users' is claimed by more than one service: users and orders" in message


async def test_a_schema_claimed_by_managers_without_a_name_is_found_as_well():
    class Users(Container):
        pool = providers.Dependency(instance_of=SharedPool)
        service = providers.Factory(Service, providers.Factory(SchemaManager, pool, schema="users"))

    class Application(Container):
        pool = providers.Object(database())
        users = providers.Container(Users, pool=pool)
        orders = providers.Container(Users, pool=pool)

    assert "more than one service: users and orders" in await refused(Application())


async def test_several_managers_of_one_service_may_have_its_schema():
    class Users(Container):
        pool = providers.Dependency(instance_of=SharedPool)
        db = providers.Factory(SchemaManager, pool, schema="users")
        service = providers.Factory(Service, providers.Factory(SchemaManager, pool, schema="users"), db)

    class Application(Container):
        pool = providers.Object(database())
        users = providers.Container(Users, pool=pool)

    async with Application():
        pass


async def test_one_schema_name_on_two_pools_is_two_schemas():
    class Users(Container):
        pool = providers.Dependency(instance_of=SharedPool)
        db = providers.Factory(SchemaManager, pool, schema="users")

    class Application(Container):
        first = providers.Object(database())
        second = providers.Object(database())
        users = providers.Container(Users, pool=first)
        archive = providers.Container(Users, pool=second)

    async with Application():
        pass


async def test_a_migration_set_that_is_not_known_before_the_start_is_refused(tmp_path):
    async def opened_pool():
        yield database()

    class Application(Container):
        pool = providers.Resource(opened_pool)
        db = providers.Factory(SchemaManager, pool, schema="users")
        migrations = providers.Factory(MigrationSet, db, tmp_path)

    message = await refused(Application())
    assert "db must be known before the start, and needs pool, which only the start opens" in message
    assert "classes with coroutines open() and close()" in message


@pytest.mark.parametrize("name", ["state", "report", "overriding", "providers", "override", "wire", "start_timeout"])
def test_a_provider_with_a_name_that_containers_need_is_refused_where_it_is_declared(name):
    with pytest.raises(WiringError, match=f"cannot be called {name}, since containers have that name"):
        type("Application", (Container,), {name: providers.Object(1)})


def test_names_that_look_like_ours_are_free():
    class Application(Container):
        config = providers.Configuration()
        limits = providers.Object(1)
        lifecycle = providers.Object(2)
        part = providers.Object(3)

    assert Application().lifecycle() == 2


def long_chain(length):
    chain = providers.Object(0)
    links = {"first": chain}
    for number in range(length):
        chain = links[f"link{number}"] = providers.Factory(Service, chain)
    application = containers.DynamicContainer()
    application.set_providers(**dict(reversed(links.items())))
    return application


def test_long_chains_of_providers_are_no_reason_to_recurse():
    application = long_chain(5000)
    graph = Graph(application)
    assert len(graph.order) == 5001
    assert graph.order[0] is application.first
    assert len(graph.needs(application.link4999)) == 5000


def test_five_hundred_providers_take_less_than_200_ms():
    application = long_chain(500)
    begun = time.process_time()
    graph = Graph(application)
    graph.needs(application.link499)
    assert time.process_time() - begun < 0.2


def test_a_chain_of_dependencies_and_overrides_is_followed_to_its_end():
    last = providers.Object(1)
    inner, outer = providers.Dependency(), providers.Dependency(default=inner_default())
    outer.override(inner)
    inner.override(last)
    assert effective(outer) is last


def inner_default():
    return providers.Object(0)


async def test_resources_are_started_all_or_none(journal, handle):
    class Application(Container):
        a = providers.Resource(handle, "a")

    with pytest.raises(LifecycleError, match="Leave the argument out"):
        await Application().init_resources(providers.Resource)
    with pytest.raises(LifecycleError, match="Leave the argument out"):
        await Application().shutdown_resources(providers.Resource)
    assert journal == []

from __future__ import annotations

from dependency_injector import providers

from poolhouse.container import Container


class Service:
    def __init__(self, *needs):
        self.needs = needs


async def opened(application, journal):
    """Start and stop `application`; return what was opened, having seen that it was closed in exact reverse."""
    journal.clear()
    async with application:
        names = [entry.removeprefix("open ") for entry in journal]
    assert [entry.removeprefix("close ") for entry in journal[len(names) :]] == names[::-1]
    return names


async def test_independent_resources_come_in_the_order_of_declaration_every_time(handle, journal):
    class Application(Container):
        d = providers.Resource(handle, "d")
        b = providers.Resource(handle, "b")
        a = providers.Resource(handle, "a")
        c = providers.Resource(handle, "c")

    for _ in range(20):
        assert await opened(Application(), journal) == ["d", "b", "a", "c"]


async def test_dependencies_come_first_whatever_is_declared_first(handle, journal):
    class Application(Container):
        late = providers.Dependency()
        first = providers.Resource(handle, "first", late)
        second = providers.Resource(handle, "second", first)
        third = providers.Resource(handle, "third")

    for _ in range(20):
        application = Application(late=None)
        application.late.override(application.third)
        assert await opened(application, journal) == ["third", "first", "second"]


async def test_a_dependency_through_factories_and_sub_containers_counts(handle, journal):
    class Inner(Container):
        pool = providers.Dependency()
        db = providers.Factory(Service, pool)
        service = providers.Singleton(Service, providers.List(db))
        listener = providers.Resource(handle, "listener", service.provided.needs[0][0].needs[0])

    class Application(Container):
        pool = providers.Dependency()
        inner = providers.Container(Inner, pool=pool)
        own = providers.Resource(handle, "own")
        declared_last = providers.Resource(handle, "pool", own)

    for _ in range(20):
        application = Application(pool=None)
        application.pool.override(application.declared_last)
        assert await opened(application, journal) == ["own", "pool", "listener"]


async def test_keyword_arguments_and_attributes_count(handle, journal):
    class Application(Container):
        late = providers.Dependency()
        service = providers.Factory(Service).add_attributes(late=late)
        user = providers.Resource(handle, "user", providers.Dict(service=service))
        last = providers.Resource(handle, "last")

    application = Application(late=None)
    application.late.override(application.last)
    assert await opened(application, journal) == ["last", "user"]


async def test_a_replaced_resource_is_not_started_and_its_replacement_is(handle, journal):
    class Application(Container):
        pool = providers.Resource(handle, "pool")
        user = providers.Resource(handle, "user", pool)

    assert await opened(Application(pool=providers.Resource(handle, "other")), journal) == ["other", "user"]
    assert await opened(Application(pool=object()), journal) == ["user"]


async def test_what_only_a_replaced_provider_needed_is_still_started_where_it_is_declared(handle, journal):
    class Application(Container):
        server = providers.Resource(handle, "server")
        pool = providers.Resource(handle, "pool", server)

    assert await opened(Application(pool=object()), journal) == ["server"]


async def test_a_delegate_imposes_no_order(handle, journal):
    class Application(Container):
        delegate = providers.Resource(handle, "delegate")
        delegated = providers.Resource(handle, "delegated")
        last = providers.Resource(handle, "last")

    application = Application()
    application.delegate.add_args(application.last.provider)
    application.delegated.add_args(providers.DelegatedFactory(Service, application.last))
    assert await opened(application, journal) == ["delegate", "delegated", "last"]


async def test_a_provider_that_is_given_as_an_object_is_a_value_and_not_started(handle, journal):
    foreign = providers.Resource(handle, "foreign")

    class Application(Container):
        given = providers.Object(foreign)

    assert await opened(Application(), journal) == []


async def test_a_resource_without_a_name_that_is_only_handed_over_is_started_after_the_others(handle, journal):
    class Application(Container):
        lazy = providers.Resource(handle, "lazy", providers.Resource(handle, "unnamed").provider)
        last = providers.Resource(handle, "last")

    assert await opened(Application(), journal) == ["lazy", "last", "unnamed"]


async def test_a_resource_with_two_names_is_started_once(handle, journal):
    class Application(Container):
        pool = providers.Resource(handle, "pool")
        alias = pool

    assert await opened(Application(), journal) == ["pool"]


async def test_a_service_replaced_by_another_container_is_started_from_that(handle, journal):
    class Users(Container):
        own = providers.Resource(handle, "own")
        service = providers.Factory(Service, own)

    class Application(Container):
        users = providers.Container(Users)
        last = providers.Resource(handle, "last", users.service)

    class Others(Container):
        own = providers.Resource(handle, "another")
        service = providers.Factory(Service, own)

    application = Application()
    application.users.override(Others())
    assert await opened(application, journal) == ["another", "last"]


async def test_names_in_the_report_are_dotted_and_those_of_the_declaration(handle, journal):
    class Inner(Container):
        pool = providers.Dependency()
        own = providers.Resource(handle, "own", pool)

    class Application(Container):
        pool = providers.Resource(handle, "pool")
        inner = providers.Container(Inner, pool=pool)

    async with Application(pool=providers.Resource(handle, "other")) as application:
        assert [step.name for step in application.report.steps] == ["pool", "inner.own"]

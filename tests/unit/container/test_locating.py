from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import pytest
from dependency_injector import providers

from poolhouse.container import Container, locate, migration_sets, pools
from poolhouse.errors import WiringError
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings


class Users:
    pass


class Orders:
    pass


class FastOrders(Orders):
    pass


class Summary:
    pass


class UsersContainer(Container):
    service = providers.Factory(Users)
    summary = providers.Factory(Summary)


class OrdersContainer(Container):
    users = providers.Dependency(instance_of=Users)
    service = providers.Singleton(FastOrders)
    summary = providers.Factory(Summary)


class ApplicationContainer(Container):
    users = providers.Container(UsersContainer)
    orders = providers.Container(OrdersContainer, users=users.service)


@pytest.fixture
def application():
    return ApplicationContainer()


def test_a_class_is_located_wherever_it_is_made(application):
    assert locate(application, Users, place="x") is application.users.service


def test_a_base_class_locates_what_makes_its_subclass(application):
    assert isinstance(locate(application, Orders, place="x")(), FastOrders)


def test_a_dotted_name_is_located(application):
    assert locate(application, "orders.service", place="x") is application.orders.service


def test_overrides_at_the_time_of_the_call_are_honoured(application):
    located = locate(application, Users, place="x")
    with application.users.service.override("fake"):
        assert located() == "fake"
    assert isinstance(located(), Users)


def test_a_class_made_by_several_providers_names_them_and_the_place(application):
    with pytest.raises(WiringError) as caught:
        locate(application, Summary, place="GET /summary")
    assert str(caught.value) == (
        "GET /summary: Summary is made by several providers: users.summary, orders.summary. "
        'Say which by its name, such as Inject("users.summary")'
    )


def test_one_provider_with_two_names_is_not_several():
    class Application(Container):
        service = providers.Factory(Users)
        alias = service

    application = Application()
    assert locate(application, Users, place="x") is application.service


def test_a_class_that_nothing_makes_is_told_of_the_nearest_one(application):
    class Order:
        pass

    Order.__qualname__ = "FasterOrders"
    with pytest.raises(WiringError, match=r"x: no provider of the container makes FasterOrders\. Did you mean FastOrd"):
        locate(application, Order, place="x")


def test_a_class_like_no_other_is_told_what_to_do(application):
    with pytest.raises(WiringError, match=r"makes bytes\. Declare a provider that makes it"):
        locate(application, bytes, place="x")


def test_an_unknown_name_is_told_of_the_nearest_one(application):
    with pytest.raises(WiringError, match=r"x: the container has no provider 'user\.service'\. .*'users\.service'"):
        locate(application, "user.service", place="x")


def test_a_name_like_no_other_is_told_of_all(application):
    with pytest.raises(WiringError, match=r"It has orders, orders\.service, orders\.summary, orders\.users, users"):
        locate(application, "§", place="x")


def test_a_class_that_a_resource_makes_is_located_though_the_resource_is_guarded():
    class Closing(Users):
        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            pass

    class Application(Container):
        users = providers.Resource(Closing)

    application = Application()
    assert locate(application, Users, place="x") is application.users


def test_pools_and_migration_sets_are_those_in_force_each_once(tmp_path):
    class Service(Container):
        pool = providers.Dependency(instance_of=SharedPool)
        db = providers.Factory(SchemaManager, pool, schema="users")
        migrations = providers.Singleton(MigrationSet, db, tmp_path, module="users")
        alias = migrations

    class Application(Container):
        pool = providers.Resource(SharedPool, providers.Object(DatabaseSettings()))
        service = providers.Container(Service, pool=pool)

    application = Application()
    assert pools(application) == (application.pool(),)
    assert [each.module for each in migration_sets(application)] == ["users"]
    other = SharedPool(DatabaseSettings())
    assert pools(Application(pool=other)) == (other,)
    assert [each.db.pool for each in migration_sets(Application(pool=other))] == [other]


class Counting(Protocol):
    count: int


class Ledger(Counting):
    count = 0


def test_a_protocol_that_is_none_at_run_time_is_made_by_the_classes_that_name_it_as_their_base():
    class App(Container):
        users = providers.Factory(Users)
        ledger = providers.Factory(Ledger)

    application = App()
    assert locate(application, Counting, place="x") is application.ledger


T = TypeVar("T")


class Repository(Generic[T]):
    """A class whose objects do not know their arguments."""


class Cached(Repository[T]):
    pass


class OrdersRepository(Cached[Orders], Repository[Orders]):
    pass


class Repositories(Container):
    users = providers.Factory(Repository[Users])
    orders = providers.Factory(OrdersRepository)


def test_what_is_generic_is_located_by_its_arguments():
    container = Repositories()
    assert container.resolver(Repository[Users])().__orig_class__ == Repository[Users]
    assert type(container.resolve(Repository[Orders])) is OrdersRepository
    with pytest.raises(WiringError, match=r"Repository is made by several providers: users, orders"):
        container.resolve(Repository)
    with pytest.raises(WiringError, match=r"no provider of the container makes Repository\[Summary\]"):
        container.resolve(Repository[Summary])


def test_what_is_generic_is_located_without_its_arguments_where_nobody_wrote_them():
    class Unwritten(Container):
        any_of_them = providers.Factory(Repository)

    assert isinstance(Unwritten().resolve(Repository[Users]), Repository)

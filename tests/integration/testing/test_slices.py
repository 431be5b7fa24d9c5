from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from dependency_injector import providers

from containers.orders import OrdersContainer
from poolhouse.container import Container
from poolhouse.errors import CommandError, PortError, UnansweredCallError, WiringError
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import ApplicationSettings
from services.orders import NewOrder
from services.orders.ports import Accounts
from services.orders.service import UnknownUserError
from services.users import NewUser

ORDER = NewOrder(user_id=7, lines=[{"sku": "tea", "quantity": 1, "unit_price": Decimal(1)}])
ADA = NewUser(email="ada@example.com", name="Ada")


@pytest.mark.parametrize("target", ["orders", "containers.orders:OrdersContainer", OrdersContainer])
async def test_a_service_stands_alone_with_stubs_for_its_ports(slice_of, target):
    async with slice_of(target) as orders:
        accounts = orders.stub(Accounts)
        accounts.answer(Accounts.exists).returns(value=True)
        order = await orders.container.service().place(ORDER)
        assert accounts.calls(Accounts.exists) == ({"user_id": 7},)
        assert (await orders.container.service().find(order.id)) == order
        assert orders.application.providers.keys() == {"pool", "orders"}


async def test_its_database_has_its_own_migrations_alone(slice_of):
    async with slice_of("orders") as orders:
        schemas = await orders.container.db().fetch("SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|infor)'")
    assert sorted(row["nspname"] for row in schemas) == ["orders", "poolhouse", "public"]


async def test_a_call_that_nobody_answered_names_the_method_and_how_to(slice_of):
    async with slice_of("orders") as orders:
        with pytest.raises(UnansweredCallError, match=r"Accounts\.exists\(user_id\).*stub\.answer\(Accounts\.exists\)"):
            await orders.container.service().place(ORDER)


@pytest.mark.parametrize("nth", [1, 2])
async def test_what_is_done_in_a_slice_is_undone(slice_of, nth):
    async with slice_of("users") as users:
        await users.container.service().register(ADA)


@pytest.mark.clone
async def test_a_slice_may_have_a_database_of_its_own(slice_of):
    async with slice_of("users") as users, slice_of("users") as others:
        await users.container.service().register(ADA)
        await others.container.service().register(ADA)
        assert users.application.pool().address != others.application.pool().address


async def test_direct_dependencies_are_started_with_stubs_for_theirs(slice_of):
    async with slice_of("payments", extent="direct") as payments:
        assert [*payments.stubs] == ["orders.users"]
        assert "users" not in payments.application.providers
        payments.stub(Accounts).answer(Accounts.exists).returns(value=True)
        order = await payments.application.orders.service().place(ORDER)
        assert (await payments.container.service()._orders.find(order.id)) == order


async def test_all_dependencies_are_started(slice_of):
    async with slice_of("payments", extent="all") as payments:
        assert payments.stubs == {}
        with pytest.raises(UnknownUserError):
            await payments.application.orders.service().place(ORDER)
        user = await payments.application.users.service().register(ADA)
        assert await payments.application.orders.service().place(ORDER.model_copy(update={"user_id": user.id}))


class Everybody:
    async def exists(self, user_id: int) -> bool:
        return user_id > 0


@pytest.mark.parametrize("given", [Everybody(), providers.Factory(Everybody)], ids=["object", "provider"])
@pytest.mark.parametrize("extent", ["standalone", "direct"])
async def test_a_stand_in_is_given(slice_of, given, extent):
    async with slice_of("orders", extent=extent, users=given) as orders:
        assert orders.stubs == {}
        assert "users" not in orders.application.providers
        assert (await orders.container.service().place(ORDER)).user_id == 7


# What cannot be


async def begin(starting):
    async with starting:
        pytest.fail("it was started")


class Deaf:
    async def exists(self) -> str:
        return "yes"


async def test_a_stand_in_that_does_not_fit_is_refused(slice_of):
    both = r"exists\(\) cannot be called with \(user_id\); its exists\(\) returns str, and bool is asked for"
    with pytest.raises(PortError, match=f"what is given for users does not fit the port Accounts: its {both}"):
        await begin(slice_of("orders", users=Deaf()))


async def test_a_name_that_the_service_has_not_is_refused(slice_of):
    with pytest.raises(WiringError, match=r"user is given to the slice of 'orders'.* It has users"):
        await begin(slice_of("orders", user=Everybody()))


@pytest.mark.parametrize("extent", ["standalone", "direct", "all"])
async def test_a_service_that_there_is_not_has_its_nearest_neighbour_named(slice_of, extent):
    with pytest.raises(WiringError, match=r"there is no service 'order'\. Did you mean 'orders'\?"):
        await begin(slice_of("order", extent=extent))


async def test_an_extent_that_there_is_not_is_refused(slice_of):
    with pytest.raises(WiringError, match=r"'whole' is no extent of a slice\. There are standalone, direct, all"):
        slice_of("orders", extent="whole")
    with pytest.raises(WiringError, match=r"Did you mean 'direct'\?"):
        slice_of("orders", extent="drect")


async def test_a_class_that_there_is_not_is_named(slice_of):
    with pytest.raises(CommandError, match="Did you mean OrdersContainer"):
        await begin(slice_of("containers.orders:OrderContainer"))


async def test_a_stub_that_there_is_not_is_named(slice_of):
    async with slice_of("users") as users:
        with pytest.raises(WiringError, match="of the port Accounts there is no stub"):
            users.stub(Accounts)


# Other wirings


class Clock:
    """Something that is no port."""


class Searching:
    def __init__(self, db: SchemaManager, accounts: Accounts, clock: Clock, settings: ApplicationSettings) -> None:
        self.db = db
        self.given = accounts, clock, settings


MIGRATIONS = Path(__file__).parents[3] / "migrations" / "users"


class SearchContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    accounts = providers.Dependency()
    clock = providers.Dependency(instance_of=Clock)
    options = providers.Dependency(instance_of=ApplicationSettings)
    db = providers.Factory(SchemaManager, pool, schema="search")
    migrations = providers.Factory(MigrationSet, db, MIGRATIONS, module="search")
    service = providers.Factory(Searching, db, accounts, clock=clock, settings=options)


async def test_a_port_may_be_told_by_the_parameter_that_it_is_passed_to(slice_of):
    clock = Clock()
    async with slice_of(SearchContainer, clock=clock) as search:
        accounts, given, settings = search.container.service().given
        assert (accounts, given) == (search.stub(Accounts).port, clock)
        assert settings.profile == "test"


async def test_what_is_no_port_has_to_be_given(slice_of):
    with pytest.raises(WiringError, match=r"clock \(Clock\)\. Give it: slice_of\('search', clock=\.\.\.\)"):
        await begin(slice_of(SearchContainer))

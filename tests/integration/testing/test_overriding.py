from __future__ import annotations

from decimal import Decimal

import pytest
from dependency_injector import providers

from poolhouse.errors import PortError
from services.orders import NewOrder, Orders
from services.users import Users

ORDER = NewOrder(user_id=4711, lines=[{"sku": "tea", "quantity": 1, "unit_price": Decimal(1)}])


class Everybody:
    """Accounts for which everybody exists."""

    async def exists(self, user_id: int) -> bool:
        return user_id > 0


async def test_an_override_holds_until_the_test_ends(application, overriding):
    await overriding(application.users.service, Everybody())
    assert (await application.orders.service().place(ORDER)).user_id == 4711


async def test_it_does_not_hold_in_the_next_test(application):
    assert isinstance(application.users.service(), Users)


async def test_one_that_is_neither_awaited_nor_entered_warns(application, overriding):
    with pytest.warns(RuntimeWarning, match="never awaited nor entered"):
        overriding(application.users.service, Everybody())
    assert isinstance(application.users.service(), Users)


async def test_an_override_holds_for_a_block(application, overriding):
    async with overriding(application.users.service, Everybody()):
        assert isinstance(application.users.service(), Everybody)
    assert isinstance(application.users.service(), Users)


async def test_a_resource_is_opened_for_the_override_and_closed_with_it(application, overriding):
    steps = []

    async def everybody():
        steps.append("opened")
        yield Everybody()
        steps.append("closed")

    async with overriding(application.users.service, providers.Resource(everybody)):
        assert (await application.orders.service().place(ORDER)).user_id == 4711
        assert steps == ["opened"]
    assert steps == ["opened", "closed"]


class Deaf:
    async def exists(self) -> bool:
        return True


class Vague:
    async def exists(self, user_id: int) -> str:
        return f"perhaps {user_id}"


@pytest.mark.parametrize(
    ("stand_in", "misfit"),
    [
        (Deaf(), r"its exists\(\) cannot be called with \(user_id\)"),
        (Vague(), r"its exists\(\) returns str, and bool is asked for"),
        (object(), r"it has no method exists\(\)"),
        (providers.Factory(Deaf), "cannot be called"),
        (providers.Object(Deaf()), "cannot be called"),
    ],
)
async def test_a_stand_in_that_does_not_fit_a_port_is_refused(application, overriding, stand_in, misfit):
    with pytest.raises(PortError, match=f"what overrides orders.users does not fit the port Accounts: .*{misfit}"):
        await overriding(application.users.service, stand_in)
    assert isinstance(application.users.service(), Users)


async def test_what_is_no_port_may_be_overridden_by_anything(application, overriding):
    await overriding(application.payments.service, object())
    assert not isinstance(application.payments.service(), Orders)

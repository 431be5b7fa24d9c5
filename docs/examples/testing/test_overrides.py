"""Overrides, shown in docs/how-to/overrides.md."""

from __future__ import annotations

import pytest
from dependency_injector import providers

from containers.application import ApplicationContainer
from services.orders import NewOrder
from services.users import Users

ORDER = NewOrder.model_validate({"user_id": 7, "lines": [{"sku": "tea", "quantity": 1, "unit_price": "1"}]})


# begin: test
class Everybody:
    """Accounts for which everybody exists."""

    async def exists(self, user_id: int) -> bool:
        return user_id > 0


async def test_an_order_needs_no_registered_user(application, overriding):
    await overriding(application.users.service, Everybody())
    assert (await application.orders.service().place(ORDER)).user_id == 7


# end: test


@pytest.mark.clone
async def test_a_container_is_built_with_other_settings(application):
    settings = application.settings()
    # begin: built
    other = ApplicationContainer(settings=settings)
    # end: built
    async with other:
        assert other.settings() is settings


async def test_a_provider_is_overridden_for_a_block(application):
    # begin: block
    with application.users.service.override(Everybody()):
        assert isinstance(application.users.service(), Everybody)
    assert isinstance(application.users.service(), Users)
    # end: block


async def test_a_resource_is_opened_for_the_test(application, overriding):
    # begin: resource
    async def directory():
        print("opened")
        yield Everybody()
        print("closed")

    await overriding(application.users.service, providers.Resource(directory))
    # end: resource
    assert isinstance(application.users.service(), Everybody)

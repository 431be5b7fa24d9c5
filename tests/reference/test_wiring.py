from __future__ import annotations

import pytest

from containers.application import ApplicationContainer
from services.users import Users


class Everybody:
    """Accounts for which everybody exists."""

    async def exists(self, user_id):
        return user_id > 0


async def test_orders_use_a_fake_of_users_over_http(shop, application, overriding):
    assert (await shop.place(4711)).status_code == 422
    async with overriding(application.users.service, Everybody()):
        assert (await shop.place(4711)).status_code == 201
    assert (await shop.place(4711)).status_code == 422


async def test_orders_without_http_use_the_fake_too(application, overriding):
    async with overriding(application.users.service, Everybody()):
        accounts = application.orders.service()._accounts
    assert isinstance(accounts, Everybody)
    assert isinstance(application.orders.service()._accounts, Users)


@pytest.mark.clone
async def test_a_fake_in_one_container_does_not_reach_another(shop, application, serving):
    other = ApplicationContainer(settings=application.settings())
    with other.users.service.override(Everybody()):
        async with other, serving(other) as other_shop:
            assert (await other_shop.place(4711)).status_code == 201
            assert (await shop.place(4711)).status_code == 422


@pytest.mark.clone
async def test_two_containers_with_their_own_settings_live_side_by_side(shop, application, serving):
    settings = application.settings()
    database = settings.database.model_copy(update={"max_size": 3, "application_name": "beside"})
    async with ApplicationContainer(settings=settings.model_copy(update={"database": database})) as other:
        assert (application.pool().settings.max_size, other.pool().settings.max_size) == (5, 3)
        assert (await other.users.db().fetchval("SHOW application_name")).startswith("beside")
        async with serving(other) as other_shop:
            user = (await other_shop.register()).json()
            assert (await shop.http.get(f"/users/{user['id']}")).status_code == 200
    assert (await shop.http.get(f"/users/{user['id']}")).status_code == 200

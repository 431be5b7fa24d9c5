from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DYING = Path(__file__).with_name("dying_application.py")

# Another process sees what is committed, and nothing else.
pytestmark = pytest.mark.clone


@pytest.fixture
async def order(shop, application):
    """An order whose payment was recorded by a process that was killed before the order was marked."""
    order = await shop.placed_order()
    database = application.settings().database
    environment = {
        **os.environ,
        "APP_PROFILE": "test",
        "APP_DATABASE__DSN": database.dsn.get_secret_value(),
        "APP_DATABASE__ROLE_PREFIX": database.role_prefix,
        "PYTHONPATH": str(ROOT),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, DYING, str(order["id"]), "59.97", "key-1", cwd=ROOT, env=environment
    )
    assert await process.wait() == -signal.SIGKILL
    return order


async def payments_of(application):
    return await application.payments.db().fetchval("SELECT count(*) FROM {{tables.payments}}")


async def test_what_a_kill_left_half_done_is_healed_by_repeating_the_request(shop, application, order):
    assert (await payments_of(application), await shop.status_of(order["id"])) == (1, "placed")
    response = await shop.pay(order["id"], "59.97", "key-1")
    assert (response.status_code, response.json()["order_id"]) == (200, order["id"])
    assert await shop.status_of(order["id"]) == "paid"
    assert await payments_of(application) == 1


async def test_repeating_it_twenty_times_at_once_heals_it_too(shop, application, order):
    responses = await asyncio.gather(*(shop.pay(order["id"], "59.97", "key-1") for _ in range(20)))
    assert {response.status_code for response in responses} == {200}
    assert await shop.status_of(order["id"]) == "paid"


@pytest.mark.parametrize("amount", ["59.97", "1.00"])
async def test_a_payment_under_another_key_is_refused_and_heals_it(shop, application, order, amount):
    assert (await shop.pay(order["id"], amount, "key-2")).status_code == 409
    assert await shop.status_of(order["id"]) == "paid"
    assert await payments_of(application) == 1

from __future__ import annotations

import asyncio
from collections import Counter

import pytest


async def test_a_payment_makes_the_order_a_paid_one(shop):
    order = await shop.placed_order()
    response = await shop.pay(order["id"], "59.97")
    payment = response.json()
    assert response.status_code == 201
    assert payment.keys() == {"id", "order_id", "amount", "created_at"}
    assert (payment["order_id"], payment["amount"]) == (order["id"], "59.97")
    assert await shop.status_of(order["id"]) == "paid"


async def test_the_same_request_again_answers_the_same_payment(shop):
    order = await shop.placed_order()
    first = await shop.pay(order["id"])
    again = await shop.pay(order["id"])
    assert (again.status_code, again.json()) == (200, first.json())


@pytest.mark.parametrize("amount", ["59.970", 59.97, "5997e-2"])
async def test_amounts_compare_as_numbers(shop, amount):
    order = await shop.placed_order()
    assert (await shop.pay(order["id"], amount)).status_code == 201
    assert (await shop.pay(order["id"], "59.97")).status_code == 200


async def test_a_key_cannot_be_used_for_another_amount(shop):
    order = await shop.placed_order()
    await shop.pay(order["id"])
    assert (await shop.pay(order["id"], "1.00")).status_code == 422


async def test_a_key_cannot_be_used_for_another_order(shop):
    order = await shop.placed_order()
    other = (await shop.place(order["user_id"])).json()
    await shop.pay(order["id"])
    assert (await shop.pay(other["id"])).status_code == 422
    assert (await shop.pay(999)).status_code == 422
    assert await shop.status_of(other["id"]) == "placed"


async def test_a_key_that_was_used_is_the_first_thing_wrong(shop):
    order = await shop.placed_order()
    other = (await shop.place(order["user_id"])).json()
    await shop.pay(order["id"], key="first")
    await shop.pay(other["id"], key="second")
    assert (await shop.pay(order["id"], key="second")).status_code == 422
    assert (await shop.pay(other["id"], key="first")).status_code == 422


@pytest.mark.parametrize("amount", ["59.97", "1.00"])
async def test_a_paid_order_is_not_paid_again(shop, amount):
    order = await shop.placed_order()
    await shop.pay(order["id"], key="first")
    assert (await shop.pay(order["id"], amount, key="second")).status_code == 409


@pytest.mark.parametrize("amount", ["59.96", "59.98", "0", "5997", "59.97000000001"])
async def test_a_wrong_amount_is_refused_and_leaves_nothing(shop, amount):
    order = await shop.placed_order()
    assert (await shop.pay(order["id"], amount)).status_code == 422
    assert await shop.status_of(order["id"]) == "placed"
    assert (await shop.pay(order["id"], "59.97")).status_code == 201


@pytest.mark.parametrize("order_id", [0, -1, 999, 2**63 - 1])
async def test_an_order_that_does_not_exist_cannot_be_paid(shop, order_id):
    assert (await shop.pay(order_id)).status_code == 404


@pytest.mark.parametrize("amount", ["-59.97", "NaN", "Infinity", "much", None, "1" * 29, "1e1000000000"])
async def test_what_is_no_amount_is_refused(shop, amount):
    order = await shop.placed_order()
    assert (await shop.pay(order["id"], amount)).status_code == 422


async def test_an_order_id_beyond_all_ids_is_refused(shop):
    assert (await shop.pay(2**63)).status_code == 422


async def test_an_order_that_costs_nothing_is_paid_with_nothing(shop):
    user_id = (await shop.register()).json()["id"]
    order = (await shop.place(user_id, ("sample", 1, "0"))).json()
    assert (await shop.pay(order["id"], "0.00")).status_code == 201


async def test_a_payment_without_a_key_is_refused(shop):
    order = await shop.placed_order()
    response = await shop.http.post("/payments", json={"order_id": order["id"], "amount": "59.97"})
    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == ["/header/idempotency-key"]


@pytest.mark.parametrize("key", ["", "two words", "tab\t", "x" * 256, "é"])
async def test_a_key_is_of_1_to_255_visible_characters(shop, key):
    order = await shop.placed_order()
    assert (await shop.pay(order["id"], key=key.encode("latin-1"))).status_code == 422


async def test_a_key_of_255_characters_is_welcome(shop):
    order = await shop.placed_order()
    assert (await shop.pay(order["id"], key="~" * 255)).status_code == 201


@pytest.mark.clone
async def test_twenty_concurrent_identical_requests_make_one_payment(shop, application):
    order = await shop.placed_order()
    responses = await asyncio.gather(*(shop.pay(order["id"]) for _ in range(20)))
    assert Counter(response.status_code for response in responses) == {201: 1, 200: 19}
    assert len({response.text for response in responses}) == 1
    assert await application.payments.db().fetchval("SELECT count(*) FROM {{tables.payments}}") == 1
    assert await shop.status_of(order["id"]) == "paid"


@pytest.mark.clone
async def test_of_twenty_concurrent_payments_with_keys_of_their_own_one_succeeds(shop):
    order = await shop.placed_order()
    responses = await asyncio.gather(*(shop.pay(order["id"], key=f"key-{number}") for number in range(20)))
    assert Counter(response.status_code for response in responses) == {201: 1, 409: 19}


@pytest.mark.clone
async def test_of_two_orders_paid_with_one_key_at_the_same_time_one_is_paid(shop):
    order = await shop.placed_order()
    other = (await shop.place(order["user_id"])).json()
    responses = await asyncio.gather(*(shop.pay(each["id"]) for each in (order, other) for _ in range(5)))
    assert Counter(response.status_code for response in responses) == {201: 1, 200: 4, 422: 5}
    assert {await shop.status_of(order["id"]), await shop.status_of(other["id"])} == {"paid", "placed"}

from __future__ import annotations

import pytest

from poolhouse.errors import CheckViolationError
from services.orders import NewOrder


async def register(shop):
    return (await shop.register()).json()["id"]


async def test_a_placed_order_has_exact_amounts_as_strings(shop):
    user_id = await register(shop)
    response = await shop.place(user_id, ("tea", 3, "19.99"), ("cup", 1, "0.0001"))
    assert response.status_code == 201
    assert response.json() == {
        "id": response.json()["id"],
        "user_id": user_id,
        "status": "placed",
        "lines": [
            {"sku": "tea", "quantity": 3, "unit_price": "19.99"},
            {"sku": "cup", "quantity": 1, "unit_price": "0.0001"},
        ],
        "total": "59.9701",
    }


async def test_a_placed_order_is_found_as_it_was_answered(shop):
    order = await shop.placed_order()
    response = await shop.http.get(f"/orders/{order['id']}")
    assert (response.status_code, response.json()) == (200, order)


async def test_lines_keep_their_order(shop):
    lines = [(f"article {number}", 1, "1") for number in range(1000)]
    order = (await shop.place(await register(shop), *lines)).json()
    assert [line["sku"] for line in order["lines"]] == [sku for sku, _, _ in lines]


async def test_the_greatest_order_has_an_exact_total(shop):
    lines = [("gold", 1_000_000, "99999999.9999")] * 1000
    order = (await shop.place(await register(shop), *lines)).json()
    assert order["total"] == "99999999999900000.0000"


@pytest.mark.parametrize(
    ("price", "shown"),
    [("0", "0"), (19.99, "19.99"), ("1E+2", "100"), ("1e-4", "0.0001"), ("-0.00", "0.00"), ("5.10", "5.10")],
)
async def test_prices_are_shown_in_plain_notation(shop, price, shown):
    order = (await shop.place(await register(shop), ("tea", 1, price))).json()
    assert (order["lines"][0]["unit_price"], order["total"]) == (shown, shown)


@pytest.mark.parametrize(
    "line",
    [
        ("tea", 0, "1"),
        ("tea", -1, "1"),
        ("tea", 1.5, "1"),
        ("tea", 1_000_001, "1"),
        ("tea", 2**70, "1"),
        ("tea", 1, "-0.01"),
        ("tea", 1, "0.00001"),
        ("tea", 1, "100000000"),
        ("tea", 1, "1e1000000"),
        ("tea", 1, "NaN"),
        ("tea", 1, "Infinity"),
        ("tea", 1, "much"),
        ("tea", 1, None),
        ("", 1, "1"),
        ("\x00", 1, "1"),
        ("\ud800", 1, "1"),
        ("x" * 65, 1, "1"),
    ],
)
async def test_a_line_that_nobody_can_deliver_is_refused(shop, line):
    assert (await shop.place(await register(shop), line)).status_code == 422


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_a_number_that_json_does_not_have_is_refused(shop, number):
    content = f'{{"user_id": {await register(shop)}, "lines": [{{"sku": "a", "quantity": 1, "unit_price": {number}}}]}}'
    response = await shop.http.post("/orders", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code in {400, 422}


async def test_an_order_has_from_one_to_a_thousand_lines(shop):
    user_id = await register(shop)
    empty = await shop.http.post("/orders", json={"user_id": user_id, "lines": []})
    long = await shop.place(user_id, *[("tea", 1, "1")] * 1001)
    assert (empty.status_code, long.status_code) == (422, 422)


@pytest.mark.parametrize("user_id", [0, 999, -1, 2**63, "ada"])
async def test_an_order_for_a_user_who_does_not_exist_is_refused(shop, user_id):
    assert (await shop.place(user_id)).status_code == 422


async def test_an_order_that_cannot_be_stored_whole_is_not_stored_at_all(shop, application):
    lines = [{"sku": sku, "quantity": 1, "unit_price": "1"} for sku in ("tea", "cup")]
    new = NewOrder.model_validate({"user_id": await register(shop), "lines": lines})
    # Past the model's own check, for the table's to find it.
    new = new.model_copy(update={"lines": [new.lines[0], new.lines[1].model_copy(update={"quantity": 0})]})
    with pytest.raises(CheckViolationError):
        await application.orders.service().place(new)
    db = application.orders.db()
    assert await db.fetchval("SELECT count(*) FROM {{tables.orders}}") == 0


@pytest.mark.parametrize("order_id", [0, 999, -1])
async def test_an_order_that_does_not_exist_is_not_found(shop, order_id):
    assert (await shop.http.get(f"/orders/{order_id}")).status_code == 404


@pytest.mark.parametrize("order_id", ["tea", 2**63])
async def test_an_order_id_that_is_no_bigint_is_refused(shop, order_id):
    assert (await shop.http.get(f"/orders/{order_id}")).status_code == 422


async def list_orders(shop, user_id, **parameters):
    return await shop.http.get("/orders", params={"user_id": user_id, **parameters})


async def test_pages_hold_every_order_once_newest_first(shop):
    user_id = await register(shop)
    ids = [(await shop.place(user_id)).json()["id"] for _ in range(5)]
    seen, after = [], {}
    while after is not None:
        page = (await list_orders(shop, user_id, limit=2, **after)).json()
        seen.append([order["id"] for order in page["items"]])
        after = {"after": page["next"]} if page["next"] else None
    ids.reverse()
    assert seen == [ids[:2], ids[2:4], ids[4:]]


async def test_the_last_full_page_has_no_next_one(shop):
    user_id = await register(shop)
    for _ in range(2):
        await shop.place(user_id)
    page = (await list_orders(shop, user_id, limit=2)).json()
    assert (len(page["items"]), page["next"]) == (2, None)


async def test_a_page_stays_what_it_is_while_orders_are_placed(shop):
    user_id = await register(shop)
    ids = [(await shop.place(user_id)).json()["id"] for _ in range(3)]
    first = (await list_orders(shop, user_id, limit=2)).json()
    await shop.place(user_id)
    second = (await list_orders(shop, user_id, limit=2, after=first["next"])).json()
    assert [order["id"] for order in second["items"]] == ids[:1]


async def test_an_order_in_a_page_is_the_order(shop):
    order = await shop.placed_order()
    page = (await list_orders(shop, order["user_id"])).json()
    assert page == {"items": [order], "next": None}


async def test_the_orders_of_others_are_not_shown(shop):
    order = await shop.placed_order()
    other = (await shop.register("grace@example.com")).json()["id"]
    assert (await list_orders(shop, other)).json() == {"items": [], "next": None}
    assert (await list_orders(shop, order["user_id"] + 999)).json() == {"items": [], "next": None}


async def test_twenty_orders_are_shown_when_nobody_says_how_many(shop):
    user_id = await register(shop)
    for _ in range(21):
        await shop.place(user_id)
    assert len((await list_orders(shop, user_id)).json()["items"]) == 20


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "all"},
        {"after": "x"},
        {"after": 2**63},
        {"user_id": 2**63},
        {"user_id": ""},
    ],
)
async def test_a_page_that_cannot_be_is_refused(shop, parameters):
    assert (await shop.http.get("/orders", params={"user_id": 1, **parameters})).status_code == 422


async def test_a_page_of_nobody_is_refused(shop):
    assert (await shop.http.get("/orders")).status_code == 422

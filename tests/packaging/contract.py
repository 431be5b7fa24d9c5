"""The shop's HTTP contract, from outside and from first to last, for a server that others may have used before."""

from __future__ import annotations

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import httpx


class Client:
    """A client with a memory: every error it was answered must be a documented problem."""

    def __init__(self, url):
        self._http = httpx.Client(base_url=url, timeout=10)
        self.documented = self._http.get("/openapi.json").json()["paths"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._http.close()

    def ask(self, method, path, template=None, **content):
        response = self._http.request(method, path, **content)
        described = self.documented[template or path.partition("?")[0]][method.lower()]["responses"]
        assert str(response.status_code) in described, f"{method} {path} answered {response.status_code}"
        if response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["status"] == response.status_code
        return response.status_code, response.json()

    def get(self, path, template=None):
        return self.ask("GET", path, template)

    def post(self, path, body, **headers):
        return self.ask("POST", path, json=body, headers=headers)

    def pay(self, order_id, amount, key):
        return self.post("/payments", {"order_id": order_id, "amount": amount}, **{"Idempotency-Key": key})


def check(url):
    """Go through the contract; AssertionError where it is broken."""
    with Client(url) as client:
        user = check_users(client)
        check_orders(client, user)
        check_payments(client, user)
        assert client.get("/health/live")[0] == 200
        assert client.get("/health/ready")[0] == 200


def check_users(client):
    email = f"{uuid.uuid4().hex}@example.com"
    status, user = client.post("/users", {"email": email, "name": "Ada"})
    assert (status, user.keys()) == (201, {"id", "email", "name", "created_at"})
    assert (user["email"], user["name"]) == (email, "Ada")
    assert client.post("/users", {"email": email.upper(), "name": "Eve"})[0] == 409
    assert client.get(f"/users/{user['id']}", "/users/{user_id}") == (200, user)
    assert client.get("/users/9223372036854775807", "/users/{user_id}")[0] == 404
    assert client.post("/users", {"name": "Nobody"})[0] == 422
    return user


def order_of(user, **changes):
    line = {"sku": "tea", "quantity": 3, "unit_price": "19.99"} | changes
    return {"user_id": user["id"], "lines": [line, {"sku": "cup", "quantity": 1, "unit_price": "0.03"}]}


def check_orders(client, user):
    status, order = client.post("/orders", order_of(user))
    assert (status, order["status"], order["user_id"]) == (201, "placed", user["id"])
    assert Decimal(order["total"]) == Decimal("60.00")
    assert isinstance(order["total"], str)
    assert [line["quantity"] for line in order["lines"]] == [3, 1]
    assert client.get(f"/orders/{order['id']}", "/orders/{order_id}") == (200, order)
    assert client.get("/orders/9223372036854775807", "/orders/{order_id}")[0] == 404
    assert client.post("/orders", order_of({"id": 9223372036854775807}))[0] == 422
    assert client.post("/orders", {"user_id": user["id"], "lines": []})[0] == 422
    assert client.post("/orders", order_of(user, quantity=0))[0] == 422
    assert client.post("/orders", order_of(user, unit_price="-0.01"))[0] == 422
    placed = [order["id"], *(client.post("/orders", order_of(user))[1]["id"] for _ in range(4))]
    assert list(pages(client, user)) == [placed[:-3:-1], placed[-3:-5:-1], placed[:1]]


def pages(client, user):
    after = ""
    while after is not None:
        _, page = client.get(f"/orders?user_id={user['id']}&limit=2{after}")
        assert page.keys() == {"items", "next"}
        yield [order["id"] for order in page["items"]]
        after = None if page["next"] is None else f"&after={page['next']}"


def check_payments(client, user):
    _, order = client.post("/orders", order_of(user))
    key = uuid.uuid4().hex
    assert client.pay(9223372036854775807, "60.00", uuid.uuid4().hex)[0] == 404
    assert client.pay(order["id"], "59.99", uuid.uuid4().hex)[0] == 422
    with ThreadPoolExecutor(20) as together:
        answers = list(together.map(lambda _: client.pay(order["id"], "60.00", key), range(20)))
    assert Counter(status for status, _ in answers) == {201: 1, 200: 19}
    payment = answers[0][1]
    assert all(answer == payment for _, answer in answers)
    assert payment.keys() == {"id", "order_id", "amount", "created_at"}
    assert client.get(f"/orders/{order['id']}", "/orders/{order_id}")[1]["status"] == "paid"
    assert client.pay(order["id"], "60.00", key) == (200, payment)
    assert client.pay(order["id"], "1.00", key)[0] == 422
    assert client.pay(order["id"], "60.00", uuid.uuid4().hex)[0] == 409

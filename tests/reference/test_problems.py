from __future__ import annotations

import pytest

from app.main import routers
from app.settings import Settings
from containers.application import ApplicationContainer
from poolhouse.integrations.fastapi import create_application

SETTINGS = Settings(profile="test", database={"dsn": "postgresql://nowhere"})
OPENAPI = create_application(ApplicationContainer(settings=SETTINGS), *routers, title="Shop").openapi()

RESPONSES = [
    pytest.param(status, response, id=f"{method.upper()} {path} {status}")
    for path, operations in OPENAPI["paths"].items()
    for method, operation in operations.items()
    for status, response in operation["responses"].items()
]


@pytest.mark.parametrize(("status", "response"), RESPONSES)
def test_a_documented_response_has_a_description_and_a_body_of_its_kind(status, response):
    assert response["description"]
    kind = "application/json" if status in {"200", "201"} else "application/problem+json"
    [(documented, content)] = response["content"].items()
    assert (documented, bool(content["schema"])) == (kind, True)


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        ("post /users", {201, 409, 422}),
        ("get /users/{user_id}", {200, 404, 422}),
        ("post /orders", {201, 422}),
        ("get /orders", {200, 422}),
        ("get /orders/{order_id}", {200, 404, 422}),
        ("post /payments", {200, 201, 404, 409, 422}),
    ],
)
def test_what_the_contract_promises_is_documented(operation, statuses):
    method, path = operation.split()
    documented = {int(status) for status in OPENAPI["paths"][path][method]["responses"] if status.isdigit()}
    assert {status for status in documented if status < 500} == statuses


async def test_the_document_is_served(shop):
    response = await shop.http.get("/openapi.json")
    assert (response.status_code, response.json()["info"]["title"]) == (200, "Shop")


async def test_a_page_that_does_not_exist_is_a_problem(shop):
    response = await shop.http.get("/nowhere")
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/problem+json")


async def test_a_method_that_does_not_exist_is_a_problem_that_names_those_that_do(shop):
    response = await shop.http.delete("/users")
    assert (response.status_code, response.headers["Content-Type"]) == (405, "application/problem+json")
    assert "POST" in response.headers["Allow"]


async def test_a_problem_says_where_and_what_but_repeats_nothing(shop):
    response = await shop.place(1, ("s3cret" * 20, 1, "1"))
    assert [error["location"] for error in response.json()["errors"]] == ["/body/lines/0/sku"]
    assert "s3cret" not in response.text

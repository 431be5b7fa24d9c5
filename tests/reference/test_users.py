from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest


async def test_a_registered_user_has_an_id_and_the_time_of_registration(shop):
    response = await shop.register("ada@example.com", "Ada")
    user = response.json()
    assert response.status_code == 201
    assert user.keys() == {"id", "email", "name", "created_at"}
    assert (type(user["id"]), user["email"], user["name"]) == (int, "ada@example.com", "Ada")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(user["created_at"])) < timedelta(minutes=1)


async def test_a_registered_user_is_found(shop):
    user = (await shop.register()).json()
    response = await shop.http.get(f"/users/{user['id']}")
    assert (response.status_code, response.json()) == (200, user)


async def test_an_email_is_stored_as_it_was_given(shop):
    assert (await shop.register("Ada@Example.COM")).json()["email"] == "Ada@Example.COM"


async def test_an_email_in_another_case_is_taken(shop):
    await shop.register("ada@example.com")
    response = await shop.register("ADA@Example.com")
    assert (response.status_code, response.json()["title"]) == (409, "Conflict")
    assert response.json()["detail"] == "Another user has this email."


@pytest.mark.clone
async def test_of_many_who_register_with_one_email_one_succeeds(shop):
    responses = await asyncio.gather(*(shop.register() for _ in range(10)))
    assert sorted(response.status_code for response in responses) == [201] + [409] * 9


@pytest.mark.parametrize("user_id", [0, -1, 999, 2**63 - 1, -(2**63)])
async def test_a_user_who_does_not_exist_is_not_found(shop, user_id):
    assert (await shop.http.get(f"/users/{user_id}")).status_code == 404


@pytest.mark.parametrize("user_id", ["ada", "1.5", 2**63, -(2**63) - 1, "1" + 5000 * "0"])
async def test_an_id_that_is_no_bigint_is_refused(shop, user_id):
    assert (await shop.http.get(f"/users/{user_id}")).status_code == 422


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@@example.com",
        "a da@example.com",
        "ada@example.com\n",
        "a\x00@b",
        "\ud800@b",
    ],
)
async def test_what_has_not_the_shape_of_an_email_is_refused(shop, email):
    assert (await shop.register(email)).status_code == 422


async def test_an_email_has_at_most_254_characters(shop):
    assert (await shop.register("a" * 252 + "@b")).status_code == 201
    assert (await shop.register("a" * 253 + "@b")).status_code == 422


@pytest.mark.parametrize("name", ["", "   ", "A\x00da", "A\nda", "\udfff", None, 7, ["Ada"]])
async def test_a_name_that_cannot_be_shown_on_a_line_is_refused(shop, name):
    assert (await shop.register(name=name)).status_code == 422


async def test_a_name_has_at_most_200_characters_of_any_script(shop):
    assert (await shop.register("a@b", "語" * 200)).json()["name"] == "語" * 200
    assert (await shop.register("c@d", "語" * 201)).status_code == 422


async def test_everything_that_is_wrong_is_said_at_once(shop):
    response = await shop.http.post("/users", json={"email": "ada"})
    locations = {error["location"] for error in response.json()["errors"]}
    assert locations == {"/body/email", "/body/name"}


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"ada"', "\xff"])
async def test_a_body_that_is_no_user_is_refused(shop, content):
    response = await shop.http.post(
        "/users", content=content.encode("latin-1"), headers={"Content-Type": "application/json"}
    )
    assert response.status_code in {400, 422}

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.cli.scaffold.naming import Names, check_project_name, check_service_name, singular
from poolhouse.errors import CommandError


@pytest.mark.parametrize("name", ["shop", "my-shop", "shop_2", "a"])
def test_a_project_can_be_called_so(name):
    assert check_project_name(name) == name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("My Shop", "Try my-shop"),
        ("MyShop", "Try my-shop"),
        ("../shop", "Try shop"),
        ("2shops", "Try shops"),
        ("-shop", "Try shop"),
        ("shop-", "Try shop"),
        ("", "Try shop"),
        ("店", "Try shop"),
        ("poolhouse", "cannot be called so"),
        ("a" * 41, "at most 40"),
    ],
)
def test_another_name_is_refused_with_one_to_take(name, told):
    with pytest.raises(CommandError, match=told):
        check_project_name(name)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("giftCards", "Try gift_cards"),
        ("gift-cards", "Try gift_cards"),
        ("Invoices", "Try invoices"),
        ("invoices\n", "Try invoices"),
        ("class", "a word of Python's own"),
        ("pg_things", "a schema 'pg_things' is there already"),
        ("poolhouse", "a schema 'poolhouse' is there already"),
        ("providers", "every container has a 'providers' of its own"),
        ("validate", "every container has a 'validate' of its own"),
        ("a" * 41, "at most 40"),
    ],
)
def test_a_service_that_could_not_be_wired_is_refused(name, told):
    with pytest.raises(CommandError, match=told):
        check_service_name(name)


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("invoices", "invoice"),
        ("gift_cards", "gift_card"),
        ("categories", "category"),
        ("addresses", "address"),
        ("purchases", "purchase"),
        ("boxes", "box"),
        ("branches", "branch"),
        ("billing", "entry"),
        ("status", "entry"),
        ("analysis", "entry"),
        ("s", "entry"),
    ],
)
def test_one_of_many_is_called_as_in_english(many, one):
    assert singular(many) == one


@pytest.mark.parametrize(
    ("one", "words"), [("user", "a user"), ("hour_log", "a hour log"), ("umbrella", "an umbrella")]
)
def test_an_article_is_chosen_by_the_first_letters(one, words):
    assert Names("many", one).words("things", "thing")["a_thing_"] == words


@given(st.text(max_size=45))
def test_a_name_that_is_taken_is_one_that_python_and_postgresql_take_too(name):
    try:
        check_service_name(name)
    except CommandError:
        return
    assert ast.parse(f"{name} = 1")
    assert name == name.lower()
    assert len(name.encode()) <= 40

"""The page about settings says what the settings are."""

from __future__ import annotations

import types
from typing import get_args

import pytest

from poolhouse.settings import ApplicationSettings, variables
from tests.unit.settings.page import ENVIRONMENTS, PAGE, SECTIONS, UNIT, fields, rewritten, rewritten_environments

EVERY = {name: field for prefix in SECTIONS for name, field in fields(prefix)}


def test_the_tables_of_the_page_are_those_of_the_settings():
    text = PAGE.read_text()
    assert text == rewritten(text), "run: python -m tests.unit.settings.page"


def test_what_differs_between_profiles_is_in_one_table():
    text = ENVIRONMENTS.read_text()
    assert text == rewritten_environments(text), "run: python -m tests.unit.settings.page"
    assert "| `APP_DATABASE__MIGRATION_MODE` | `apply` | `apply` | `wait` | `wait` |" in text


def test_every_setting_is_on_the_page():
    names = {f"APP_{name}" for name in variables(ApplicationSettings)} - {"APP_DATABASE", "APP_EMBEDDED"}
    assert names == EVERY.keys()
    assert all(f"| `{name}` |" in PAGE.read_text() for name in names)


@pytest.mark.parametrize("name", EVERY)
def test_every_setting_says_its_unit_and_its_default(name):
    field = EVERY[name]
    kinds = get_args(field.annotation) if isinstance(field.annotation, types.UnionType) else (field.annotation,)
    if {int, float} & set(kinds):
        assert UNIT.match(field.description)
    # What it is, and the reason for its default, in a sentence of its own.
    assert ". " in field.description

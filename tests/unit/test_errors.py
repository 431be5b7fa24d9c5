from __future__ import annotations

import inspect
import pickle

import pytest

from poolhouse import errors
from poolhouse.errors import PoolExhaustedError, PoolhouseError, SettingError, SettingsError

ERRORS = [getattr(errors, name) for name in errors.__all__]


def drawn():
    """Read the tree at the top of the module: every error with the one it hangs on."""
    parents, path = {}, []
    for line in errors.__doc__.splitlines():
        name = line.lstrip("│├└─ ")
        if name in errors.__all__:
            depth = (len(line) - len(name)) // 4
            path[depth:] = [name]
            parents[name] = path[depth - 1] if depth else None
    return parents


def test_the_list_of_public_names_is_sorted_and_whole():
    defined = {name for name, kind in vars(errors).items() if inspect.isclass(kind)}
    assert errors.__all__ == sorted(defined)


def test_the_tree_is_drawn_as_it_is():
    parents = drawn()
    assert parents.keys() == set(errors.__all__)
    for error in ERRORS[1:]:
        parent = parents[error.__name__]
        assert parent is None or getattr(errors, parent) in error.__mro__


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_a_poolhouse_error_and_says_what_it_is(error):
    assert issubclass(error, PoolhouseError)
    assert inspect.getdoc(error)


def test_an_error_is_the_fact_at_its_place_with_the_remedy():
    error = PoolhouseError("it is too small", place="the box", remedy="Take another one")
    assert str(error) == "the box: it is too small. Take another one"


@pytest.mark.parametrize(
    "error",
    [
        PoolExhaustedError(service="users", waited=1.5, holders=("orders (2.0 s)",), max_size=3),
        SettingsError([SettingError("APP_X", "there is no such setting", remedy="Did you mean APP_Y?")]),
    ],
)
def test_an_error_survives_pickling_with_its_attributes(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again).keys() == vars(error).keys()

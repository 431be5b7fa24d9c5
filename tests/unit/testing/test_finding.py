from __future__ import annotations

from types import SimpleNamespace

import pytest

from poolhouse.errors import CommandError
from poolhouse.testing.application import container_of, settings_of
from poolhouse.testing.isolation import Isolation, default_of


def test_a_project_without_an_application_is_told_how_to_name_it(tmp_path):
    for find in (container_of, settings_of):
        with pytest.raises(CommandError, match=r"no pyproject\.toml with \[tool\.poolhouse\]"):
            find(tmp_path)


def test_an_isolation_that_there_is_not_is_refused():
    config = SimpleNamespace(getini=lambda _: "none")
    with pytest.raises(pytest.UsageError, match="poolhouse_isolation is 'none', and can be 'rollback' or 'clone'"):
        default_of(config)


@pytest.mark.parametrize("isolation", Isolation)
def test_each_isolation_may_be_the_default(isolation):
    assert default_of(SimpleNamespace(getini=lambda _: str(isolation))) is isolation

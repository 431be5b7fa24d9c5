from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import poolhouse

PACKAGES = [
    "poolhouse",
    "poolhouse.container",
    "poolhouse.embedded",
    "poolhouse.errors",
    "poolhouse.integrations.fastapi",
    "poolhouse.integrations.opentelemetry",
    "poolhouse.integrations.prometheus",
    "poolhouse.logs",
    "poolhouse.migrations",
    "poolhouse.pool",
    "poolhouse.roles",
    "poolhouse.schema",
    "poolhouse.settings",
    "poolhouse.testing",
]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_its_names_in_order_and_has_them_all(package):
    module = importlib.import_module(package)
    assert module.__all__ == sorted(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def test_a_name_that_the_package_has_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Contianer"):
        _ = poolhouse.Contianer


@pytest.mark.parametrize("package", ["poolhouse", "poolhouse.errors", "poolhouse.testing.plugin"])
def test_what_is_imported_everywhere_does_not_load_the_driver(package):
    code = f"import sys, {package}; sys.exit(bool({{'asyncpg', 'dependency_injector', 'fastapi'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

from __future__ import annotations

import ast
import importlib
from functools import cache
from pathlib import Path

import pytest

from poolhouse.container.runtime import Runtime
from poolhouse.schema import SchemaManager
from poolhouse.testing import plugin

ROOT = Path(__file__).parents[2]

# Those of errors are caught and read, which test_errors.py looks at.
PACKAGES = [
    "poolhouse",
    "poolhouse.container",
    "poolhouse.embedded",
    "poolhouse.integrations.fastapi",
    "poolhouse.integrations.opentelemetry",
    "poolhouse.integrations.prometheus",
    "poolhouse.logs",
    "poolhouse.migrations",
    "poolhouse.migrations.repair",
    "poolhouse.pool",
    "poolhouse.roles",
    "poolhouse.schema",
    "poolhouse.settings",
    "poolhouse.testing",
]

CALLED_BY_THE_LIBRARY = {"guard_resources", "resolver_of"}


@cache
def nodes():
    trees = [ast.parse(file.read_text()) for file in sorted((ROOT / "typing_tests").glob("*.py"))]
    return [node for tree in trees for node in ast.walk(tree)]


def imported_from(package):
    return {
        name.name
        for node in nodes()
        if isinstance(node, ast.ImportFrom)
        if node.module == package
        for name in node.names
    }


def attributes():
    return {node.attr for node in nodes() if isinstance(node, ast.Attribute)}


def parameters():
    return {node.arg for node in nodes() if isinstance(node, ast.arg)}


def functions():
    return {node.name for node in nodes() if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def is_a_fixture(node):
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    return any(ast.unparse(each).startswith("pytest.fixture") for each in decorators)


def fixtures():
    found = (node.name for node in ast.parse(Path(plugin.__file__).read_text()).body if is_a_fixture(node))
    return {name for name in found if not name.startswith("_")}


def public(kind):
    return {
        name
        for part in kind.__mro__
        if part.__module__.startswith("poolhouse")
        for name in vars(part)
        if name[0] != "_"
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_used_by_a_typing_test(package):
    assert set(importlib.import_module(package).__all__) - imported_from(package) == set()


@pytest.mark.parametrize("kind", [Runtime, SchemaManager])
def test_every_method_of_what_is_used_most_is_called_by_a_typing_test(kind):
    assert public(kind) - attributes() - CALLED_BY_THE_LIBRARY == set()


def test_every_fixture_is_annotated_in_a_typing_test():
    assert fixtures() >= {"application", "overriding", "slice_of", "queries", "bridge", "database"}
    assert fixtures() - parameters() - functions() == set()

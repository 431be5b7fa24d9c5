"""From nothing but the wheel to a project with a service of one's own, as somebody new does; run by `make newcomer`."""

from __future__ import annotations

import json
import os
import sys

import httpx
import pytest

from tests.packaging import contract
from tests.packaging.application import Run

pytestmark = [pytest.mark.newcomer, pytest.mark.timeout(900)]


@pytest.fixture
def installed(built, step, tmp_path):
    """Give an environment with the wheel and what a newcomer is told to install with it, first on the path."""
    step(f"{sys._base_executable} -m venv tools", tmp_path)
    wheel = next(built.glob("*.whl"))
    step(f"tools/bin/pip install --quiet 'poolhouse[scaffold] @ {wheel.as_uri()}'", tmp_path)
    return activated(tmp_path / "tools")


def activated(environment):
    """Return what `. bin/activate` changes."""
    return {"PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "VIRTUAL_ENV": str(environment)}


def test_a_shop_gets_a_service_of_its_own(step, installed, newcomers, tmp_path):
    step("poolhouse new shop", tmp_path, installed)
    shop = tmp_path / "shop"
    step("make test", shop, installed)
    with Run(shop, **newcomers) as run:
        contract.check(run.url)
        assert run.end() == []
    assert "Stopped cleanly." in run.said

    own = activated(shop / ".venv")
    step("poolhouse add service invoices --needs orders", shop, own)
    step("poolhouse add service refunds --needs payments --needs invoices", shop, own)
    step("make test", shop, own)
    step("make check", shop, own)
    status = json.loads(step("poolhouse migrations status --json", shop, own))
    assert {each["module"]: each["state"] for each in status["modules"]} == {
        **dict.fromkeys(["users", "orders", "payments"], "up to date"),
        **dict.fromkeys(["invoices", "refunds"], "pending"),
    }
    assert "invoices" in step("poolhouse graph", shop, own)
    with Run(shop, **newcomers) as run:
        contract.check(run.url)
        refused = httpx.post(f"{run.url}/invoices", json={"name": "first", "order_id": 4711})
        assert (refused.status_code, refused.json()["detail"]) == (422, "There is no such order.")
        created = httpx.post(f"{run.url}/invoices", json={"name": "first", "order_id": 1}).json()
        assert httpx.get(f"{run.url}/invoices/{created['id']}").json() == created
        assert run.end() == []


def test_a_bare_project_is_green_and_serves(step, installed, newcomers, tmp_path):
    step("poolhouse new tea-house --bare", tmp_path, installed)
    bare = tmp_path / "tea-house"
    step("make test", bare, installed)
    step("make check", bare, installed)
    with Run(bare, **newcomers) as run:
        assert httpx.get(f"{run.url}/health/ready").status_code == 200
        created = httpx.post(f"{run.url}/items", json={"name": "first"}).json()
        assert httpx.get(f"{run.url}/items/{created['id']}").json() == created
        assert run.end() == []


def test_the_wheel_alone_names_the_extra_of_each_part_that_needs_one(step, built, tmp_path):
    wheel = next(built.glob("*.whl"))
    step(f"{sys._base_executable} -m venv alone", tmp_path)
    step(f"alone/bin/pip install --quiet {wheel}", tmp_path)
    (tmp_path / "parts.py").write_text(PARTS)
    parts = json.loads(step("alone/bin/python parts.py", tmp_path))
    assert {"cli", "embedded", "fastapi", "scaffold", "testing"} <= set(parts["extras"])
    assert parts["refused"]["poolhouse.integrations.fastapi"] == "fastapi"
    assert parts["refused"]["poolhouse.integrations.uvicorn"] == "fastapi"
    assert set(parts["refused"].values()) <= set(parts["extras"])
    told = step("alone/bin/poolhouse --help 2>&1 || test $? = 2", tmp_path)
    assert "pip install 'poolhouse[cli]'" in told


# Every module is imported, but those that only the command and pytest import, which are theirs alone.
PARTS = """
import importlib, json, pkgutil
from importlib.metadata import metadata
import poolhouse
from poolhouse.errors import ExtraMissingError

[getattr(poolhouse, name) for name in poolhouse.__all__]
refused = {}

def refuse(name):
    pass

for found in pkgutil.walk_packages(poolhouse.__path__, "poolhouse.", onerror=refuse):
    if found.name.startswith(("poolhouse.cli.", "poolhouse.testing.")):
        continue
    try:
        importlib.import_module(found.name)
    except ExtraMissingError as error:
        refused[found.name] = error.extra
extras = metadata("poolhouse").get_all("Provides-Extra")
print(json.dumps({"refused": refused, "extras": sorted(extras)}))
"""

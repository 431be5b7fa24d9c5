"""dependency-injector's own `wire`, `@inject` and `Provide` with our containers."""

from __future__ import annotations

import gc
import importlib.util
import sys
from pathlib import Path

import httpx
import pytest
from dependency_injector import providers
from fastapi import FastAPI

from poolhouse.container import Container
from poolhouse.errors import Violations


class Users(Container):
    service = providers.Factory(str, "users")


class App(Container):
    users = providers.Container(Users)


@pytest.fixture
def load():
    """Imports a module of this folder anew, so that no test sees what another one wired."""
    loaded = []

    def load(name):
        spec = importlib.util.spec_from_file_location(f"{name}_of_a_test", Path(__file__).parent / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        loaded.append(spec.name)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in loaded:
        del sys.modules[name]


@pytest.fixture
def module(load):
    return load("wired_module")


async def test_functions_are_filled_and_see_overrides(module):
    application = App()
    application.wire(modules=[module])
    assert (module.by_default(), await module.awaited()) == ("users", "users")
    with application.users.service.override("fake"):
        assert (module.by_default(), await module.awaited()) == ("fake", "fake")
    application.unwire()


async def test_routes_that_depend_on_a_marker_are_filled(module):
    application = App()
    application.wire(modules=[module])
    web = FastAPI()
    web.get("/")(module.endpoint)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://test") as client:
        assert (await client.get("/")).json() == "users"
    application.unwire()


def test_markers_that_lead_nowhere_are_errors_all_at_once_and_nothing_stays_wired(load):
    mistyped = load("mistyped_module")
    with pytest.raises(Violations) as raised:
        App().wire(modules=[mistyped])
    told = sorted(str(each) for each in raised.value.violations)
    assert [each.partition(":")[0] for each in told] == ["one", "other"]
    assert "leads to no provider of this container" in told[0]
    assert mistyped.right() != "users"


def test_the_end_of_one_container_leaves_another_wired(module):
    first, second = App(), App()
    second.users.service.override("second")
    first.wire(modules=[module])
    second.wire(modules=[module])
    assert module.by_default() == "second"
    second.unwire()
    assert module.by_default() == "users"
    second.wire(modules=[module])
    first.unwire()
    assert module.by_default() == "second"
    second.unwire()
    assert module.by_default() not in ("users", "second")


async def test_a_wired_container_is_validated_started_and_inherited_from(module):
    application = App()
    application.wire(modules=[module])
    assert [*application.providers] == [*App.providers] == ["users"]
    async with application:
        assert type("Special", (App,), {})().users.service() == "users"
    application.unwire()


def test_a_container_that_is_gone_is_not_wired_again(module):
    first, second = App(), App()
    first.wire(modules=[module])
    second.wire(modules=[module])
    module_of_first = first.wired_to_modules
    assert module_of_first == [module]
    del first
    gc.collect()
    second.unwire()
    assert module.by_default() not in ("users", "second")


def test_a_container_may_name_its_modules_itself(load):
    from dependency_injector import containers

    module = load("wired_module")

    class Wired(App):
        wiring_config = containers.WiringConfiguration(modules=[module.__name__])

    application = Wired()
    assert module.by_default() == "users"
    application.unwire()

"""Errors of running an application, each raised for its section."""

from __future__ import annotations

import importlib
import socket
import sys

from poolhouse import SchemaManager
from poolhouse.cli.application import Application
from poolhouse.container import Container
from poolhouse.errors import (
    AddressInUseError,
    CommandError,
    ExtraMissingError,
    PoolhouseError,
    TemplateError,
    Violations,
)
from poolhouse.integrations.fastapi import Injected, Router
from poolhouse.integrations.uvicorn import listen


class Prices:
    pass


async def test_anything(pool, told):
    with told(PoolhouseError, by=TemplateError):
        await SchemaManager(pool, schema="orders").fetch("SELECT * FROM {{tabels.orders}}")


def test_an_injection_that_nothing_satisfies(told):
    router = Router()

    @router.get("/prices")
    async def prices(prices: Injected[Prices]):
        return prices

    with told(Violations):
        router.bind(Container())


def test_a_port_that_is_taken(told):
    with socket.create_server(("127.0.0.1", 0)) as other, told(AddressInUseError):
        listen("127.0.0.1", other.getsockname()[1], setting="APP_HTTP__")


def test_a_command_that_leads_nowhere(told):
    with told(CommandError):
        Application().sets(["user"])


def test_an_extra_that_is_not_installed(told, monkeypatch):
    name = "poolhouse.integrations.prometheus"
    for module in [each for each in sys.modules if each.startswith(name)]:
        monkeypatch.delitem(sys.modules, module)
    # As Python sees a package that is not installed.
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with told(ExtraMissingError):
        importlib.import_module(name)

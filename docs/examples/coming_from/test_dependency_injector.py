from __future__ import annotations

import sys

import pytest
from dependency_injector import containers, providers
from dependency_injector.wiring import Provide, inject

from poolhouse import Container


class Client:
    def __init__(self):
        self.is_open = False

    async def open(self):
        self.is_open = True

    async def close(self):
        self.is_open = False


# begin: before
async def connected_client():
    client = Client()
    await client.open()
    yield client
    await client.close()


class Before(containers.DeclarativeContainer):
    client = providers.Resource(connected_client)


async def main_before():
    container = Before()
    await container.init_resources()
    client = await container.client()  # a Future, since the resource is asynchronous
    assert client.is_open
    await container.shutdown_resources()


# end: before
# begin: after
class After(Container):
    client = providers.Resource(Client)  # its open() and close() are called


async def main_after():
    async with After() as container:
        assert container.client().is_open


# end: after
async def test_both():
    await main_before()
    await main_after()


async def test_generators_are_resources_as_before():
    class Same(Container):
        client = providers.Resource(connected_client)

    async with Same() as container:
        assert container.client().is_open


# begin: wiring
@inject
def use(client: Client = Provide["client"]):
    return client


async def test_wiring_goes_on_working():
    async with After() as container:
        container.wire(modules=[sys.modules[__name__]])
        assert use() is container.client()
        container.unwire()
    # end: wiring


async def test_an_override_is_taken_back_and_closed():
    # begin: override
    async with After() as container:
        async with container.overriding(container.client, providers.Resource(Client)):
            replacement = container.client()
            assert replacement.is_open
        assert not replacement.is_open
        assert container.client() is not replacement
    # end: override


def test_a_provider_may_not_hide_a_method():
    with pytest.raises(Exception, match="state"):

        class Hides(Container):
            state = providers.Object(1)

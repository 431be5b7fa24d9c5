from __future__ import annotations

import pytest
from dependency_injector import providers

from poolhouse import Container
from poolhouse.container import Injected, inject
from poolhouse.errors import LifecycleError, WiringError


class Client:
    def __init__(self):
        self.is_open = False

    async def open(self):
        self.is_open = True

    async def close(self):
        self.is_open = False


class Mailer:
    def __init__(self, client):
        self.client = client


class Silent(Mailer):
    pass


async def generated():
    yield "something that is there once it was started"


# begin: container
class Application(Container):
    client = providers.Resource(Client)
    mailer = providers.Factory(Mailer, client)


# end: container
async def test_three_ways_to_the_same():
    # begin: ways
    async with Application() as application:
        mailer = application.mailer()  # dependency-injector's own
        mailer = application.resolve(Mailer)  # by its class, which type checkers know
        new_mailer = application.resolver(Mailer)  # compiled once, for what is called often
        assert new_mailer().client is mailer.client
    # end: ways


def test_before_the_start_services_can_be_built_already():
    # begin: before
    application = Application()
    assert not application.mailer().client.is_open
    # end: before


def test_what_only_a_start_makes_is_refused_before_it():
    class Late(Container):
        token = providers.Resource(generated)
        mailer = providers.Factory(Mailer, token)

    with pytest.raises(LifecycleError, match="token"):
        Late().mailer()


async def test_overrides_are_seen_by_what_was_compiled_before():
    # begin: override
    application = Application()
    new_mailer = application.resolver(Mailer)
    with application.mailer.override(providers.Factory(Silent, application.client)):
        assert isinstance(new_mailer(), Silent)
    assert not isinstance(new_mailer(), Silent)
    # end: override


def test_a_frozen_container_is_not_overridden():
    # begin: freeze
    application = Application()
    application.freeze()
    with pytest.raises(WiringError):
        application.mailer.override(Silent(None))
    # end: freeze


# begin: inject
@inject
async def remind(address: str, mailer: Injected[Mailer]) -> str:
    return f"{address} by {type(mailer).__name__}"


async def test_functions_are_injected_into():
    async with Application() as application:
        with application.injecting():
            assert await remind("ada@example.org") == "ada@example.org by Mailer"
        assert await application.inject(remind)("ada@example.org") == "ada@example.org by Mailer"
    # end: inject

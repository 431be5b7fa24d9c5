"""Nothing is found in what is right, or may be."""

from __future__ import annotations

import pytest
from dependency_injector import providers

from containers.application import ApplicationContainer
from poolhouse.settings import ApplicationSettings
from services import orders, payments, users
from tests.unit.container import legal_wirings
from tests.unit.container.legal_wirings import LEGAL


@pytest.mark.parametrize("kind", LEGAL, ids=lambda kind: kind.__name__)
def test_nothing_is_found_in_legal_wirings(kind):
    assert kind().validate() == ()


@pytest.mark.parametrize("kind", LEGAL, ids=lambda kind: kind.__name__)
def test_nothing_is_found_in_legal_wirings_that_were_used(kind):
    container = kind()
    for provider in container.providers.values():
        if isinstance(provider, providers.Factory | providers.BaseSingleton):
            try:
                provider()
            except Exception:  # noqa: BLE001 - what needs to be open, or is called with more
                continue
    assert container.validate() == ()


async def test_what_is_legal_starts_and_resolves(request):
    async with legal_wirings.Resources() as started:
        assert started.literal() == 3
        assert isinstance(started.user(), legal_wirings.Clock)


@pytest.mark.parametrize("name", ["service", "full", "called", "uses_selected", "handed", "uses_delegate"])
def test_the_legal_providers_are_really_so(name):
    legal_wirings.Kinds().providers[name]()


@pytest.mark.parametrize(
    "name", sorted({*legal_wirings.Callees.providers} - {"settings", "nested_settings", "specified", "mock"})
)
def test_the_legal_callees_can_really_be_called(name):
    legal_wirings.Callees().providers[name]()


def test_overrides_by_stand_ins_are_legal():
    container = legal_wirings.Kinds()
    with container.clock.override(providers.Object("a fake")), container.service.override(providers.Factory(dict)):
        assert container.validate() == ()


def test_nothing_is_found_in_the_reference_application(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    application = ApplicationContainer(settings=ApplicationSettings())
    assert application.validate(users.router, orders.router, payments.router) == ()
    application.check_dependencies()

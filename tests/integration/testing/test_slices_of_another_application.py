from __future__ import annotations

from pathlib import Path

import pytest
from dependency_injector import providers

from poolhouse.container import Container
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import ApplicationSettings

MIGRATIONS = Path(__file__).parents[3] / "migrations" / "users"


class Clock:
    """What the application has itself."""


class Searching:
    def __init__(self, db: SchemaManager, clock: Clock) -> None:
        self.db = db
        self.clock = clock


class SearchContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    clock = providers.Dependency(instance_of=Clock)
    db = providers.Factory(SchemaManager, pool, schema="search")
    migrations = providers.Factory(MigrationSet, db, MIGRATIONS, module="search")
    service = providers.Factory(Searching, db, clock)


class Adapter:
    """What fits one service to another."""

    def __init__(self, searching: Searching) -> None:
        self.searching = searching


class Showing:
    def __init__(self, source: Adapter) -> None:
        self.source = source


class CatalogueContainer(Container):
    source = providers.Dependency(instance_of=Adapter)
    service = providers.Factory(Showing, source)


class Shop(Container):
    settings = providers.Dependency(instance_of=ApplicationSettings)
    clock = providers.Singleton(Clock)
    mail = providers.Singleton(dict)
    pool = providers.Resource(SharedPool, settings.provided.database)
    search = providers.Container(SearchContainer, pool=pool, clock=clock)
    adapter = providers.Factory(Adapter, search.service)
    catalogue = providers.Container(CatalogueContainer, source=adapter)


@pytest.fixture(scope="module")
def application_container():
    return Shop


async def test_what_the_application_has_itself_comes_along(slice_of):
    async with slice_of("search", extent="direct") as search:
        assert search.container.service().clock is search.application.clock()
        assert "search" in search.application.pool().roles


async def test_what_nobody_needs_stays_behind(slice_of):
    async with slice_of("search", extent="direct") as search:
        assert "catalogue" not in search.application.providers


async def test_what_a_service_needs_through_something_else_is_started(slice_of):
    async with slice_of("catalogue", extent="direct") as catalogue:
        searching = catalogue.container.service().source.searching
        assert await searching.db.fetchval("SELECT current_user") == catalogue.application.pool().roles["search"]

"""In what order do things start and stop, and what is left of a start that fails?"""

from __future__ import annotations

import asyncio

import pytest
from dependency_injector import containers, providers

from poolhouse import Container
from poolhouse.errors import ContainerError


# begin: resources
class Pool:
    is_open = False


class Repository:
    def __init__(self, pool):
        self.pool = pool


async def open_pool():
    pool = Pool()
    pool.is_open = True
    yield pool
    pool.is_open = False


async def run_outbox(repository, seen):
    yield
    await asyncio.sleep(0.01)  # it sends what is left, which needs the pool
    seen.append(repository.pool.is_open)


# end: resources
# begin: plain
class Plain(containers.DeclarativeContainer):
    seen = providers.Singleton(list)
    pool = providers.Resource(open_pool)
    repository = providers.Factory(Repository, pool)
    outbox = providers.Resource(run_outbox, repository, seen)


async def test_dependency_injector_closes_the_pool_under_the_outbox():
    container = Plain()
    await container.init_resources()
    await container.shutdown_resources()
    assert container.seen() == [False]


# end: plain
# begin: ours
class Ours(Container):
    seen = providers.Singleton(list)
    pool = providers.Resource(open_pool)
    repository = providers.Factory(Repository, pool)
    outbox = providers.Resource(run_outbox, repository, seen)


async def test_poolhouse_closes_it_after_the_outbox():
    async with Ours() as container:
        pass
    assert container.seen() == [True]


# end: ours
# begin: half
async def connect_to_cache():
    await asyncio.sleep(0)
    raise ConnectionError


class HalfPlain(containers.DeclarativeContainer):
    pool = providers.Resource(open_pool)
    cache = providers.Resource(connect_to_cache)


async def test_dependency_injector_leaves_open_what_it_had_opened():
    container = HalfPlain()
    with pytest.raises(ConnectionError):
        await container.init_resources()
    await asyncio.sleep(0)
    assert (await container.pool()).is_open


class HalfOurs(Container):
    pool = providers.Resource(open_pool)
    repository = providers.Singleton(Repository, pool)
    cache = providers.Resource(connect_to_cache)


async def test_poolhouse_closes_it():
    container, opened = HalfOurs(), []
    with container.pool.override(providers.Resource(remembering, opened)), pytest.raises(ConnectionError):
        await container.init_resources()
    assert [pool.is_open for pool in opened] == [False]


# end: half
async def remembering(opened):
    async for pool in open_pool():
        opened.append(pool)
        yield pool


# begin: typo
class MistypedPlain(containers.DeclarativeContainer):
    repository = providers.Factory(Repository, poool=providers.Object(Pool()))


class Mistyped(Container):
    repository = providers.Factory(Repository, poool=providers.Object(Pool()))


def test_a_mistyped_argument_is_found_before_anything_is_opened(shown):
    MistypedPlain().check_dependencies()  # finds nothing
    with pytest.raises(ContainerError) as found:
        Mistyped().validate()
    # end: typo
    shown("mistyped.txt", str(found.value))


async def test_what_depends_on_an_asynchronous_resource_has_to_be_awaited_for_ever_after():
    # begin: future
    container = Plain()
    await container.init_resources()
    assert isinstance(container.repository(), asyncio.Future)  # not a Repository, also after the start

    async with Ours() as ours:
        assert isinstance(ours.repository(), Repository)
    # end: future
    await container.shutdown_resources()

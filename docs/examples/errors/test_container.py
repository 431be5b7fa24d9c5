"""Errors of wiring and of the container's lifecycle, each raised for its section."""

from __future__ import annotations

import asyncio

from dependency_injector import providers

from poolhouse import Container, SchemaManager, SharedPool
from poolhouse.container import BackgroundTask, Scoped
from poolhouse.errors import (
    BackgroundTaskError,
    ContainerError,
    LifecycleError,
    ProviderError,
    ScopeError,
    StepTimeoutError,
    UnfinishedWorkError,
    WiringError,
)


async def deliver():
    raise ConnectionError


async def wait():
    await asyncio.Event().wait()


class Basket:
    pass


class Slow:
    async def open(self):
        await asyncio.Event().wait()

    async def close(self):
        pass


class OrdersContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="orders")
    basket = Scoped(Basket)


def test_wiring(told):
    with told(WiringError):
        BackgroundTask(deliver, on_crash="retry")


def test_a_provider(told):
    class ApplicationContainer(Container):
        orders = providers.Container(OrdersContainer)

    try:
        ApplicationContainer().validate()
    except ContainerError as error:
        told.shows(ProviderError, error.violations[0])


async def test_a_container_within_another_is_started(told):
    class ApplicationContainer(Container):
        orders = providers.Container(OrdersContainer, pool=providers.Object(None))

    with told(LifecycleError):
        await ApplicationContainer().orders.init_resources()


async def test_an_object_outside_of_its_scope(told):
    class ApplicationContainer(Container):
        basket = Scoped(Basket)

    async with ApplicationContainer() as application:
        with told(ScopeError):
            application.basket()


async def test_work_that_does_not_end(told):
    class ApplicationContainer(Container):
        drain_timeout = 0.01

    application = ApplicationContainer()
    await application.init_resources()
    async with application.scope("the nightly report"):
        try:
            await application.shutdown_resources()
        except* UnfinishedWorkError as group:
            told.shows(UnfinishedWorkError, group.exceptions[0])


async def test_a_step_that_takes_too_long(told):
    class ApplicationContainer(Container):
        start_timeout = 0.01
        search = providers.Resource(Slow)

    with told(StepTimeoutError):
        await ApplicationContainer().init_resources()


async def test_a_background_task_that_crashes(told):
    class ApplicationContainer(Container):
        delivery = providers.Resource(BackgroundTask, deliver, on_crash="stop")

    with told(BackgroundTaskError):
        async with ApplicationContainer():
            await wait()

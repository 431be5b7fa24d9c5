"""A small application whose container has a pool, two services, and whatever observes them."""

from __future__ import annotations

import uuid

import pytest
from dependency_injector import providers

from poolhouse.container import Container
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings


class ObservedContainer(Container):
    settings = providers.Dependency(instance_of=DatabaseSettings)
    pool = providers.Resource(SharedPool, settings)
    users = providers.Factory(SchemaManager, pool, schema="users")
    orders = providers.Factory(SchemaManager, pool, schema="orders")


@pytest.fixture
def settings(postgres):
    waits = {"startup_timeout": 5.0, "drain_timeout": 2.0, "acquire_timeout": 5.0, "service_roles": "off"}
    name = f"test {uuid.uuid4().hex}"
    return DatabaseSettings.model_validate(
        {"dsn": postgres, "min_size": 1, "max_size": 2, "application_name": name, **waits}
    )

"""What README shows, in one application that runs."""

from __future__ import annotations

import pytest
from dependency_injector import providers
from pydantic_settings import SettingsConfigDict

from containers.orders import OrdersContainer
from poolhouse import ApplicationSettings, Container, MigrationSet, Part, SchemaManager, SharedPool
from services.users import NewUser, User, UserNotFoundError, Users


class Settings(ApplicationSettings):
    model_config = SettingsConfigDict(env_prefix="README_")


class UsersContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="users")
    migrations = providers.Factory(MigrationSet, db, "migrations/users")
    service = providers.Factory(Users, db)


class ApplicationContainer(Container):
    settings = providers.Singleton(Settings)
    pool = providers.Resource(SharedPool, settings.provided.database)
    users = Part(UsersContainer, pool=pool)
    orders = Part(OrdersContainer, pool=pool, users=users.service)


@pytest.fixture(autouse=True)
def environment(monkeypatch, database_settings):
    monkeypatch.setenv("README_DATABASE__DSN", database_settings.dsn.get_secret_value())
    monkeypatch.setenv("README_DATABASE__ROLE_PREFIX", database_settings.role_prefix)


async def test_the_application_starts_and_serves():
    with pytest.raises(UserNotFoundError):
        async with ApplicationContainer() as application:
            await application.users.service().get(1)


class Renaming(Users):
    async def rename(self, user_id, name):
        async with self._db.transaction():
            await self._db.execute("UPDATE {{tables.users}} SET name = $1 WHERE id = $2", name, user_id)
            return await self._db.fetchrow("SELECT * FROM {{tables.users}} WHERE id = $1", user_id, into=User)


async def test_queries_of_a_transaction_belong_together():
    async with ApplicationContainer() as application:
        users = Renaming(application.users.db())
        user = await users.register(NewUser(email="ada@example.org", name="Ada"))
        assert (await users.rename(user.id, "Ada Lovelace")).name == "Ada Lovelace"

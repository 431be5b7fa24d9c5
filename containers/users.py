"""The wiring of users."""

from dependency_injector import providers

from poolhouse.container import Container
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from services.users import Users


class UsersContainer(Container):
    """Users, who need nothing but the pool."""

    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="users")
    migrations = providers.Factory(MigrationSet, db, "migrations/users")
    service = providers.Factory(Users, db)

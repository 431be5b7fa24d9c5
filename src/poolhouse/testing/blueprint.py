"""How an application, or a slice of it, is made for a test's database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

from pydantic import SecretStr

from poolhouse._core.roles import role_of
from poolhouse.container import pools
from poolhouse.container.kinds import makes
from poolhouse.container.plan import plan_start
from poolhouse.embedded import EmbeddedPostgres
from poolhouse.errors import ForeignDatabaseError
from poolhouse.migrations.access import SERVICE
from poolhouse.migrations.files import ledger_written, read_folder
from poolhouse.pool import SharedPool
from poolhouse.settings import MigrationMode, Pooler, ServiceRoles
from poolhouse.testing.databases import PREFIX, check_own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from poolhouse.container import Container
    from poolhouse.container.plan import StartPlan
    from poolhouse.settings import DatabaseSettings

# A database that is named in settings and never opened, to look at what an application would do with one.
_NOWHERE = f"postgresql://nobody@localhost/{PREFIX}nowhere"


@dataclass(frozen=True, slots=True, eq=False)
class Blueprint:
    """Makes containers that are alike, each for the database that it is given.

    `settings` are those of the application's database, of which tests replace what leads to it.
    """

    make: Callable[[DatabaseSettings], Container]
    settings: DatabaseSettings
    key: object = None
    """Equal for blueprints whose containers do the same to a database; None where only it itself does."""

    def read(self) -> Subject:
        """Return what its containers do to a database, without one; raises what planning a start raises."""
        container = self.make(self._settings(_NOWHERE, "", is_migrated=False))
        plan = plan_start(cast("Any", container))
        services = {each.db.service for each in plan.migrations} | {each.service for each in plan.managers}
        has_roles = self.settings.service_roles is not ServiceRoles.OFF
        subject = ", ".join(sorted({each.module for each in plan.migrations})) or "no migrations"
        is_plain = all(_is_plain(each.provider) for each in (*plan.before, *plan.after))
        digest = _digest(plan, has_roles=has_roles)
        return Subject(subject, digest, frozenset(services - {SERVICE}), has_roles=has_roles, is_plain=is_plain)

    def unmigrated(self, dsn: str, role_prefix: str) -> Container:
        """Return a container that is to migrate the database."""
        return self._checked(dsn, self._settings(dsn, role_prefix, is_migrated=False))

    def migrated(self, dsn: str, roles: Mapping[str, str], role_prefix: str) -> Container:
        """Return a container that takes the database, and the roles of its services, as it finds them."""
        container = self._checked(dsn, self._settings(dsn, role_prefix, is_migrated=True))
        for pool in pools(cast("Any", container)):
            pool.set_roles(roles)
        return container

    def _settings(self, dsn: str, role_prefix: str, *, is_migrated: bool) -> DatabaseSettings:
        changes: dict[str, Any] = {
            "dsn": SecretStr(dsn),
            "migration_dsn": None,
            "migration_mode": MigrationMode.SKIP if is_migrated else MigrationMode.APPLY,
            # A test has one connection at first, and most have no more.
            "min_size": min(self.settings.min_size, 1),
            "pooler": Pooler.NONE,
        }
        if self.settings.service_roles is not ServiceRoles.OFF:
            changes["service_roles"] = ServiceRoles.OFF if is_migrated else ServiceRoles.MANAGED
        if role_prefix:
            changes["role_prefix"] = role_prefix
        return self.settings.model_copy(update=changes)

    def _checked(self, dsn: str, settings: DatabaseSettings) -> Container:
        container = self.make(settings)
        for pool in pools(cast("Any", container)):
            self._check(pool, dsn)
        return container

    def _check(self, pool: SharedPool, dsn: str) -> None:
        used = pool.dsn.get_secret_value() if pool.dsn is not None else ""
        if used != dsn:
            raise ForeignDatabaseError(pool.address if used else "no DSN", prefix=PREFIX)
        check_own(used)


@dataclass(frozen=True, slots=True)
class Subject:
    """What some containers make of a database.

    `name` has the modules of the migrations, `digest` stands for everything that makes up the result, and `is_plain`
    says that their start opens nothing but the pool.
    """

    name: str
    digest: str
    services: frozenset[str]
    has_roles: bool
    is_plain: bool

    @property
    def role_prefix(self) -> str:
        """With what the roles of the services begin; roles are of all databases of a server."""
        return role_prefix_of(self.digest)

    @property
    def roles(self) -> dict[str, str]:
        """The roles of the services."""
        prefix = self.role_prefix
        return {service: role_of(service, prefix) for service in self.services} if self.has_roles else {}


def role_prefix_of(digest: str) -> str:
    """Return the role prefix of a subject with this digest."""
    return f"{PREFIX}{digest[:6]}_"


def _digest(plan: StartPlan, *, has_roles: bool) -> str:
    digest = hashlib.sha256()
    for part in _parts(plan, has_roles=has_roles):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:16]


def _parts(plan: StartPlan, *, has_roles: bool) -> Iterator[bytes]:
    """Yield everything that a migrated database depends on."""
    yield f"{version('poolhouse')} {has_roles}".encode()
    yield ledger_written().folder_digest or b""
    for each in sorted(plan.migrations, key=lambda each: (each.module, each.db.schema)):
        yield repr((each.module, each.db.schema, each.db.service, each.schemas, sorted(each.db.reads))).encode()
        for path, data in read_folder(each.directory).files:
            yield path.name.encode()
            yield data
    for manager in sorted(plan.managers, key=lambda manager: (manager.service, manager.schema)):
        yield repr((manager.service, manager.schema, sorted(manager.reads))).encode()


def _is_plain(provider: Any) -> bool:
    return makes(provider, SharedPool) or makes(provider, EmbeddedPostgres)

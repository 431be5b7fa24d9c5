"""A service with what it needs, made anew at each call, by each of the peers as its documentation says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dishka
import modern_di
import that_depends
import wireup
from dependency_injector import containers, providers

from poolhouse.container import Container

if TYPE_CHECKING:
    from collections.abc import Callable


class Pool: ...


class Clock: ...


class Database:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool


class UserRepository:
    def __init__(self, db: Database) -> None:
        self.db = db


class OrderRepository:
    def __init__(self, db: Database) -> None:
        self.db = db


class Users:
    def __init__(self, repository: UserRepository, clock: Clock) -> None:
        self.repository = repository
        self.clock = clock


class Orders:
    def __init__(self, repository: OrderRepository, users: Users, clock: Clock) -> None:
        self.repository = repository
        self.users = users
        self.clock = clock

    def show(self, order_id: int) -> str:
        return f"order {order_id}"


MADE = (Database, UserRepository, OrderRepository, Users, Orders)
SHARED = (Pool, Clock)


def _declared() -> dict[str, Any]:
    pool, clock = providers.Singleton(Pool), providers.Singleton(Clock)
    db = providers.Factory(Database, pool)
    users = providers.Factory(Users, providers.Factory(UserRepository, db), clock)
    orders = providers.Factory(Orders, providers.Factory(OrderRepository, db), users, clock)
    return {"pool": pool, "clock": clock, "db": db, "users": users, "orders": orders}


def container() -> Any:
    return type("Application", (Container,), _declared())()


def poolhouse() -> Callable[[], Orders]:
    return container().resolver(Orders)


def poolhouse_frozen() -> Callable[[], Orders]:
    frozen = container()
    frozen.freeze()
    return frozen.resolver(Orders)


def dependency_injector() -> Callable[[], Orders]:
    return type("Application", (containers.DeclarativeContainer,), _declared())().orders


def by_hand() -> Callable[[], Orders]:
    pool, clock = Pool(), Clock()

    def make() -> Orders:
        return Orders(OrderRepository(Database(pool)), Users(UserRepository(Database(pool)), clock), clock)

    return make


def modern_di_container() -> Callable[[], Orders]:
    scope = modern_di.Scope.APP
    made = {kind.__name__: modern_di.providers.Factory(kind, scope=scope) for kind in MADE}
    shared = {kind.__name__: modern_di.providers.Factory(kind, scope=scope, cache=True) for kind in SHARED}
    group = type("Group", (modern_di.Group,), {**made, **shared})
    resolving = modern_di.Container(groups=[group])
    resolving.open()
    provider = made["Orders"]
    return lambda: resolving.resolve_provider(provider)


def dishka_provider(scope: dishka.Scope) -> dishka.Provider:
    provider = dishka.Provider()
    for kind in MADE:
        provider.provide(kind, scope=scope, cache=False)
    for kind in SHARED:
        provider.provide(kind, scope=dishka.Scope.APP)
    return provider


def dishka_container() -> Callable[[], Orders]:
    resolving = dishka.make_container(dishka_provider(dishka.Scope.APP))
    return lambda: resolving.get(Orders)


def wireup_injectables() -> list[Any]:
    made = [wireup.injectable(kind, lifetime="transient") for kind in MADE]
    return [*made, *map(wireup.injectable, SHARED)]


def wireup_container() -> Callable[[], Orders]:
    scope = wireup.create_sync_container(injectables=wireup_injectables()).enter_scope()
    resolving = scope.__enter__()

    def make(_kept_open: object = scope) -> Orders:
        return resolving.get(Orders)

    return make


def that_depends_provider() -> Any:
    kinds = that_depends.providers
    pool, clock = kinds.Singleton(Pool), kinds.Singleton(Clock)
    db = kinds.Factory(Database, pool.cast)
    users = kinds.Factory(Users, kinds.Factory(UserRepository, db.cast).cast, clock.cast)
    return kinds.Factory(Orders, kinds.Factory(OrderRepository, db.cast).cast, users.cast, clock.cast)


def that_depends_container() -> Callable[[], Orders]:
    resolve: Callable[[], Orders] = that_depends_provider().resolve_sync
    return resolve

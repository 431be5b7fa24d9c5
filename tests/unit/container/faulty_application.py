"""An application in which everything is wrong that can be, and which dependency-injector finds nothing wrong with."""

from __future__ import annotations

from collections.abc import Callable  # noqa: TC003 - annotations are evaluated
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

from dependency_injector import providers

from poolhouse.container import Container
from poolhouse.integrations.fastapi import Inject, Injected, Router
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import DatabaseSettings


class Clock:
    def now(self) -> float:
        return 0.0


class Mailer:
    def __init__(self, host: str, *, port: int = 25) -> None:
        self.address = (host, port)

    def send(self, to: str, text: str) -> None: ...


class Shouter:
    async def send(self, to: str, text: str) -> None: ...


class Whisperer:
    def send(self, to: str) -> None: ...


class Sending(Protocol):
    def send(self, to: str, text: str) -> None: ...


@runtime_checkable
class Accounts(Protocol):
    async def exists(self, user_id: int) -> bool: ...


class Users:
    def __init__(self, db: SchemaManager, clock: Clock) -> None: ...

    async def exists(self, user_id: int) -> bool:
        return user_id > 0


class Letters:
    def __init__(self, sender: Sending, clock: Clock | None = None) -> None: ...


class Timer:
    def __init__(self, make_clock: Callable[[], Clock], limit: float = 1.0) -> None: ...


class Node:
    def __init__(self, other: Any = None) -> None: ...


@dataclass(frozen=True)
class Limits:
    requests: int
    seconds: float


async def fetch_token() -> str:
    return "token"


async def opened_settings() -> DatabaseSettings:
    return DatabaseSettings()


def folder_of(number: int) -> str:
    return f"migrations/{number}"


class UsersContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    clock = providers.Dependency(instance_of=Clock)
    db = providers.Factory(SchemaManager, pool, schema="users")
    service = providers.Singleton(Users, db, clock)


class HalfWired(Container):
    """What it asks for is filled, but by the wrong things."""

    accounts = providers.Dependency(instance_of=Accounts)
    clock = providers.Dependency(instance_of=Clock)


class OrdersContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="orders", reads=["user.accounts"])
    migrations = providers.Factory(MigrationSet, db, "migrations/orders")
    again = providers.Factory(MigrationSet, db, "migrations/orders")


class ArchiveContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="orders")
    migrations = providers.Factory(MigrationSet, db, "migrations/archive")


class BillingContainer(Container):
    pool = providers.Dependency(instance_of=SharedPool)
    db = providers.Factory(SchemaManager, pool, schema="billing")
    migrations = providers.Factory(MigrationSet, db, "migrations/biling")
    nameless = providers.Factory(SchemaManager, pool, schema="")


class ShippingContainer(Container):
    """Its pool depends on what only the start opens."""

    settings = providers.Resource(opened_settings)
    pool = providers.Resource(SharedPool, settings)
    db = providers.Factory(SchemaManager, pool, schema="shipping")


class ApplicationContainer(Container):
    database = providers.Object(DatabaseSettings(max_connections={"order": 2}))
    pool = providers.Resource(SharedPool, database)
    clock = providers.Singleton(Clock)
    mailer = providers.Singleton(Mailer, "localhost")

    users = providers.Container(UsersContainer, pool=pool, clock=clock)
    orders = providers.Container(OrdersContainer, pool=pool)
    archive = providers.Container(ArchiveContainer, pool=pool)
    billing = providers.Container(BillingContainer, pool=pool)
    shipping = providers.Container(ShippingContainer)
    half = providers.Container(HalfWired, accounts=clock, clock=mailer)

    abstract = providers.AbstractSingleton(Clock)
    first = providers.Singleton(Node)
    second = providers.Singleton(Node, first)
    alone = providers.Singleton(Node)

    missing = providers.Singleton(Mailer)
    mistyped = providers.Singleton(Mailer, "localhost", prot=25)
    too_many = providers.Singleton(Mailer, "localhost", 25)
    twice = providers.Singleton(Mailer, "localhost", host="other")
    value = providers.Singleton(Mailer, "localhost", port="25")

    wrong_class = providers.Singleton(Letters, mailer, mailer)
    no_method = providers.Singleton(Letters, clock)
    fewer = providers.Singleton(Letters, providers.Factory(Whisperer))
    coroutine = providers.Singleton(Letters, providers.Factory(Shouter))
    called = providers.Singleton(Timer, clock)
    uncalled = providers.Singleton(Letters, mailer, clock.provider)
    makes_other = providers.Singleton(Timer, mailer.provider)

    token = providers.Coroutine(fetch_token)
    awaiting = providers.Singleton(Node, token)
    listed = providers.List(token)

    another_pool = providers.Factory(SharedPool, database)
    another_db = providers.Factory(SchemaManager, another_pool, schema="another")
    foreign = providers.Factory(SchemaManager, SharedPool(DatabaseSettings()), schema="foreign")

    limits = providers.Object(Limits(requests=1, seconds=2.0))
    attribute = providers.Singleton(Node, limits.provided.request)
    config = providers.Configuration()
    unset = providers.Singleton(Node, config.mail.host.required())
    chosen = providers.Selector(providers.Object("smpt"), smtp=mailer, none=providers.Object(None))
    nothing = providers.Factory()
    unwritten = providers.Factory(Letters)


ApplicationContainer.wire = providers.Object("hides")  # type: ignore[method-assign,assignment] # that is the fault


router = Router()


@router.get("/letters")
def letters(sender: Annotated[Letters, Inject("letter")]) -> None: ...


@router.get("/letters/later")
async def later(letters: Annotated[Letters, Inject("unwritten")]) -> None: ...


@router.get("/nodes")
def nodes(shouter: Injected[Shouter]) -> None: ...


@router.get("/time")
def tell(clock: Annotated[Clock, Inject("mailer")]) -> None: ...


def close_circles(application: Any) -> None:
    """Declare what cannot be declared in a class body."""
    application.first.add_args(application.second)
    application.alone.add_args(application.alone)


FILES = {
    "migrations/orders/0001_create.sql": "CREATE TABLE {{tabels.orders}} (id int);\n",
    "migrations/orders/0002_more.sql": "-- poolhouse: lock-timout: 1s\nSELECT 1;\n",
    "migrations/orders/3.sql": "SELECT 1;\n",
    "migrations/archive/0001_create.sql": "COMMIT;\n",
    "migrations/archive/0002_more.sql": "SELECT 1;\n",
    "migrations/archive/0002_again.sql": "SELECT 1;\n",
}

# What is told, the container and the name it stands at (or the file), and the remedy.
FAULTS = [
    ("the dependency abstract is not filled", "ApplicationContainer.abstract", "Pass it as in ApplicationContainer("),
    ("in a circle (first -> second -> first)", "ApplicationContainer.first", "Cut it with `x.provider`"),
    ("in a circle (alone -> alone)", "ApplicationContainer.alone", "Cut it with `x.provider`"),
    ("Mailer is called without its argument 'host'", "ApplicationContainer.missing", "Pass it, a str"),
    ("Mailer takes no argument 'prot'", "ApplicationContainer.mistyped", "Did you mean 'port'?"),
    ("takes 1 positional argument, and 2 are given", "ApplicationContainer.too_many", "it takes (host, port)"),
    ("gets the argument 'host' twice", "ApplicationContainer.twice", "Leave one of them out"),
    ("'port' of Mailer is to be int, and gets a value of class str", "ApplicationContainer.value", "Pass int"),
    (
        "'clock' of Letters is to be Clock | None, and gets a Mailer",
        "ApplicationContainer.wrong_class",
        "as clock makes",
    ),
    ("Letters is called without its argument 'sender'", "ApplicationContainer.unwritten", "Pass it, a Sending"),
    ("it has no method send()", "ApplicationContainer.no_method", "as mailer makes"),
    ("its send() cannot be called with (to", "ApplicationContainer.fewer", "as mailer makes"),
    ("its send() is a coroutine function", "ApplicationContainer.coroutine", "as mailer makes"),
    ("'make_clock' of Timer is to be Callable", "ApplicationContainer.called", "Hand over clock.provider"),
    ("and gets a provider from clock.provider", "ApplicationContainer.uncalled", "Leave `.provider` out"),
    ("and gets a provider from mailer.provider", "ApplicationContainer.makes_other", "Pass Callable[[], Clock]"),
    ("awaiting is resolved at once, and needs token", "ApplicationContainer.awaiting", "Make token a Resource"),
    ("listed is resolved at once, and needs token", "ApplicationContainer.listed", "hand over token.provider"),
    ("another pool for everybody", "ApplicationContainer.another_pool", "Make it a Resource"),
    ("a pool that no provider of this container makes", "ApplicationContainer.foreign", "Pass pool, the provider"),
    ("a value of class Limits has no attribute 'request'", "ApplicationContainer.attribute", "Did you mean requests?"),
    ("the configuration option config.mail.host is required", "ApplicationContainer.unset", "Load it before"),
    ("chosen has no provider 'smpt'", "ApplicationContainer.chosen", "Did you mean 'smtp'?"),
    ("nothing has nothing to call", "ApplicationContainer.nothing", "Give nothing a class or a function"),
    ("the provider wire hides", "ApplicationContainer.wire", "Give it another name"),
    (
        "has to be Accounts, and gets a Clock from clock: it has no method exists()",
        "ApplicationContainer.half",
        "as users.service makes",
    ),
    ("the dependency half.clock has to be Clock, and gets a Mailer", "ApplicationContainer.half", "as clock makes"),
    ("shipping.db must be known before the start, and needs shipping.settings", "ShippingContainer.db", "open() and"),
    ("more than one service: orders and archive", "ArchiveContainer.db", "a schema of its own"),
    ("module 'orders' and schema 'orders'", "OrdersContainer.again", "Give each set a module of its own"),
    ("'' is not a legal identifier", "BillingContainer.nameless", "Give it at least one"),
    ("there is no such folder", "migrations/biling", "Create it, or correct the path"),
    ("tabels", "migrations/orders/0001_create.sql:1:", "tables"),
    ("lock-timout", "migrations/orders/0002_more.sql:1:", "lock-timeout"),
    ("", "migrations/orders/3.sql", "<digits>_<name>.sql"),
    ("COMMIT", "migrations/archive/0001_create.sql:1:", ""),
    ("it has version 2, and so has", "migrations/archive/0002", "the next free version"),
    ("the container has no provider 'letter'", "letters(sender)", "It has"),
    ("no provider of the container makes Shouter", "nodes(shouter)", "declare a provider"),
    ("clock is to be Clock, and mailer gives a Mailer", "tell(clock)", "Name a provider that gives Clock"),
]

"""Containers with nothing wrong in them, in all the ways in which dependency-injector can be used."""

# Signatures are what is looked at here, as others write them, and annotations are evaluated.
# ruff: noqa: ARG002, ARG004, ARG005, ICN001, PLR0913, PLR0917, TC003, UP007, UP045
from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import enum
import functools
import logging
import pathlib
import queue
import threading
import types
import typing
import unittest.mock
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, Protocol, TypedDict, TypeVar, Union

import pydantic
from dependency_injector import containers, providers, resources
from pydantic_settings import BaseSettings

from poolhouse.container import Container
from poolhouse.migrations import MigrationSet
from poolhouse.pool import SharedPool
from poolhouse.schema import SchemaManager
from poolhouse.settings import ApplicationSettings, DatabaseSettings

if typing.TYPE_CHECKING:
    from nowhere import OnlyForTypeCheckers

T = TypeVar("T")
UserId = NewType("UserId", int)


class Color(enum.Enum):
    RED = "red"


class Anything:
    def __init__(self, *args, **kwargs) -> None: ...


class Clock:
    def now(self) -> float:
        return 0.0


class FastClock(Clock): ...


class Telling(Protocol):
    def now(self) -> float: ...


class Named(Protocol):
    name: str


class Titled(Protocol):
    @property
    def title(self) -> str: ...


class Closing(Protocol):
    def close(self, *args: Any) -> None: ...


class Called(Protocol):
    def __call__(self, text: str) -> None: ...


class Store(ABC):
    @abstractmethod
    def put(self, key: str) -> None: ...


class MemoryStore(Store):
    def __init__(self) -> None:
        self.name = "memory"
        self.now = lambda: 0.0

    def put(self, key: str, *, ttl: int = 0) -> None: ...

    def close(self, reason: str = "") -> None: ...


class Titles:
    title = "a title"


class Box(Generic[T]):
    def __init__(self, content: T) -> None: ...


class Proxy:
    def __getattr__(self, name: str) -> Any: ...


class Odd:
    def __new__(cls, *args: Any) -> Any:
        return Clock()


class Point(NamedTuple):
    x: int
    y: int = 0


class Options(TypedDict):
    size: int


class Model(pydantic.BaseModel):
    size: int
    when: datetime.date = datetime.date(2000, 1, 1)
    secret: pydantic.SecretStr = pydantic.Field(default=pydantic.SecretStr(""), alias="password")


class Settings(BaseSettings):
    required: str
    model: Model | None = None


@pydantic.dataclasses.dataclass
class Converted:
    size: int


@dataclass
class Record:
    size: int
    items: list[int] = field(default_factory=list)
    label: str = None  # type: ignore[assignment] # many write it like this

    def method(self, number: int) -> int:
        return number


class Metaclass(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return "something else"


class MadeByMetaclass(metaclass=Metaclass):
    def __init__(self, one: int) -> None: ...


@dataclass(frozen=True)
class Lenient:
    size: int

    def __getattr__(self, name: str) -> int:
        return 1


class Accepting(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return True


class Accepted(metaclass=Accepting): ...


class Service:
    def __init__(
        self,
        clock: Clock,
        telling: Telling,
        store: Store | None = None,
        maybe: Optional[Clock] = None,
        either: Union[int, str] = 1,
        level: float = 1,
        kind: Literal["a", "b"] = "a",
        make: Callable[[], Clock] | None = None,
        cls: type[Clock] = Clock,
        rows: Sequence[int] = (),
        table: Mapping[str, Any] | None = None,
        user: UserId = UserId(1),
        color: Color = Color.RED,
        bounded: Annotated[int, "positive"] = 1,
        unknown: OnlyForTypeCheckers | None = None,
    ) -> None: ...


class Callback:
    def __call__(self, clock: Clock, *, size: int = 0) -> str:
        return ""


class Journal:
    def __init__(self, log: logging.Logger, path: pathlib.Path | str, lock: Any = None) -> None: ...


class Outer:
    class Inner:
        def __init__(self, named: Named, titled: Titled, closing: Closing) -> None: ...


def shout(text: str) -> None: ...


def positional(one: int, /, two: int, *rest: int, three: int = 3, **more: int) -> int:
    return one + two


def opened(clock: Clock) -> Iterator[Clock]:
    yield clock


async def opened_later(clock: Clock) -> AsyncIterator[Clock]:
    yield clock


async def awaited(size: int = 1) -> int:
    return size


def untyped(one, two=None):
    return one, two


def wants_accepted(accepted: Accepted) -> None: ...


def wants_clock(clock: Clock) -> Clock:
    return clock


def wants_tuple(values: tuple[int, ...], mapping: dict[str, int], items: Iterable[str]) -> None: ...


def wants_awaitable(make: Callable[[], Awaitable[int]], call: Called) -> None: ...


@contextlib.contextmanager
def entered(clock: Clock) -> Iterator[Clock]:
    yield clock


@functools.wraps(wants_clock)
def wrapped(*args: Any, **kwargs: Any) -> Clock:
    return wants_clock(*args, **kwargs)


class OldResource(resources.Resource):
    def init(self, clock: Clock, size: int = 1) -> Clock:
        return clock

    def shutdown(self, resource: Clock | None) -> None: ...


class OldAsyncResource(resources.AsyncResource):
    async def init(self, size: int = 1) -> int:
        return size

    async def shutdown(self, resource: int | None) -> None: ...


class Kinds(Container):
    """Each kind of provider, as others use it."""

    clock = providers.Singleton(FastClock)
    service = providers.Factory(Service, clock, telling=clock)
    full = providers.Factory(
        Service,
        clock,
        clock,
        providers.Singleton(MemoryStore),
        maybe=None,
        either="text",
        level=1,
        kind="b",
        make=clock.provider,
        cls=FastClock,
        rows=providers.List(1, 2),
        table=providers.Dict(a=1),
        user=7,
        color=Color.RED,
        bounded=2,
        unknown=3,
    )
    local = providers.ThreadLocalSingleton(Clock)
    safe = providers.ThreadSafeSingleton(wants_clock, clock)
    context = providers.ContextLocalSingleton(Clock)
    called = providers.Callable(positional, 1, 2, 3, 4, three=5, four=6)
    coroutine = providers.Coroutine(awaited, size=2)
    another_coroutine = providers.Callable(awaited)
    value = providers.Object("value")
    listed = providers.List(clock, 1)
    mapped = providers.Dict({Clock: clock}, more=value)
    aggregate = providers.Aggregate(one=providers.Factory(Record), two=providers.Factory(Clock))
    factories = providers.FactoryAggregate(one=providers.Factory(Record))
    mode = providers.Object("fast")
    selected = providers.Selector(mode, fast=clock, slow=providers.Factory(Clock))
    uses_selected = providers.Factory(wants_clock, selected)
    delegated = providers.DelegatedFactory(Record)
    uses_delegated = providers.Factory(untyped, delegated, delegated.provider)
    delegate = providers.Delegate(clock)
    uses_delegate = providers.Factory(untyped, delegate)
    records = providers.Factory(Record)
    handed = providers.Factory(untyped, records.provider, two=providers.Factory(Record, 1).provider)
    own = providers.Self()


class Resources(Container):
    clock = providers.Singleton(Clock)
    generator = providers.Resource(opened, clock)
    asynchronous = providers.Resource(opened_later, generator)
    function = providers.Resource(wants_clock, asynchronous)
    coroutine = providers.Resource(awaited, size=1)
    manager = providers.Resource(entered, clock)
    old = providers.Resource(OldResource, clock, size=2)
    old_asynchronous = providers.Resource(OldAsyncResource, size=2)
    awaits = providers.Resource(untyped, providers.Coroutine(awaited))
    lock = providers.Resource(threading.Lock)
    context = providers.ContextLocalResource(opened, clock)
    user = providers.Factory(wants_clock, asynchronous)
    uses_context = providers.Factory(untyped, context)
    literal = providers.Factory(positional, coroutine, two=old_asynchronous)


class Provided(Container):
    settings = providers.Object(DatabaseSettings())
    record = providers.Factory(Record, 1)
    size = providers.Factory(positional, record.provided.size, two=record.provided.items[0])
    called = providers.Factory(positional, record.provided.method.call(1), record.provided.method.call(number=2))
    assigned = providers.Factory(untyped, providers.Singleton(MemoryStore).provided.name)
    nested = providers.Factory(untyped, settings.provided.max_size, settings.provided.statement_cache_size)
    proxy = providers.Factory(untyped, providers.Factory(Proxy).provided.whatever.it["is"])
    point = providers.Factory(untyped, providers.Factory(Point, 1).provided.x)
    model = providers.Factory(untyped, providers.Factory(Model, size="1").provided.size)


class Configured(Container):
    config = providers.Configuration()
    timeout = providers.Factory(positional, config.timeout.as_int(), two=config.other)
    name = providers.Factory(shout, config.name)
    as_path = providers.Factory(untyped, config.path.as_(pathlib.Path), config)
    by_mode = providers.Selector(config.mode, fast=timeout, slow=name)
    strict = providers.Configuration(strict=True)


class Callees(Container):
    """What is called: builtins, C, partials, models, whatever else has or has no signature."""

    clock = providers.Singleton(Clock)
    mapping = providers.Factory(dict, clock=clock)
    number = providers.Factory(int, "1")
    items = providers.Factory(list, providers.List(1))
    decimal = providers.Factory(decimal.Decimal, "1.0")
    when = providers.Factory(datetime.datetime, 2000, 1, day=1)
    delta = providers.Factory(datetime.timedelta, seconds=1)
    queue = providers.Singleton(queue.Queue, maxsize=1)
    counter = providers.Factory(collections.Counter, "text")
    default = providers.Factory(collections.defaultdict, list)
    thing = providers.Factory(object)
    error = providers.Factory(ValueError, "text", 1)
    largest = providers.Callable(max, 1, 2)
    built = providers.Callable("text".join, providers.List("a"))
    log = providers.Singleton(logging.getLogger, "name")
    journal = providers.Factory(Journal, log, "path", lock=providers.Factory(threading.Lock))
    partial = providers.Factory(functools.partial(positional, 1), 2)
    keyword_partial = providers.Factory(functools.partial(wants_clock, clock=None), clock=clock)
    wrapped = providers.Factory(wrapped, clock)
    callback = providers.Callable(Callback(), clock, size=1)
    lazy = providers.Factory(Anything, 1, clock, a=2)
    bound = providers.Callable(Clock().now)
    anonymous = providers.Factory(lambda one, two=2: one, clock)
    model = providers.Factory(Model, size="12", password="secret")
    extra = providers.Factory(Model, size=1, password="x", ignored=True)
    settings = providers.Singleton(Settings)
    nested_settings = providers.Singleton(Settings, model=model)
    converted = providers.Factory(Converted, "12")
    record = providers.Factory(Record, size=1, items=providers.List(1), label=None)
    point = providers.Factory(Point, 1, y=2)
    options = providers.Factory(untyped, providers.Factory(Options, size=1))
    odd = providers.Factory(wants_clock, providers.Factory(Odd, 1, 2))
    metaclass = providers.Factory(MadeByMetaclass, 1)
    box = providers.Factory(Box[int], 1)
    generic = providers.Factory(Box, clock)
    color = providers.Factory(Color, "red")
    inner = providers.Factory(
        Outer.Inner, providers.Singleton(MemoryStore), providers.Singleton(Titles), providers.Singleton(MemoryStore)
    )
    telling = providers.Factory(Service, clock, providers.Singleton(MemoryStore))
    collections = providers.Factory(wants_tuple, (1, 2), providers.Dict(a=1), items="text")
    awaitable = providers.Factory(wants_awaitable, providers.Coroutine(awaited).provider, shout)
    mock = providers.Factory(wants_clock, providers.Object(unittest.mock.Mock()))
    specified = providers.Factory(wants_clock, providers.Factory(unittest.mock.Mock, spec=Clock))
    proxy = providers.Factory(wants_clock, providers.Factory(Proxy))
    accepted = providers.Factory(wants_accepted, clock)
    lenient = providers.Factory(untyped, providers.Factory(Lenient, 1).provided.anything)
    namespace = providers.Factory(types.SimpleNamespace, a=1)
    attributes = providers.Factory(Clock).add_attributes(zone="UTC", other=clock)
    by_name = providers.Factory("collections.OrderedDict")


class Part(Container):
    clock = providers.Dependency(instance_of=Clock)
    telling = providers.Dependency(instance_of=Clock, default=clock)
    anything = providers.Dependency()
    limit = providers.Dependency(instance_of=int, default=5)
    service = providers.Factory(Service, clock, telling)
    limited = providers.Factory(positional, limit, anything)


class Gateways(containers.DeclarativeContainer):
    mail = providers.Singleton(Clock)


class Plain(containers.DeclarativeContainer):
    gateways = providers.DependenciesContainer()
    state = providers.Object("a name that is only ours")
    service = providers.Factory(wants_clock, gateways.mail)


class Parts(Container):
    clock = providers.Singleton(FastClock)
    part = providers.Container(Part, clock=clock, anything=1)
    other = providers.Container(Part, clock=part.telling, anything=part.limit)
    gateways = providers.Container(Gateways)
    plain = providers.Container(Plain, gateways=gateways)
    whole = providers.Factory(untyped, part, plain.service)
    port = providers.AbstractFactory(Clock)
    port.override(providers.Factory(FastClock))


SETTINGS = ApplicationSettings(database=DatabaseSettings(max_connections={"users": 2, "tenants": 2}))


class Database(Container):
    settings = providers.Dependency(instance_of=ApplicationSettings, default=SETTINGS)
    pool = providers.Resource(SharedPool, settings.provided.database)
    lazy = providers.Singleton(SharedPool, providers.Factory(DatabaseSettings, max_size=3))
    pools = providers.Factory(SharedPool, DatabaseSettings())
    db = providers.Factory(SchemaManager, pool, schema="users", reads=["legacy.customers"])
    same = providers.Singleton(SchemaManager, pool, schema="users")
    elsewhere = providers.Factory(SchemaManager, lazy, schema="users")
    tenant = providers.Factory(SchemaManager, pool, service="tenants")
    migrations = providers.Factory(MigrationSet, db, pathlib.Path(__file__).parents[3] / "migrations" / "users")
    user = providers.Factory(untyped, db, tenant.provider)


def logged(function: Any) -> Any:
    """Decorate as many do it, also coroutine functions, by a function that is none."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


class Ledger(Protocol):
    async def find(self, number: int) -> str | None: ...

    def transaction(self) -> contextlib.AbstractAsyncContextManager[None]: ...


class LoggedLedger:
    @logged
    async def find(self, number: int) -> str | None: ...

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield


def wants_ledger(ledger: Ledger, other: Ledger | None = None) -> None: ...


class Decorated(Container):
    ledger = providers.Singleton(LoggedLedger)
    user = providers.Factory(wants_ledger, ledger, other=ledger)


LEGAL = [Kinds, Resources, Provided, Configured, Callees, Parts, Database, Decorated]

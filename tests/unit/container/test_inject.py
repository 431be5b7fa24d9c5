"""Injection into functions of all kinds, without a web framework.

Without `from __future__ import annotations`, on purpose: what is injected into a test's function is local to it.
"""

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Annotated, Protocol, get_type_hints

import pytest
from dependency_injector import providers

from poolhouse.container import BackgroundTask, Container, Inject, Injected, inject
from poolhouse.errors import ContainerError, Violations, WiringError


class Users:
    def __init__(self, source="own"):
        self.source = source


class Orders:
    pass


class UsersContainer(Container):
    service = providers.Factory(Users)


class App(Container):
    users = providers.Container(UsersContainer)
    orders = providers.Singleton(Orders)


class Two(Container):
    first = providers.Factory(Users, "first")
    second = providers.Factory(Users, "second")


class Counting(Protocol):
    def count(self) -> int: ...


async def open_orders() -> AsyncIterator[Orders]:
    yield Orders()


async def find_users() -> Users:
    return Users()


class Named(Two):
    number = providers.Object(3)
    opened = providers.Resource(open_orders)
    awaited = providers.Callable(find_users)
    users = providers.Container(UsersContainer)
    filled = providers.Dependency(default=users.service)


@pytest.fixture
def application():
    return App()


def bound(container, function):
    return container.inject(function)


def contextual(container, function):
    decorated = inject(function)

    def call(*args, **kwargs):
        with container.injecting():
            return decorated(*args, **kwargs)

    return call


WAYS = pytest.mark.parametrize("way", [bound, contextual])


def imported(path: str, users: Injected[Users], *, count: int = 1, orders: Injected[Orders]) -> str:
    """Import something."""
    return f"{path} {users.source} {count} {type(orders).__name__}"


@WAYS
def test_a_function_is_filled_and_takes_the_rest_of_its_arguments(application, way):
    assert way(application, imported)("x", count=2) == "x own 2 Orders"
    assert way(application, imported)(path="y") == "y own 1 Orders"


@WAYS
def test_what_is_passed_by_name_is_not_injected(application, way):
    assert way(application, imported)("x", users=Users("fake")) == "x fake 1 Orders"


@WAYS
def test_an_override_reaches_the_next_call(application, way):
    call = way(application, imported)
    with application.users.service.override(Users("fake")):
        assert call("x") == "x fake 1 Orders"
    assert call("x") == "x own 1 Orders"


@WAYS
async def test_a_coroutine_function_is_filled(application, way):
    async def read(users: Injected[Users]) -> str:
        await asyncio.sleep(0)
        return users.source

    call = application.inject(read) if way is bound else inject(read)
    assert inspect.iscoroutinefunction(call)
    with application.injecting():
        assert await call() == "own"


def test_a_generator_gets_what_is_sent_and_thrown_and_returns_its_value(application):
    def echo(users: Injected[Users]) -> Iterator[str]:
        said = yield users.source
        try:
            yield said
        except KeyError as error:
            yield f"caught {error}"
        return "end"

    echoing = application.inject(echo)
    assert inspect.isgeneratorfunction(echoing)
    generator = echoing()
    assert next(generator) == "own"
    assert generator.send("hello") == "hello"
    assert generator.throw(KeyError("k")) == "caught 'k'"
    with pytest.raises(StopIteration) as stopped:
        next(generator)
    assert stopped.value.value == "end"


async def test_an_asynchronous_generator_gets_what_is_sent_and_thrown(application):
    seen = []

    async def echo(users: Injected[Users]) -> AsyncIterator[str]:
        try:
            said = yield users.source
            try:
                yield said
            except KeyError as error:
                yield f"caught {error}"
        finally:
            seen.append("closed")

    echoing = application.inject(echo)
    assert inspect.isasyncgenfunction(echoing)
    generator = echoing()
    assert await anext(generator) == "own"
    assert await generator.asend("hello") == "hello"
    assert await generator.athrow(KeyError("k")) == "caught 'k'"
    with pytest.raises(StopAsyncIteration):
        await anext(generator)
    unfinished = echoing()
    await anext(unfinished)
    await unfinished.aclose()
    assert seen == ["closed", "closed"]


async def test_context_managers_swallow_and_raise_as_they_did(application):
    def suppressing(users: Injected[Users], *kinds: type[Exception]) -> Iterator[str]:
        with suppress(*kinds):
            yield users.source

    async def suppressing_async(users: Injected[Users], *kinds: type[Exception]) -> AsyncIterator[str]:
        with suppress(*kinds):
            yield users.source

    with contextmanager(application.inject(suppressing))(KeyError) as source:
        assert source == "own"
        raise KeyError
    async with asynccontextmanager(application.inject(suppressing_async))(KeyError):
        raise KeyError
    with pytest.raises(ValueError, match="other"):
        async with asynccontextmanager(application.inject(suppressing_async))(KeyError):
            raise ValueError("other")


class Import:
    def __init__(self, path: str, users: Injected[Users]) -> None:
        self.path = path
        self.users = users

    def run(self, times: int, orders: Injected[Orders]) -> tuple[str, int, Orders]:
        return self.users.source, times, orders

    def __call__(self, orders: Injected[Orders]) -> Orders:
        return orders


def test_a_class_a_method_an_object_and_a_partial_function_are_filled(application):
    made = application.inject(Import)("x")
    assert (type(made), made.path, made.users.source) == (Import, "x", "own")
    assert application.inject(made.run)(3) == ("own", 3, application.orders())
    assert application.inject(made)() is application.orders()
    assert application.inject(partial(imported, "x"))() == "x own 1 Orders"


def test_methods_are_decorated_like_functions(application):
    class Job:
        @inject
        def __init__(self, path: str, users: Injected[Users]) -> None:
            self.made = path, users.source

        @inject
        def run(self, times: int, orders: Injected[Orders]) -> tuple[int, Orders]:
            return times, orders

    with application.injecting():
        job = Job("x")
        assert job.made == ("x", "own")
        assert job.run(3) == (3, application.orders())
    assert application.inject(Job)("y").made == ("y", "own")
    assert application.inject(job.run)(4) == (4, application.orders())
    assert application.validate(Job, job.run) == ()


def positional(users: Injected[Users], path: str, orders: Injected[Orders], count: int = 1, *rest: int) -> tuple:
    return users.source, path, type(orders).__name__, count, rest


@pytest.mark.parametrize(
    ("args", "kwargs", "made"),
    [
        (("x",), {}, ("own", "x", "Orders", 1, ())),
        ((), {"path": "x"}, ("own", "x", "Orders", 1, ())),
        (("x", 2), {}, ("own", "x", "Orders", 2, ())),
        (("x",), {"count": 2}, ("own", "x", "Orders", 2, ())),
        (("x", 2, 3, 4), {}, ("own", "x", "Orders", 2, (3, 4))),
        (("x", 2, 3), {"users": Users("fake")}, ("fake", "x", "Orders", 2, (3,))),
        ((), {"path": "x", "users": Users("fake")}, ("fake", "x", "Orders", 1, ())),
    ],
)
def test_arguments_by_position_go_where_they_would_without_the_injected_ones(application, args, kwargs, made):
    assert application.inject(positional)(*args, **kwargs) == made


def test_a_filled_function_shows_the_parameters_that_remain(application):
    for filled in (application.inject(imported), inject(imported)):
        assert list(inspect.signature(filled).parameters) == ["path", "count"]
        assert get_type_hints(filled) == {"path": str, "count": int, "return": str}
        assert (filled.__name__, filled.__doc__) == ("imported", "Import something.")


def test_everything_that_cannot_be_filled_is_told_at_once():
    def summary(users: Injected[Users], other: Annotated[Users, Inject("frist")], n: Injected[int | None]) -> None: ...

    with pytest.raises(Violations) as raised:
        Two().inject(summary)
    told = [str(each) for each in raised.value.violations]
    assert [f"summary({name})" in each for name, each in zip(("users", "other", "n"), told, strict=True)] == [True] * 3
    assert "made by several providers: first, second" in told[0]
    assert "Did you mean 'first'?" in told[1]
    assert "no provider of the container makes int | None" in told[2]


@pytest.mark.parametrize(
    ("annotation", "wrong"),
    [
        (Annotated[int, Inject("first")], "is to be int, and first gives an Users"),
        (Annotated[Orders | None, Inject("second")], r"is to be Orders \| None, and second gives an Users"),
        (Annotated[Counting, Inject("first")], r"is to be Counting, .*: it has no method count\(\)"),
        (Annotated[Users, Inject("number")], "is to be Users, and number gives a value of class int"),
        (Annotated[Users, Inject("opened")], "is to be Users, and opened gives an Orders"),
    ],
)
def test_a_name_that_gives_something_else_than_is_annotated_is_told(annotation, wrong):
    def take(it) -> None: ...

    take.__annotations__["it"] = annotation
    with pytest.raises(Violations, match=rf"take\(it\): it {wrong}"):
        Named().inject(take)
    with pytest.raises(ContainerError, match=wrong):
        Named().validate(take)


@pytest.mark.parametrize(
    "annotation",
    [
        Annotated[Users, Inject("first")],
        Annotated[Users | None, Inject("second")],
        Annotated[object, Inject("number")],
        Annotated[int, Inject("number")],
        Annotated[Orders, Inject("opened")],
        Annotated[Users, Inject("awaited")],
        Annotated[UsersContainer, Inject("users")],
        Annotated[Users, Inject("filled")],
    ],
)
def test_a_name_that_gives_what_is_annotated_or_may_do_so_is_welcome(annotation):
    def take(it) -> None: ...

    take.__annotations__["it"] = annotation
    container = Named()
    assert container.validate(take) == ()
    container.first.override(providers.Object("what stands in may be of any class"))
    container.inject(take)


def test_a_marker_without_effect_is_refused_when_it_is_decorated():
    def wrong(users: Injected[Users] | None) -> None: ...

    with pytest.raises(Violations, match=r"wrong\(users\): Inject is not where it takes effect"):
        inject(wrong)


def test_validation_finds_what_a_function_cannot_be_filled_with():
    @inject
    def summary(users: Injected[Users]) -> None: ...

    def report(orders: Injected[Orders]) -> None: ...

    assert App().validate(summary, report) == ()
    with pytest.raises(ContainerError) as raised:
        Two().validate(summary, report)
    assert [each.place.rpartition(" ")[2].rpartition(".")[2] for each in raised.value.violations] == [
        "summary(users)",
        "report(orders)",
    ]


def test_an_annotation_that_only_type_checkers_know_does_not_matter_where_nothing_is_injected(application):
    def export(path: "NobodyKnows", users: Injected[Users]) -> str:  # noqa: F821 - that is the point
        return f"{path} {users.source}"

    def unknown(users: "Injected[NobodyKnows]") -> None: ...  # noqa: F821 - that is the point

    assert application.inject(export)("x") == "x own"
    with pytest.raises(Violations, match="'NobodyKnows' is not defined"):
        application.inject(unknown)


@inject
def source_of_users(users: Injected[Users]) -> str:
    return users.source


def test_a_decorated_function_that_no_container_fills_says_what_to_do():
    with pytest.raises(WiringError, match=r"source_of_users\(users\): .* `with container\.injecting\(\)"):
        source_of_users()


def test_a_decorated_function_can_be_called_with_fakes_and_without_a_container():
    assert source_of_users(users=Users("fake")) == "fake"


def test_the_nearest_container_injects(application):
    other = App()
    other.users.service.override(Users("other"))
    with application.injecting():
        with other.injecting():
            assert source_of_users() == "other"
        assert source_of_users() == "own"
    with pytest.raises(WiringError):
        source_of_users()


async def test_containers_in_tasks_side_by_side_do_not_see_each_other():
    async def ask(name):
        container = App()
        container.users.service.override(Users(name))
        with container.injecting():
            await asyncio.sleep(0)
            return source_of_users(), await asyncio.to_thread(source_of_users)

    assert await asyncio.gather(*map(ask, "abc")) == [("a", "a"), ("b", "b"), ("c", "c")]


def test_a_part_injects_what_is_its_own(application):
    with application.users.injecting():
        assert source_of_users() == "own"
    assert application.users.inject(source_of_users)() == "own"


def test_threads_of_their_own_do_not_inherit_the_container(application):
    failures = []

    def work():
        try:
            source_of_users()
        except WiringError as error:
            failures.append(error)

    with application.injecting():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(failures) == 1


async def test_a_container_injects_into_its_background_tasks():
    seen = asyncio.Queue()

    @inject
    async def look(users: Injected[Users]) -> None:
        seen.put_nowait(users.source)

    class Worker(App):
        work = providers.Resource(BackgroundTask, look)

    for name in ("one", "two"):
        worker = Worker()
        worker.users.service.override(Users(name))
        async with worker:
            assert await seen.get() == name

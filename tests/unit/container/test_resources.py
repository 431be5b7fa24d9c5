"""All kinds of resources: how they are opened and closed, and what they give before, between and after."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

import pytest
from dependency_injector import providers, resources

from poolhouse.container import Container, LifecycleState
from poolhouse.errors import LifecycleError

entered: ContextVar[str] = ContextVar("entered", default="nothing")


class Service:
    def __init__(self, need):
        self.need = need


class Kinds:
    """Each method is what a resource calls; what it gives is "it", and `journal` has how that was opened and closed."""

    def __init__(self, journal: list[str]) -> None:
        self.journal = journal

    def function(self):
        self.journal.append("open")
        return "it"

    async def coroutine(self):
        await asyncio.sleep(0)
        self.journal.append("open")
        return "it"

    @property
    def generator(self):
        journal = self.journal

        def generator():
            journal.append("open")
            yield "it"
            journal.append("close")

        return generator

    @property
    def asynchronous_generator(self):
        journal = self.journal

        async def generator():
            await asyncio.sleep(0)
            journal.append("open")
            yield "it"
            await asyncio.sleep(0)
            journal.append("close")

        return generator

    @property
    def context_manager(self):
        return contextmanager(self.generator)

    @property
    def asynchronous_context_manager(self):
        return asynccontextmanager(self.asynchronous_generator)

    async def coroutine_of_a_context_manager(self):
        return self.asynchronous_context_manager()

    @property
    def resource_class(self):
        journal = self.journal

        class Legacy(resources.Resource[str]):
            def init(self):
                journal.append("open")
                return "it"

            def shutdown(self, _):
                journal.append("close")

        return Legacy

    @property
    def asynchronous_resource_class(self):
        journal = self.journal

        class Legacy(resources.AsyncResource[str]):
            async def init(self):
                await asyncio.sleep(0)
                journal.append("open")
                return "it"

            async def shutdown(self, _):
                await asyncio.sleep(0)
                journal.append("close")

        return Legacy


WITHOUT_AN_END = ["function", "coroutine"]
WITH_AN_END = [
    "generator",
    "asynchronous_generator",
    "context_manager",
    "asynchronous_context_manager",
    "coroutine_of_a_context_manager",
    "resource_class",
    "asynchronous_resource_class",
]
every_kind = pytest.mark.parametrize("kind", [*WITHOUT_AN_END, *WITH_AN_END])


def application_of(provides):
    class Application(Container):
        it = providers.Resource(provides)
        service = providers.Factory(Service, it)

    return Application()


@every_kind
async def test_every_kind_gives_its_value_synchronously_while_started_and_is_closed(journal, kind):
    application = application_of(getattr(Kinds(journal), kind))
    for _ in range(2):
        journal.clear()
        async with application:
            assert application.it() == "it"
            assert application.service().need == "it"
            assert journal == ["open"]
        assert journal == (["open"] if kind in WITHOUT_AN_END else ["open", "close"])


@every_kind
async def test_no_kind_is_opened_by_its_use_before_the_start_and_the_error_says_what_to_call(journal, kind):
    application = application_of(getattr(Kinds(journal), kind))
    for use in (application.it, application.service, application.it.init):
        with pytest.raises(LifecycleError, match=r"resource it is not open, its container is new.*init_resources"):
            use()
    assert journal == []
    async with application:
        # The attempt has not put the provider into dependency-injector's asynchronous mode.
        assert application.service().need == "it"


@every_kind
async def test_no_kind_is_opened_again_by_its_use_after_the_shutdown(journal, kind):
    application = application_of(getattr(Kinds(journal), kind))
    async with application:
        pass
    journal.clear()
    with pytest.raises(LifecycleError, match="its container is stopped"):
        application.service()
    assert journal == []


@every_kind
async def test_a_resource_without_a_name_is_guarded_too(journal, kind):
    provides = getattr(Kinds(journal), kind)

    class Application(Container):
        service = providers.Factory(Service, providers.Resource(provides))

    with pytest.raises(LifecycleError, match="is not open"):
        Application().service()
    assert journal == []


async def test_resources_of_a_part_are_guarded_by_the_whole_under_their_full_names(journal):
    class Part(Container):
        it = providers.Resource(Kinds(journal).generator)

    class Application(Container):
        part = providers.Container(Part)

    application = Application()
    with pytest.raises(LifecycleError, match=r"the resource part\.it is not open"):
        application.part.it()
    async with application:
        assert application.part.it() == "it"


async def test_a_resource_that_another_one_calls_too_early_says_so(journal):
    class Application(Container):
        eager = providers.Resource(lambda it: it())
        it = providers.Resource(Kinds(journal).generator)

    application = Application()
    application.eager.add_args(application.it.provider)
    with pytest.raises(LifecycleError, match="resource it is not open, its container is starting") as caught:
        await application.init_resources()
    assert caught.value.__notes__ == ["while starting eager"]
    assert journal == []


@pytest.mark.parametrize("kind", WITH_AN_END)
async def test_what_an_unguarded_override_opened_before_the_start_is_taken_over_and_closed(journal, kind):
    application = application_of(Kinds(journal).function)
    with application.it.override(providers.Resource(getattr(Kinds(journal), kind))):
        early = application.service()
        if asyncio.isfuture(early):
            await early
        async with application:
            assert application.service().need == "it"
            assert application.it() == "it"
    assert journal == ["open", "close"]


async def test_a_resource_shut_down_by_hand_is_opened_again_at_its_use_as_the_injectors_closing_needs(journal):
    application = application_of(Kinds(journal).generator)
    async with application:
        application.it.shutdown()
        assert application.it() == "it"
        application.it.shutdown()
        assert journal == ["open", "open", "close"]
    assert journal == ["open", "open", "close", "close"]


async def test_handles_are_built_at_any_time_and_opened_by_the_start(journal, handle):
    application = application_of(type("Named", (handle,), {"__init__": lambda self: handle.__init__(self, "it")}))
    built = application.service().need
    assert not built.is_open
    async with application:
        assert built.is_open
        assert application.it() is built
    assert not built.is_open
    assert application.it() is built


async def test_a_handle_made_by_a_function_is_opened_and_closed_too(journal, handle):
    application = application_of(lambda: handle("it"))
    async with application:
        assert application.it().is_open
    assert journal == ["open it", "close it"]


async def test_a_handle_that_a_generator_yields_is_the_generators_affair(journal, handle):
    async def opened():
        it = handle("it")
        await it.open()
        yield it
        await it.close()
        journal.append("left")

    async with application_of(opened) as application:
        assert application.it().is_open
    assert journal == ["open it", "close it", "left"]


async def test_a_handle_that_is_a_context_manager_as_well_is_opened_once_and_not_entered(journal, handle):
    class Both(handle):
        def __init__(self):
            super().__init__("it")

        async def __aenter__(self):
            raise AssertionError("entered")

        async def __aexit__(self, *_):
            raise AssertionError("left")

    async with application_of(Both) as application:
        assert application.it().is_open
    assert journal == ["open it", "close it"]


async def test_a_value_that_could_be_entered_itself_is_left_as_it_was_yielded(journal):
    class Client:
        async def __aenter__(self):
            journal.append("entered")
            return self

        async def __aexit__(self, *_):
            journal.append("left")

    async def client():
        async with Client() as it:
            yield it

    async with application_of(client) as application:
        assert isinstance(application.it(), Client)
    assert journal == ["entered", "left"]


async def test_a_file_like_object_is_no_handle(tmp_path):
    async with application_of(lambda: (tmp_path / "file").open("w")) as application:
        file = application.it()
        assert not file.closed
    assert file.closed


async def test_a_generator_is_left_in_the_task_that_entered_it():
    tasks = []

    async def remembering():
        tasks.append(asyncio.current_task())
        token = entered.set("it")
        yield "it"
        tasks.append(asyncio.current_task())
        entered.reset(token)

    async with application_of(remembering):
        pass
    assert tasks[0] is tasks[1]


async def test_a_task_group_and_a_time_limit_can_be_held_open_by_a_resource():
    async def grouped():
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            standing = asyncio.Event()

            async def stand():
                standing.set()
                await asyncio.Event().wait()

            task = group.create_task(stand())
            await standing.wait()
            yield task
            task.cancel()

    async with application_of(grouped) as application:
        task = application.it()
        assert not task.done()
    assert task.cancelled()


async def test_a_task_group_that_fails_stops_the_container_and_the_shutdown_raises_why(journal):
    failing = asyncio.Event()

    async def grouped():
        async with asyncio.TaskGroup() as group:

            async def fail():
                await failing.wait()
                raise ValueError("of the group")

            group.create_task(fail())
            yield "it"

    class Application(Container):
        other = providers.Resource(Kinds(journal).asynchronous_generator)
        it = providers.Resource(grouped)

    application = Application()
    await application.init_resources()
    failing.set()
    await asyncio.wait((application._lifecycle._task,))
    assert application.state is LifecycleState.STOPPED
    assert journal == ["open", "close"]
    with pytest.raises(ExceptionGroup, match="did not stop cleanly") as caught:
        await application.shutdown_resources()
    assert caught.group_contains(ValueError, match="of the group")
    await application.shutdown_resources()


async def test_a_start_waits_for_the_end_of_a_container_that_is_ending_by_itself(journal):
    closing, go_on = asyncio.Event(), asyncio.Event()

    async def slow():
        journal.append("open")
        yield
        closing.set()
        await go_on.wait()
        journal.append("close")

    application = application_of(slow)
    await application.init_resources()
    application._lifecycle._task.cancel()
    await closing.wait()
    starting = asyncio.create_task(application.init_resources())
    go_on.set()
    await starting
    assert journal == ["open", "close", "open"]
    await application.shutdown_resources()


async def test_arguments_are_resolved_once(journal):
    def counted():
        journal.append("argument")
        return "it"

    async def generator(argument, *, keyword):
        yield argument + keyword

    class Application(Container):
        argument = providers.Callable(counted)
        it = providers.Resource(generator, argument, keyword=argument)

    for _ in range(2):
        async with Application() as application:
            assert application.it() == "itit"
            assert application.it() == "itit"
    assert journal == ["argument"] * 4


async def test_an_override_made_while_the_resource_is_being_opened_does_not_disturb_it(journal):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow():
        begun.set()
        await go_on.wait()
        yield "it"
        journal.append("close")

    application = application_of(slow)
    starting = asyncio.create_task(application.init_resources())
    await begun.wait()
    with application.it.override("fake"):
        go_on.set()
        await starting
        assert application.it() == "fake"
    assert application.it() == "it"
    await application.shutdown_resources()
    assert journal == ["close"]


async def test_resources_of_each_context_are_left_to_their_contexts(journal):
    class Application(Container):
        it = providers.ContextLocalResource(Kinds(journal).generator)

    async with Application() as application:
        assert journal == []
        assert application.it() == "it"
        application.it.shutdown()
    assert journal == ["open", "close"]

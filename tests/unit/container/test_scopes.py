"""Objects that live as long as a scope: one for each, opened when needed, closed in reverse whatever happens."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import asynccontextmanager, contextmanager

import pytest
from dependency_injector import providers

from poolhouse.container import Container, Scoped
from poolhouse.errors import ContainerError, LifecycleError, ScopeError, UnfinishedWorkError, WiringError


class Basket:
    def __init__(self, *needs):
        self.needs = needs


class Checkout:
    def __init__(self, basket):
        self.basket = basket


class Kinds:
    """Every kind of thing that can be scoped; each writes down when it is opened and closed, and what it is told."""

    def __init__(self, journal):
        self.journal = journal

    def _close(self, name, error):
        self.journal.append(f"close {name}" + (f" for {type(error).__name__}" if error else ""))

    def generator(self, name, *_):
        self.journal.append(f"open {name}")
        try:
            yield name
        except BaseException as error:
            self._close(name, error)
            raise
        self._close(name, None)

    async def async_generator(self, name, *_):
        await asyncio.sleep(0)
        self.journal.append(f"open {name}")
        try:
            yield name
        except BaseException as error:
            await asyncio.sleep(0)
            self._close(name, error)
            raise
        self._close(name, None)

    def manager(self, name, *_):
        return contextmanager(self.generator)(name)

    def async_manager(self, name, *_):
        return asynccontextmanager(self.async_generator)(name)

    def function(self, name, *_):
        self.journal.append(f"open {name}")
        return name

    async def coroutine(self, name, *_):
        await asyncio.sleep(0)
        return self.function(name)


ENTERED = ["generator", "async_generator", "manager", "async_manager"]


@pytest.fixture
def kinds(journal):
    return Kinds(journal)


class Shop(Container):
    basket = Scoped(Basket)
    checkout = providers.Factory(Checkout, basket)
    other = providers.Factory(Checkout, basket)


# One for each scope


async def test_everything_in_a_scope_gets_the_same_object_and_another_scope_another():
    async with Shop() as shop:
        async with shop.scope() as scope:
            first = await scope.resolve(shop.checkout)
            assert (await scope.resolve(shop.other)).basket is first.basket is shop.basket()
        async with shop.scope() as scope:
            assert (await scope.resolve(shop.checkout)).basket is not first.basket


async def test_what_to_resolve_may_be_said_by_its_class():
    async with Shop() as shop, shop.scope() as scope:
        assert isinstance(await scope.resolve(Basket), Basket)
        with pytest.raises(WiringError, match="made by several providers: checkout, other"):
            await scope.resolve(Checkout)


async def test_scopes_of_tasks_side_by_side_have_objects_of_their_own():
    met = asyncio.Barrier(5)

    async def work(shop):
        async with shop.scope() as scope:
            checkout = await scope.resolve(shop.checkout)
            await met.wait()
            assert shop.checkout().basket is checkout.basket
            return checkout.basket

    async with Shop() as shop:
        baskets = await asyncio.gather(*(work(shop) for _ in range(5)))
    assert len(set(baskets)) == 5


async def test_tasks_and_threads_that_begin_in_a_scope_share_its_objects():
    async with Shop() as shop, shop.scope() as scope:
        basket = await scope.resolve(shop.basket)

        async def child():
            return shop.checkout().basket

        assert await asyncio.create_task(child()) is basket
        assert (await asyncio.to_thread(shop.checkout)).basket is basket


async def test_tasks_that_need_the_same_object_at_the_same_time_open_it_once(kinds, journal):
    class Application(Container):
        it = Scoped(kinds.async_generator, "it")

    async with Application() as application, application.scope() as scope:
        await asyncio.gather(scope.resolve(application.it), scope.resolve(application.it))
    assert journal == ["open it", "close it"]


async def test_an_opening_may_resolve_what_else_is_scoped_which_is_closed_after_it(kinds, journal):
    class Prices:
        async def of_today(self, scope):
            return await scope.resolve(application.rates)

    async def open_basket(scope, prices):
        async with asyncio.TaskGroup() as group:  # as a service may do it
            rates = group.create_task(prices.of_today(scope))
        async for _ in kinds.async_generator("basket"):
            yield rates.result()

    class Application(Container):
        scope_in_force = providers.Object(None)
        prices = providers.Factory(Prices)
        rates = Scoped(kinds.generator, "rates")
        basket = Scoped(open_basket, scope_in_force, prices)

    application = Application()
    async with application, application.scope() as scope:
        application.scope_in_force.override(providers.Object(scope))
        assert await scope.resolve(application.basket) == "rates"
    assert journal == ["open rates", "open basket", "close basket", "close rates"]


@pytest.mark.parametrize("names", [["basket"], ["basket", "prices"], ["basket", "prices", "rates"]])
async def test_openings_that_wait_for_one_another_are_an_error_that_names_the_circle(names):
    """Each is begun in a task of its own, so that none of them is opened by another."""
    begun = set()
    all_begun = asyncio.Event()

    async def open_after(scope, name):
        begun.add(name)
        if begun == {*names}:
            all_begun.set()
        await all_begun.wait()
        await scope.resolve(application.providers[following[name]])

    class Application(Container):
        itself = providers.Object(None)
        basket = Scoped(open_after, itself, "basket")
        prices = Scoped(open_after, itself, "prices")
        rates = Scoped(open_after, itself, "rates")

    following = dict(zip(names, [*names[1:], names[0]], strict=True))
    application = Application()
    async with application, application.scope() as scope:
        application.itself.override(providers.Object(scope))
        resolving = (scope.resolve(application.providers[name]) for name in names)
        found = await asyncio.gather(*resolving, return_exceptions=True)
    assert all("waits for itself" in str(error) and all(name in str(error) for name in names) for error in found)


async def test_an_opening_that_needs_itself_through_another_is_an_error_too():
    async def open_basket(scope):
        await scope.resolve(application.prices)

    async def open_prices(scope):
        await scope.resolve(application.basket)

    class Application(Container):
        itself = providers.Object(None)
        basket = Scoped(open_basket, itself)
        prices = Scoped(open_prices, itself)

    application = Application()
    async with application, application.scope() as scope:
        application.itself.override(providers.Object(scope))
        with pytest.raises(WiringError, match=r"the opening of basket waits for itself \(basket -> prices -> basket\)"):
            await scope.resolve(application.basket)


async def test_a_scope_within_a_scope_has_objects_of_its_own_and_gives_them_back():
    async with Shop() as shop, shop.scope() as outer:
        basket = await outer.resolve(shop.basket)
        async with shop.scope() as inner:
            assert shop.basket() is basket
            assert await inner.resolve(shop.basket) is not basket
            assert await outer.resolve(shop.basket) is basket
        assert shop.basket() is basket


async def test_scopes_of_two_containers_know_nothing_of_each_other():
    async with Shop() as first, Shop() as second, first.scope() as one, second.scope() as two:
        assert await one.resolve(first.basket) is not await two.resolve(second.basket)
        assert first.basket() is await one.resolve(first.basket)


async def test_only_what_is_needed_is_opened(kinds, journal):
    class Application(Container):
        one = Scoped(kinds.generator, "one")
        two = Scoped(kinds.generator, "two")
        user = providers.Factory(Basket, two)

    async with Application() as application, application.scope() as scope:
        await scope.resolve(application.user)
        assert journal == ["open two"]


# Where there is none


async def test_outside_of_a_scope_a_scoped_object_is_an_error_that_says_what_to_do():
    class Whole(Container):
        part = providers.Container(Shop)

    async with Whole() as whole:
        with pytest.raises(ScopeError, match=r"part\.basket lives in a scope.*scope\.resolve"):
            whole.part.checkout()


async def test_in_a_scope_that_has_not_opened_it_it_is_an_error_too():
    async with Shop() as shop, shop.scope():
        with pytest.raises(ScopeError):
            shop.checkout()


async def test_a_task_that_outlives_its_scope_finds_nothing_in_it():
    ended = asyncio.Event()

    async def child(shop):
        await ended.wait()
        with pytest.raises(ScopeError):
            shop.basket()

    async with Shop() as shop:
        async with shop.scope() as scope:
            await scope.resolve(shop.basket)
            task = asyncio.create_task(child(shop))
        ended.set()
        await task


async def test_what_a_task_is_still_opening_when_the_block_ends_is_closed_too():
    journal, opening, go_on = [], asyncio.Event(), asyncio.Event()

    async def open_slowly():
        opening.set()
        await go_on.wait()
        journal.append("open")
        yield "slow"
        journal.append("close")

    class Slow(Container):
        slow = Scoped(open_slowly)

    async with Slow() as container:
        async with container.scope("short") as scope:
            task = asyncio.create_task(scope.resolve(container.slow))
            await opening.wait()
        go_on.set()
        with pytest.raises(LifecycleError, match="slow cannot begin in <Scope 'short' left>"):
            await task
    assert journal == ["open", "close"]


async def test_nothing_is_opened_in_a_scope_that_nobody_has_entered(kinds, journal):
    class Shop(Container):
        thing = Scoped(kinds.coroutine, "thing")

    async with Shop() as shop:
        with pytest.raises(LifecycleError, match="thing cannot begin in <Scope 'new' new>"):
            await shop.scope("new").resolve(shop.thing)
    assert journal == []


async def test_a_scope_needs_a_started_container_and_is_entered_once():
    shop = Shop()
    with pytest.raises(LifecycleError, match="cannot begin a scope, the container is new"):
        await shop.scope().__aenter__()
    async with shop:
        async with shop.scope("once") as scope:
            assert repr(scope) == "<Scope 'once' open>"
        with pytest.raises(LifecycleError, match="entered once"):
            await scope.__aenter__()
        with pytest.raises(LifecycleError, match="cannot begin in <Scope 'once' left>"):
            await scope.resolve(shop.basket)


# Opening and closing


@pytest.mark.parametrize("kind", [*ENTERED, "function", "coroutine"])
async def test_whatever_can_be_a_resource_can_be_scoped(kinds, journal, kind):
    class Application(Container):
        it = Scoped(getattr(kinds, kind), "it")
        user = providers.Factory(Checkout, it)

    async with Application() as application, application.scope() as scope:
        assert (await scope.resolve(application.user)).basket == "it"
    assert journal == (["open it", "close it"] if kind in ENTERED else ["open it"])


async def test_an_object_with_open_and_close_is_driven_by_them(handle, journal):
    class Application(Container):
        it = Scoped(handle, "it")

    async with Application() as application, application.scope() as scope:
        assert (await scope.resolve(application.it)).is_open
    assert journal == ["open it", "close it"]


@pytest.mark.parametrize("kind", ENTERED)
@pytest.mark.parametrize("error", [ValueError("x"), asyncio.CancelledError()])
async def test_the_error_of_the_block_is_seen_by_what_is_closed(kinds, journal, kind, error):
    class Application(Container):
        it = Scoped(getattr(kinds, kind), "it")

    async with Application() as application:
        with pytest.raises(type(error)) as caught:
            await in_scope(application, application.it, raising=error)
    assert caught.value is error
    assert journal == ["open it", f"close it for {type(error).__name__}"]


async def in_scope(application, *wanted, raising=None):
    async with application.scope() as scope:
        for each in wanted:
            await scope.resolve(each)
        if raising is not None:
            raise raising


@pytest.fixture
def chain(kinds):
    class Chain(Container):
        first = Scoped(kinds.async_generator, "first")
        second = Scoped(kinds.generator, "second", providers.Factory(Basket, first))
        third = Scoped(kinds.async_manager, "third", second)

    return Chain


async def test_what_is_needed_is_opened_first_and_closed_last(chain, journal):
    async with chain() as application:
        await in_scope(application, application.third)
    assert journal == ["open first", "open second", "open third", "close third", "close second", "close first"]


async def test_a_cancelled_block_closes_everything(chain, journal):
    async with chain() as application:
        reached = asyncio.Event()

        async def work():
            async with application.scope() as scope:
                await scope.resolve(application.third)
                reached.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert journal[3:] == [f"close {name} for CancelledError" for name in ("third", "second", "first")]


async def test_what_fails_to_open_leaves_what_was_opened_before_to_the_scope(chain, journal):
    def fail(_):
        raise ValueError("not today")

    application = chain()
    with application.second.override(Scoped(fail, application.first)):
        async with application:
            with pytest.raises(ValueError, match="not today"):
                await in_scope(application, application.third)
    assert journal == ["open first", "close first for ValueError"]


async def test_what_fails_to_close_is_seen_by_the_rest_and_raised(chain, journal, kinds):
    async def failing(*_):
        yield "second"
        raise ValueError("not well")

    application = chain()
    with application.second.override(Scoped(failing, application.first)):
        async with application:
            with pytest.raises(ValueError, match="not well") as caught:
                await in_scope(application, application.third)
    assert journal[2:] == ["close third", "close first for ValueError"]
    assert "while closing" in caught.value.__notes__[0]


async def test_the_error_of_the_block_goes_before_those_of_closing_which_are_noted(chain):
    async def failing(*_):
        try:
            yield "second"
        finally:
            raise KeyError("while closing")

    application = chain()
    with application.second.override(Scoped(failing, application.first)):
        async with application:
            with pytest.raises(ValueError, match="of the block") as caught:
                await in_scope(application, application.third, raising=ValueError("of the block"))
    assert "KeyError('while closing')" in caught.value.__notes__[0]


async def test_nothing_in_a_scope_can_swallow_the_error_of_its_block(kinds, journal):
    @contextmanager
    def swallowing(_):
        try:
            yield
        except ValueError:
            journal.append("swallowed")

    class Application(Container):
        first = Scoped(kinds.generator, "first")
        second = Scoped(swallowing, first)

    async with Application() as application:
        with pytest.raises(ValueError, match="x"):
            await in_scope(application, application.second, raising=ValueError("x"))
    assert journal == ["open first", "swallowed", "close first for ValueError"]


async def test_a_manager_that_raises_the_error_again_by_itself_is_not_noted_for_it(chain):
    class Raising:
        def __init__(self, *_): ...

        def __enter__(self):
            return self

        def __exit__(self, _kind, error, _trace):
            raise error

    application = chain()
    with application.second.override(Scoped(Raising, application.first)):
        async with application:
            with pytest.raises(ValueError, match="x") as caught:
                await in_scope(application, application.third, raising=ValueError("x"))
    assert not hasattr(caught.value, "__notes__")


async def test_a_cancellation_while_closing_is_raised_and_closes_the_rest(chain, journal):
    closing = asyncio.Event()

    async def slow(*_):
        yield "second"
        closing.set()
        await asyncio.Event().wait()

    application = chain()
    with application.second.override(Scoped(slow, application.first)):
        async with application:
            task = asyncio.create_task(in_scope(application, application.third))
            await closing.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert journal[-1] == "close first for CancelledError"


# Overrides


async def test_providers_that_are_written_anew_at_each_call_are_not_kept_for_ever():
    left = []
    async with Container() as container, container.scope() as scope:
        for _ in range(1_100):
            left.append(weakref.ref(await scope.resolve(providers.Object(Basket()))))
            left.append(weakref.ref(container.resolve(providers.Object(Basket()))))
    gc.collect()
    assert sum(each() is not None for each in left) <= 2_050


async def test_an_override_takes_the_place_of_a_scoped_object_in_the_next_scope(kinds, journal):
    async with Shop() as shop:
        await in_scope(shop, shop.checkout)
        with shop.basket.override(Scoped(kinds.generator, "fake")):
            async with shop.scope() as scope:
                assert (await scope.resolve(shop.checkout)).basket == "fake"
        with shop.basket.override("plain"):
            assert shop.checkout().basket == "plain"
        async with shop.scope() as scope:
            assert isinstance((await scope.resolve(shop.checkout)).basket, Basket)
    assert journal == ["open fake", "close fake"]


# Validation


def test_what_lives_longer_than_a_scope_cannot_need_what_lives_in_one():
    class Captive(Container):
        basket = Scoped(Basket)
        checkout = providers.Factory(Checkout, basket)
        kept = providers.Singleton(Checkout, checkout)
        started = providers.Resource(Checkout, basket)
        user = providers.Factory(Checkout, kept)

    with pytest.raises(ContainerError, match="kept lives longer than a scope, and needs basket") as caught:
        Captive().validate()
    assert [(error.path, error.remedy) for error in caught.value.violations] == [
        (("kept", "checkout", "basket"), "Make kept Scoped as well, or a Factory"),
        (("started", "basket"), "Make started Scoped as well, or a Factory"),
    ]


def test_a_scoped_object_may_need_whatever_lives_longer_or_in_the_same_scope(kinds):
    class Fine(Container):
        kept = providers.Singleton(Basket)
        started = providers.Resource(kinds.async_generator, "started")
        basket = Scoped(Basket, kept, started)
        line = Scoped(kinds.async_generator, basket)
        checkout = providers.Factory(Checkout, line)
        lazy = providers.Singleton(Checkout, checkout.provider)

    assert Fine().validate() == ()


def test_arguments_of_scoped_objects_are_validated_like_others():
    class Wrong(Container):
        checkout = Scoped(Checkout, baskets=1)

    with pytest.raises(ContainerError, match=r"Checkout takes no argument 'baskets'\. Did you mean 'basket'"):
        Wrong().validate()


# Draining


async def test_a_shutdown_waits_for_open_scopes_and_lets_no_more_begin(journal, handle):
    class Application(Container):
        pool = providers.Resource(handle, "pool")
        basket = Scoped(Basket, pool)

    application = Application()
    await application.init_resources()
    async with application.scope() as scope:
        stopping = asyncio.create_task(application.shutdown_resources())
        await asyncio.sleep(0.01)
        assert not stopping.done()
        with pytest.raises(LifecycleError, match="the container is stopping"):
            await application.scope().__aenter__()
        assert (await scope.resolve(application.basket)).needs[0].is_open
    await stopping
    assert journal == ["open pool", "close pool"]


async def test_a_scope_that_does_not_end_in_time_is_named_and_everything_is_stopped(journal, handle):
    class Application(Container):
        drain_timeout = 0.01
        pool = providers.Resource(handle, "pool")

    application = Application()
    await application.init_resources()
    async with application.scope("the nightly report"):
        with pytest.raises(ExceptionGroup) as caught:
            await application.shutdown_resources()
    (late,) = caught.value.exceptions
    assert isinstance(late, UnfinishedWorkError)
    assert late.holders[0].startswith("the nightly report (")
    assert journal == ["open pool", "close pool"]

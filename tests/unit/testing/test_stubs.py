from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable  # noqa: TC003 - the port's annotations are evaluated
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast, runtime_checkable

import pytest

from poolhouse.errors import PortError, UnansweredCallError, UsageError
from poolhouse.testing import Stub
from poolhouse.testing.stubs import check_stand_in

T = TypeVar("T")


@dataclass(frozen=True)
class Account:
    name: str


@runtime_checkable
class Accounts(Protocol):
    limit: int

    @property
    def region(self) -> str: ...

    async def exists(self, user_id: int, *, at: str = "now") -> bool: ...

    async def find(self, user_id: int) -> Account | None: ...

    async def forget(self, user_id: int) -> None: ...

    def count(self) -> int: ...

    def later(self) -> Awaitable[int]: ...

    def untold(self): ...


@pytest.fixture
def accounts():
    return Stub(Accounts)


async def test_a_stub_answers_what_the_test_says(accounts):
    accounts.answer(Accounts.exists).returns(value=True)
    accounts.answer(Accounts.find).returns(Account("Ada"))
    accounts.answer(Accounts.count).returns(3)
    accounts.answer(Accounts.later).returns(4)
    assert await accounts.port.exists(1) is True
    assert await accounts.port.find(1) == Account("Ada")
    assert (accounts.port.count(), await accounts.port.later()) == (3, 4)


async def test_the_last_word_counts(accounts):
    accounts.answer(Accounts.count).returns(1)
    accounts.answer(Accounts.count).returns(2)
    assert accounts.port.count() == 2


async def test_a_stub_raises_what_the_test_says(accounts):
    accounts.answer(Accounts.find).raises(LookupError("nobody"))
    with pytest.raises(LookupError, match="nobody"):
        await accounts.port.find(1)


@pytest.mark.parametrize("is_coroutine_function", [True, False])
async def test_a_function_answers_with_the_arguments(accounts, is_coroutine_function):
    async def slowly(user_id, *, at="now"):
        return user_id > 1 and at == "now"

    def at_once(user_id, *, at="now"):
        return user_id > 1 and at == "now"

    accounts.answer(Accounts.exists).by(slowly if is_coroutine_function else at_once)
    assert [await accounts.port.exists(1), await accounts.port.exists(2)] == [False, True]
    assert not await accounts.port.exists(2, at="then")


async def test_calls_are_recorded_by_the_names_of_their_arguments(accounts):
    accounts.answer(Accounts.exists).returns(value=False)
    await accounts.port.exists(1)
    await accounts.port.exists(user_id=2, at="then")
    assert accounts.calls(Accounts.exists) == ({"user_id": 1}, {"user_id": 2, "at": "then"})
    assert accounts.calls(Accounts.count) == ()


async def test_a_call_that_nobody_answered_names_the_method_and_how_to_answer_it(accounts):
    told = r"Accounts\.exists\(user_id, at\), and nothing says what it answers\. Say stub\.answer\(Accounts\.exists\)"
    with pytest.raises(UnansweredCallError, match=told):
        await accounts.port.exists(1)
    with pytest.raises(AssertionError, match=r"Accounts\.untold\(\)"):
        accounts.port.untold()


async def test_a_method_that_returns_nothing_needs_no_answer(accounts):
    assert await accounts.port.forget(7) is None
    assert accounts.calls(Accounts.forget) == ({"user_id": 7},)


@pytest.mark.parametrize("value", ["yes", None, 1.5])
async def test_an_answer_of_another_type_is_refused(accounts, value):
    wrong = rf"its exists\(\) returns bool, and not {type(value).__name__}"
    with pytest.raises(PortError, match=wrong):
        accounts.answer(Accounts.exists).returns(value)
    accounts.answer(Accounts.exists).by(lambda *_, **__: value)
    with pytest.raises(PortError, match=wrong):
        await accounts.port.exists(1)


async def test_arguments_that_the_port_has_not_are_refused(accounts):
    with pytest.raises(TypeError, match=r"Accounts\.exists\(user_id, at\): too many positional arguments"):
        await accounts.port.exists(1, 2)
    with pytest.raises(TypeError, match=r"Accounts\.count\(\): got an unexpected keyword argument 'when'"):
        accounts.port.count(when="now")


class Odd(Protocol[T]):
    """A port with names that a stub has for its own, and with what is no method of an instance."""

    port: str
    clock: Callable[[], float]

    def named(self, _self: int, self_: int = 0, *, port: str = "") -> T: ...

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[T]:
        yield cast("T", None)

    @staticmethod
    def static(number: int) -> int: ...

    @classmethod
    def of_class(cls, number: int) -> int: ...


def test_a_name_that_stubs_have_for_their_own_is_no_less_the_ports():
    odd = Stub(Odd[str], port="5432", clock=lambda: 1.0)
    odd.answer(Odd.named).by(lambda _self, self_=0, *, port="": f"{_self} {self_} {port}")
    assert odd.port.named(_self=1, port="x") == "1 0 x"
    assert odd.calls(Odd.named) == ({"_self": 1, "port": "x"},)
    assert (odd.port.port, odd.port.clock()) == ("5432", 1.0)


async def test_a_method_that_a_decorator_makes_another_of_may_be_answered_with_anything():
    @asynccontextmanager
    async def begin():
        yield "begun"

    odd = Stub(Odd)
    odd.answer(Odd.transaction).by(begin)
    async with odd.port.transaction() as given:
        assert given == "begun"


def test_static_and_class_methods_are_given_like_attributes():
    odd = Stub(Odd, static=lambda number: number + 1)
    assert odd.port.static(1) == 2
    with pytest.raises(UnansweredCallError, match=r"Odd\.of_class.* Stub\(Odd, of_class=\.\.\.\)"):
        odd.port.of_class(1)


def test_attributes_are_given(accounts):
    given = Stub(Accounts, limit=3, region="north")
    assert (given.port.limit, given.port.region) == (3, "north")
    with pytest.raises(UnansweredCallError, match=r"Accounts\.region.* Stub\(Accounts, region=\.\.\.\)"):
        _ = accounts.port.region


def test_the_port_of_a_stub_is_an_instance_of_the_port(accounts):
    assert isinstance(accounts.port, Accounts)
    assert inspect.signature(accounts.port.exists) == inspect.signature(Accounts.exists).replace(
        parameters=[*inspect.signature(Accounts.exists).parameters.values()][1:]
    )
    assert repr(accounts) == "<Stub of Accounts>"


@pytest.mark.parametrize("port", [Account, int, lambda: None])
def test_what_is_no_protocol_has_no_stub(port):
    with pytest.raises(PortError, match="no Protocol"):
        Stub(port)


def test_an_attribute_that_the_port_has_not_is_refused():
    with pytest.raises(PortError, match="it has no attribute limits"):
        Stub(Accounts, limits=3)


def test_a_method_that_the_port_has_not_is_refused_with_its_nearest_neighbour(accounts):
    def exist(self): ...

    with pytest.raises(UsageError, match=r"no method 'exist'\. Did you mean Accounts\.exists\?"):
        accounts.answer(exist)


class Fitting:
    limit = 1
    region = "north"

    async def exists(self, user_id: int, *, at: str = "now", why: str = "") -> bool:
        return (user_id, at, why) != (0, "", "")

    async def find(self, user_id: int) -> Account:
        return Account(f"{user_id}")

    async def forget(self, user_id: int) -> None: ...

    def count(self) -> bool:
        return True

    async def later(self) -> int:
        return 1

    def untold(self) -> str:
        return ""


def test_a_stand_in_that_fits_is_welcome():
    check_stand_in(Fitting(), Accounts, "it")
    check_stand_in(Fitting, Accounts, "it")


class Misfit:
    limit = 1

    async def exists(self, user_id: int) -> str:
        return f"{user_id}"

    def find(self, user_id: int) -> Account:
        return Account(f"{user_id}")

    async def forget(self, user_id: int) -> int:
        return user_id

    async def count(self) -> int:
        return 1


def test_everything_that_does_not_fit_is_told_at_once():
    with pytest.raises(PortError) as told:
        check_stand_in(Misfit(), Accounts, "what is given for accounts")
    assert told.value.misfits == (
        "its exists() cannot be called with (user_id, at)",
        "its find() is no coroutine function, which is asked for",
        "its count() is a coroutine function, which is not what is asked for",
        "it has no method later()",
        "it has no method untold()",
        "its exists() returns str, and bool is asked for",
        "its forget() returns int, and None is asked for",
        "it has no attribute region",
    )
    assert str(told.value).startswith("what is given for accounts does not fit the port Accounts: its exists()")

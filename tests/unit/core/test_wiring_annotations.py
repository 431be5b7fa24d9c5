"""Whether an object fits an annotation: only what surely does not is called so."""

# ruff: noqa: UP007, UP045, FBT003 - the older ways to write unions are annotations too, and True is a value
from __future__ import annotations

import collections.abc
import enum
import typing
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType, Optional, Protocol, TypeVar, Union

import pytest

from poolhouse._core.wiring import UNKNOWN, Handed, Made, Value, attribute_of, lacks, product_of, read_callee
from poolhouse._core.wiring.annotations import fits, named, surely_fits
from poolhouse._core.wiring.protocols import unmet


class Animal: ...


class Dog(Animal):
    def bark(self, times: int, *, loud: bool = False) -> None: ...


class Car: ...


class Shape(ABC):
    @abstractmethod
    def area(self) -> float: ...


class Barking(Protocol):
    def bark(self, times: int) -> None: ...


class Owned(Barking, Protocol):
    owner: str


class Size(enum.Enum):
    SMALL = 1


Number = NewType("Number", int)
T = TypeVar("T")

RIGHT = [
    (UNKNOWN, Car),
    (Made(Dog), Animal),
    (Made(Dog), Dog | None),
    (Made(Dog), Optional[Animal]),
    (Made(Dog), Any),
    (Made(Dog), object),
    (Made(Dog), T),
    (Made(Dog), Barking),
    (Made(Dog), Owned),
    (Made(Dog), Annotated[Animal, "a note"]),
    (Made(Dog), "Dog"),
    (Made(Animal, is_exact=False), Dog),
    (Made(bool), int),
    (Made(int), float),
    (Made(int), Number),
    (Made(int), Literal[1, 2]),
    (Made(list), collections.abc.Sequence[int]),
    (Made(list), list[int]),
    (Made(dict), typing.Mapping[str, int]),
    (Made(type), type[Dog]),
    (Value(None), None),
    (Value(None), Dog | None),
    (Value("a"), Literal["a"]),
    (Value(Dog), type[Animal]),
    (Value(Dog), type),
    (Value(Dog), collections.abc.Callable[[], Animal]),
    (Value(len), collections.abc.Callable[..., int]),
    (Value(Size.SMALL), Size),
    (Value(1), Union[str, int]),
    (Handed(Made(Dog)), collections.abc.Callable[[], Animal]),
    (Handed(None), collections.abc.Callable[[], Animal]),
    (Handed(Made(Dog)), collections.abc.Callable[[], collections.abc.Awaitable[Dog]]),
]

WRONG = [
    (Made(Dog), Car),
    (Made(Animal), Dog),
    (Made(Dog), Car | None),
    (Made(Dog), int | str),
    (Made(Car), Barking),
    (Made(Car), Shape),
    (Made(float), int),
    (Made(str), Literal[1]),
    (Made(list), dict[str, int]),
    (Made(Dog), collections.abc.Callable[[], Dog]),
    (Made(Dog), type[Dog]),
    (Made(str), Number),
    (Made(Dog), Annotated[Car, "a note"]),
    (Value(None), Dog),
    (Value("b"), Literal["a"]),
    (Value(True), Literal[1]),
    (Value("text"), int),
    (Value(Car), type[Animal]),
    (Value(Car), collections.abc.Callable[[], Animal]),
    (Value(1), collections.abc.Callable[[], int]),
    (Value(1), Size),
    (Handed(Made(Dog)), Dog),
    (Handed(Made(Dog)), Dog | None),
    (Handed(Made(Dog)), collections.abc.Callable[[], Car]),
]


@pytest.mark.parametrize(("product", "annotation"), RIGHT, ids=str)
def test_what_is_right_or_may_be_fits(product, annotation):
    assert fits(product, annotation)


@pytest.mark.parametrize(("product", "annotation"), WRONG, ids=str)
def test_what_is_surely_wrong_does_not_fit(product, annotation):
    assert not fits(product, annotation)
    assert not surely_fits(product, annotation)


@pytest.mark.parametrize(
    ("annotation", "written"),
    [
        (Dog, "Dog"),
        (Dog | None, "Dog | None"),
        (Optional[int], "int | None"),
        (list[int], "list[int]"),
        (collections.abc.Callable[[int], Dog], "Callable[[int], Dog]"),
        (collections.abc.Callable[..., None], "Callable[..., None]"),
        (Literal["a"], "Literal['a']"),
        (Annotated[int, "a note"], "int"),
        (Any, "Any"),
        (Number, "Number"),
    ],
    ids=str,
)
def test_annotations_are_named_as_they_are_written(annotation, written):
    assert named(annotation) == written


class Silent:
    def bark(self) -> None: ...


class Demanding:
    def bark(self, times: int, volume: int) -> None: ...


class Renamed:
    def bark(self, count: int) -> None: ...


class ByName:
    def bark(self, *, times: int) -> None: ...


class Anyhow:
    def bark(self, *args: Any, **kwargs: Any) -> None: ...


class Assigned:
    def __init__(self, bark: Any) -> None:
        self.bark = bark


class Late:
    async def bark(self, times: int) -> None: ...


class AsyncBarking(Protocol):
    async def bark(self, times: int) -> None: ...


@pytest.mark.parametrize("kind", [Dog, Renamed, ByName, Anyhow, Assigned])
def test_a_method_that_can_be_called_as_the_protocol_says_is_met(kind):
    assert [*unmet(kind, Barking)] == []


@pytest.mark.parametrize(
    ("kind", "protocol", "why"),
    [
        (Car, Barking, "it has no method bark()"),
        (Silent, Barking, "its bark() cannot be called with (times"),
        (Demanding, Barking, "its bark() cannot be called with (times"),
        (Late, Barking, "its bark() is a coroutine function"),
        (Dog, AsyncBarking, "its bark() is no coroutine function"),
        (Car, Owned, "it has no method bark()"),
    ],
)
def test_what_a_protocol_asks_for_and_is_not_there_is_said(kind, protocol, why):
    [told] = unmet(kind, protocol)
    assert told.startswith(why)


@dataclass(frozen=True)
class Frozen:
    size: int

    @property
    def double(self) -> float:
        return 2.0


@dataclass
class Open:
    size: int


def test_attributes_are_known_from_values_annotations_and_properties():
    assert attribute_of(Value(Frozen(3)), "size") == Value(3)
    assert attribute_of(Made(Frozen), "size") == Made(int, is_exact=False)
    assert attribute_of(Value(Frozen(3)), "double") == Made(float, is_exact=False)
    assert attribute_of(UNKNOWN, "size") is UNKNOWN


@pytest.mark.parametrize("product", [Made(Open), Made(Frozen, is_exact=False), Handed(None), UNKNOWN])
def test_attributes_that_may_be_assigned_later_are_not_missed(product):
    assert lacks(product, "length") is None


@pytest.mark.parametrize("product", [Made(Frozen), Value(Frozen(1)), Value(Open(1)), Value(Car())])
def test_attributes_that_surely_are_not_there_are_missed(product):
    assert lacks(product, "length") is not None


def test_products_are_named_and_values_never_shown():
    assert [str(each) for each in (Made(Car), Made(Animal), Handed(None), Value(None))] == [
        "a Car",
        "an Animal",
        "a provider",
        "None",
    ]
    assert str(Value("a secret")) == "a value of class str"
    assert "a secret" not in repr(Value("a secret"))


def test_a_property_is_never_run():
    class Exploding:
        @property
        def size(self):
            raise AssertionError

    assert attribute_of(Value(Exploding()), "size") is UNKNOWN
    assert lacks(Value(Exploding()), "size") is None


@pytest.mark.parametrize("annotation", [Any, object, Dog | Car, Barking, collections.abc.Awaitable[int], T, "Dog"])
def test_what_an_annotation_leaves_open_is_unknown(annotation):
    assert product_of(annotation) is UNKNOWN


def test_an_annotation_that_cannot_be_evaluated_allows_anything():
    callee = read_callee(lambda one: one)
    assert callee.evaluated("Nowhere[1") is Any
    assert callee.evaluated("Nowhere") is Any


@pytest.mark.parametrize("target", [dict, int, max, type("NoSignature", (), {"__signature__": 3})])
def test_what_has_no_signature_has_no_parameters_to_judge(target):
    assert read_callee(target).parameters is None

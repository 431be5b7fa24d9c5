from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, AnyUrl, BaseModel, Discriminator, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from poolhouse.integrations.fastapi._invalid_input import invalid_inputs


def quoting(value: str) -> str:
    raise ValueError(f"nobody likes {value}, choose another")


def plain(value: str) -> str:
    raise ValueError("an address needs an @")


def custom(value: str) -> str:
    raise PydanticCustomError("taste", "{value} is bad taste", {"value": value})


def parsing(value: str) -> str:
    raise PydanticCustomError("value_error", "not an email address: {reason}", {"reason": f"{value[0]} is odd"})


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Range(BaseModel):
    low: int
    high: int

    @model_validator(mode="after")
    def ordered(self) -> Range:
        if self.low > self.high:
            raise ValueError(f"{self.low} is more than {self.high}")
        return self


def errors_of(kind: Any, value: Any) -> list[Any]:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(kind).validate_python(value)
    return raised.value.errors()


def messages_of(kind: Any, value: Any) -> list[str]:
    return [
        invalid.message for invalid in invalid_inputs([{**error, "loc": ("body",)} for error in errors_of(kind, value)])
    ]


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (UUID, "zzz", "Input should be a valid UUID"),
        (dt.datetime, "2020-13-01T00:00", "Input should be a valid datetime or date"),
        (AnyUrl, "q", "Input should be a valid URL"),
        (Annotated[str, AfterValidator(plain)], "secret", "an address needs an @"),
        (Annotated[str, AfterValidator(quoting)], "secret", "Value is not valid"),
        (Annotated[str, AfterValidator(custom)], "secret", "Value is not valid"),
        (Annotated[str, AfterValidator(parsing)], "(secret", "not an email address"),
        (Annotated[Cat | Dog, Discriminator("kind")], {"kind": "secret"}, "Input tag should be one of 'cat', 'dog'"),
        (Range, {"low": 77, "high": 3}, "Value is not valid"),
        (int, "many", "Input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_a_message_says_what_is_wrong_and_not_with_what(kind, value, message):
    assert messages_of(kind, value) == [message]


@given(st.text(min_size=4).filter(lambda text: text.strip()))
def test_no_message_repeats_a_text_that_was_sent(text):
    marked = f"<<{text}>>"
    kinds = (UUID, int, Decimal, dt.date, AnyUrl, Cat, Literal["a"], Annotated[str, AfterValidator(quoting)])
    for kind in kinds:
        assert not any(marked in message for message in messages_of(kind, marked))


def test_a_location_is_a_json_pointer():
    [invalid] = invalid_inputs([{"type": "missing", "loc": ("body", "a/b", 0, "c~d"), "msg": "Field required"}])
    assert invalid.location == "/body/a~1b/0/c~0d"

"""Rows as objects: building pydantic models and dataclasses from Records."""

from __future__ import annotations

import dataclasses
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ValidationError

from poolhouse.errors import RowMappingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncpg import Record
    from pydantic_core import ErrorDetails


class Dataclass(Protocol):
    """A dataclass, by what every one of them has."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


RowModel: TypeAlias = Dataclass | BaseModel
"""What rows can be made to: a dataclass or a pydantic model. For functions of your own that pass `into=` on, as the
bound of a type variable."""

RowT = TypeVar("RowT", bound=RowModel)

_NEITHER = "it is neither a dataclass nor a pydantic model"


def row_builder(model: type[RowT]) -> Callable[[Record], RowT]:
    """Return a function that makes an instance of `model` from a row, matching columns to fields by name.

    A pydantic model validates its values; a dataclass takes them as they come from the driver.
    Both this and the function raise RowMappingError, which names columns and never shows a value.
    """
    if not isinstance(cast("Any", model), type):
        raise RowMappingError(repr(model), [_NEITHER])
    return cast("Callable[[Record], RowT]", _builder(cast("Any", model)))


@lru_cache(maxsize=1024)
def _builder(model: type[Any]) -> Callable[[Record], Any]:
    if issubclass(model, BaseModel):
        return _pydantic_builder(model)
    if dataclasses.is_dataclass(model):
        return _dataclass_builder(model)
    raise RowMappingError(model.__qualname__, [_NEITHER])


def _pydantic_builder(model: type[BaseModel]) -> Callable[[Record], BaseModel]:
    def build(row: Record) -> BaseModel:
        values = dict(row)
        try:
            if len(values) == len(row):
                return model.model_validate(values)
        except ValidationError as error:
            problems = [_problem(detail) for detail in error.errors(include_input=False, include_url=False)]
        else:
            problems = _repeated(row)
        # Outside the handler, so that pydantic's error, which holds the values, is not even the context.
        raise RowMappingError(model.__qualname__, problems)

    return build


def _problem(detail: ErrorDetails) -> str:
    # Below the column, a location can be a key out of the value; and a union's tag is one.
    column = detail["loc"][0] if detail["loc"] else "the row"
    fact = "Input should be one of the union's members" if detail["type"] == "union_tag_invalid" else detail["msg"]
    return f"{column}: {fact}"


def _repeated(row: Record) -> list[str]:
    counts = Counter(row.keys())
    return [f"{name}: {count} columns have this name" for name, count in counts.items() if count > 1]


def _dataclass_builder(model: type[Any]) -> Callable[[Record], Any]:
    fields = [field for field in dataclasses.fields(model) if field.init]
    known = {field.name for field in fields}
    required = {
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }

    def build(row: Record) -> Any:
        columns = list(row.keys())
        try:
            return model(**row)
        except TypeError:
            problems = [f"{name}: there is no such column" for name in sorted(required.difference(columns))]
            problems += [f"{name}: there is no such field" for name in sorted(set(columns) - known)]
            problems += _repeated(row)
            if not problems:
                raise
        raise RowMappingError(model.__qualname__, problems)

    return build

"""Rows as objects: building pydantic models and dataclasses from Records."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from poolhouse.errors import RowMappingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from asyncpg import Record

T = TypeVar("T")


def build_rows(model: type[T], rows: Iterable[Record]) -> list[T]:
    """Return an instance of `model` for each row, matching columns to fields by name.

    A pydantic model validates its values; a dataclass takes them as they come from the driver.
    Raises RowMappingError, which names columns and never shows a value, at the first row that does not fit.
    """
    build = cast("Callable[[Record], T]", _builder(cast("Any", model)))
    return [build(row) for row in rows]


@lru_cache(maxsize=1024)
def _builder(model: type[Any]) -> Callable[[Record], Any]:
    if issubclass(model, BaseModel):
        return _pydantic_builder(model)
    if dataclasses.is_dataclass(model):
        return _dataclass_builder(model)
    raise RowMappingError(model.__qualname__, ["it is neither a dataclass nor a pydantic model"])


def _pydantic_builder(model: type[BaseModel]) -> Callable[[Record], BaseModel]:
    def build(row: Record) -> BaseModel:
        try:
            return model.model_validate(dict(row))
        except ValidationError as error:
            details = error.errors(include_input=False, include_url=False, include_context=False)
            problems = [f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in details]
        # Outside the handler, so that pydantic's error, which holds the values, is not even the context.
        raise RowMappingError(model.__qualname__, problems)

    return build


def _dataclass_builder(model: type[Any]) -> Callable[[Record], Any]:
    fields = [field for field in dataclasses.fields(model) if field.init]
    known = {field.name for field in fields}
    required = {
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }

    def build(row: Record) -> Any:
        columns = row.keys()
        try:
            return model(**row)
        except TypeError:
            missing = sorted(required.difference(columns))
            unknown = sorted(set(columns) - known)
            if not missing and not unknown:
                raise
        problems = [f"{name}: there is no such column" for name in missing]
        raise RowMappingError(model.__qualname__, problems + [f"{name}: there is no such field" for name in unknown])

    return build

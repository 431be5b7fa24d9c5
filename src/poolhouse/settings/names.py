"""The names under which settings can be set."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import is_dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, cast, get_args, get_origin

from pydantic import AliasChoices, BaseModel

from poolhouse._core.suggestion import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

_OF_PARTS = (Mapping, list, tuple, set, frozenset)


def variables(kind: type[BaseSettings]) -> tuple[str, ...]:
    """Return the names of all environment variables that settings of `kind` are read from, sorted."""
    return tuple(sorted(_names(kind, prefix_of(kind), delimiter_of(kind))))


def variables_at(kind: type[BaseSettings], path: Sequence[str]) -> list[str]:
    """Return the names of variables that set what is at `path`; the first is the one to tell."""
    aliases = aliases_of(kind.model_fields[path[0]]) if path[0] in kind.model_fields else ()
    firsts = (*aliases, f"{prefix_of(kind)}{path[0]}")
    return [delimiter_of(kind).join((first, *path[1:])).upper() for first in firsts]


def is_in_a_section(kind: type[BaseSettings], name: str) -> bool:
    """Whether `name`, in capitals, lies in a section that takes or refuses it itself, or in a dictionary or a list."""
    for field_name, field in kind.model_fields.items():
        start = f"{variables_at(kind, (field_name,))[-1]}{delimiter_of(kind)}"
        if name.startswith(start):
            return _is_for_pydantic(field, name.removeprefix(start), delimiter_of(kind))
    return False


def _is_for_pydantic(field: FieldInfo, rest: str, delimiter: str) -> bool:
    """Whether pydantic does something with `rest`, a name below a field; in doubt it does.

    What lies below a plain setting, such as the profile, is dropped, and so is what a section does not know that
    neither forbids it nor keeps it.
    """
    is_union = get_origin(field.annotation) in (Union, UnionType)
    options = get_args(field.annotation) if is_union else (field.annotation,)
    sections = [each for each in options if isinstance(each, type) and issubclass(each, BaseModel)]
    has_parts = any(map(_has_parts, (each for each in options if each not in sections)))
    return has_parts or any(_is_taken(each, rest, delimiter) for each in sections)


def _has_parts(kind: Any) -> bool:
    origin: object = get_origin(kind) or kind
    return not inspect.isclass(origin) or issubclass(origin, _OF_PARTS) or is_dataclass(origin)


def _is_taken(section: type[BaseModel], rest: str, delimiter: str) -> bool:
    for name, field in section.model_fields.items():
        if field.validation_alias is not None and not aliases_of(field):
            return True
        for key in map(str.upper, (name, *aliases_of(field))):
            if rest == key:
                return True
            if rest.startswith(f"{key}{delimiter}"):
                return _is_for_pydantic(field, rest.removeprefix(f"{key}{delimiter}"), delimiter)
    may_be_read = bool(section.__pydantic_decorators__.model_validators)
    return may_be_read or section.model_config.get("extra", "ignore") != "ignore"


def path_of(kind: type[BaseModel], location: Sequence[int | str]) -> tuple[str, ...]:
    """Return the path to the setting that a fault of pydantic's is about, without what lies within its value."""
    path: list[str] = []
    model: type[BaseModel] | None = kind
    for part in map(str, location):
        fields = model.model_fields if model is not None else {}
        name = next((each for each, field in fields.items() if part in (each, *aliases_of(field))), None)
        if name is None:
            # An unknown name of a section, or a key of a dictionary, is told; members of a union are not.
            is_told = model is not None or (path and _is_a_mapping(kind, path))
            return (*path, part) if is_told else tuple(path)
        path.append(name)
        model = section_of(fields[name])
    return tuple(path)


def field_at(kind: type[BaseModel], path: Sequence[str]) -> FieldInfo | None:
    """Return the field that `path` leads to, through sections; None where it leads nowhere."""
    model: type[BaseModel] | None = kind
    field: FieldInfo | None = None
    for name in path:
        field = model.model_fields.get(name) if model is not None else None
        model = section_of(field) if field is not None else None
    return field


def did_you_mean(name: str, known: Sequence[str], *, prefix: str, delimiter: str) -> str:
    """Say which of the names that are `known`, all in capitals, is nearest to `name`, or which there are beside it."""
    start = f"{name.rpartition(delimiter)[0]}{delimiter}"
    if not any(other.startswith(start) for other in known):
        start = prefix
    # Compared without what they have in common, which would make any two names of one section look alike.
    ends = [other.removeprefix(start) for other in known if other.startswith(start)]
    close = nearest(name.removeprefix(start), ends)
    return f"Did you mean {start}{close}?" if close else f"Known are {', '.join(start + end for end in ends)}"


def prefix_of(kind: type[BaseSettings]) -> str:
    """Return with what the variables of settings begin, in capitals."""
    return kind.model_config.get("env_prefix", "").upper()


def delimiter_of(kind: type[BaseSettings]) -> str:
    """Return what stands between the names of a section and of a setting in it."""
    return kind.model_config.get("env_nested_delimiter") or "__"


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model that a field holds, or may hold; None where it is no section."""
    options = (field.annotation, *get_args(field.annotation))
    return next((option for option in options if isinstance(option, type) and issubclass(option, BaseModel)), None)


def aliases_of(field: FieldInfo) -> tuple[str, ...]:
    """Return the names that a field is read from in place of its own."""
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else (alias,)
    return tuple(each for each in choices if isinstance(each, str))


def key_of(name: str, field: FieldInfo) -> str:
    """Return the key under which a model takes the value of its field `name`."""
    return next(iter(aliases_of(field)), name)


def _names(model: type[BaseModel], prefix: str, delimiter: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield from (alias.upper() for alias in aliases_of(field))
        yield f"{prefix}{name.upper()}"
        section = section_of(field)
        if section is not None:
            yield from _names(section, f"{prefix}{name.upper()}{delimiter}", delimiter)


def _is_a_mapping(kind: type[BaseModel], path: Sequence[str]) -> bool:
    field = field_at(kind, path)
    origin: Any = None if field is None else get_origin(field.annotation) or field.annotation
    return isinstance(origin, type) and issubclass(cast("type[object]", origin), Mapping)

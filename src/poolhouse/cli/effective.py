"""What is in force of an application's settings, and where each of them comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import AliasChoices, AnyUrl, BaseModel, SecretBytes, SecretStr
from pydantic_core import MultiHostUrl, PydanticUndefined, Url
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, SecretsSettingsSource

from poolhouse._core.masking import MASK, mask_text, names_a_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_settings import PydanticBaseSettingsSource

    from poolhouse.settings import ApplicationSettings

_UNIT = re.compile(r"(?:milli)?seconds|minutes|hours|days|bytes|connections|uses|prepared statements|rows|requests")
_PLAIN = {"datetime", "decimal", "ipaddress", "pathlib", "pathlib._local", "uuid", "zoneinfo"}
_EMBEDDED = ("embedded", "enabled")


class Source(NamedTuple):
    """Where a value comes from: what kind of place, and which."""

    kind: str
    name: str | None = None

    def __str__(self) -> str:
        return self.kind if self.name is None else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it is in force; `value` and `default` can be shown and printed as JSON."""

    name: str
    variable: str
    value: object
    default: object
    source: Source
    is_default: bool
    unit: str | None
    description: str | None


class _Read(NamedTuple):
    """A source, and what it gave: sections in it are mappings."""

    source: PydanticBaseSettingsSource
    values: Mapping[str, Any]


class _Place(NamedTuple):
    """A setting in the classes of the settings: its field, the names that lead to it, and its default."""

    path: tuple[str, ...]
    field: FieldInfo
    value: Any
    default: Any


def effective(settings: ApplicationSettings) -> tuple[Setting, ...]:
    """Return all of `settings`, those of sections included, in the order of their declaration.

    The sources are read again, since settings do not keep where they are from: of settings that were made by a call
    with arguments, what no source explains is the constructor's. No secret is in what is returned.
    """
    kind = type(settings)
    sources, again = _read_again(kind)
    rows: list[Setting] = []
    for place in _places(settings, None):
        variable = _variables(kind, place.path)[0]
        other = _value_at(again, place.path) if again is not None else place.default
        source = _source(settings, place, sources, other=other)
        rows.append(
            Setting(
                ".".join(place.path),
                variable,
                shown(place.value, place.path[-1], place.field),
                shown(place.default, place.path[-1], place.field),
                source,
                place.value == place.default,
                _unit(place.field),
                place.field.description,
            )
        )
    return tuple(rows)


def _read_again(kind: type[ApplicationSettings]) -> tuple[list[_Read], ApplicationSettings | None]:
    """Return what each source of `kind` gives, the first counting most, and the settings without any argument."""
    used: list[PydanticBaseSettingsSource] = []

    class Observed(kind):  # type: ignore[valid-type,misc] # a class that is known when this runs
        @classmethod
        def settings_customise_sources(cls, *sources: Any, **named: Any) -> tuple[PydanticBaseSettingsSource, ...]:
            used[:] = cast("Any", super()).settings_customise_sources(*sources, **named)
            return tuple(used)

    again: ApplicationSettings | None = None
    # They were valid when they were made; here an argument may be missing.
    with suppress(Exception):
        again = cast("ApplicationSettings", Observed())
    return [_Read(source, cast("Any", source)()) for source in used], again


def _places(model: BaseModel, default: Any, path: tuple[str, ...] = ()) -> Iterator[_Place]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        own = field.get_default(call_default_factory=True, validated_data={})
        expected = getattr(default, name, own) if isinstance(default, BaseModel) else own
        if isinstance(value, BaseModel):
            yield from _places(value, expected, (*path, name))
        else:
            yield _Place((*path, name), field, value, expected)


def _source(settings: ApplicationSettings, place: _Place, sources: Sequence[_Read], *, other: Any) -> Source:
    ways = [(first, *place.path[1:]) for first in (*_aliases(type(settings), place.path[0]), place.path[0])]
    found = next((read.source for read in sources if any(_gives(read.values, way) for way in ways)), None)
    if place.value != other and not (found is None and place.field.default_factory is not None):
        return Source("constructor")
    if found is not None:
        return _named(found, type(settings), place.path)
    if place.value == place.default or place.field.default_factory is not None:
        return Source("default")
    if place.path == _EMBEDDED:
        return Source("profile", f"{settings.profile.value}, and whether a DSN is set")
    return Source("validator", f"of {type(settings).__qualname__}")


def _gives(values: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        known = _by_name(values)
        if name.lower() not in known:
            return False
        values = known[name.lower()]
    return True


def _by_name(values: object) -> dict[str, Any]:
    """Return what is in a section as a source gives it: a mapping, or an instance of its class."""
    if isinstance(values, BaseModel):
        return {name: getattr(values, name) for name in values.model_fields_set}
    items = cast("dict[object, object]", values).items() if isinstance(values, Mapping) else ()
    return {str(name).lower(): value for name, value in items}


def _named(source: PydanticBaseSettingsSource, kind: type[ApplicationSettings], path: tuple[str, ...]) -> Source:
    if isinstance(source, DotEnvSettingsSource):
        return Source("env file", f"{_files(source.env_file)}: {_set_in(source, kind, path)}")
    if isinstance(source, EnvSettingsSource):
        name = _set_in(source, kind, path)
        return Source("environment variable", next((each for each in os.environ if each.upper() == name), name))
    if isinstance(source, SecretsSettingsSource):
        return Source("secrets directory", _files(source.secrets_dir))
    return Source(type(source).__name__)


def _set_in(source: EnvSettingsSource, kind: type[ApplicationSettings], path: tuple[str, ...]) -> str:
    """Return the variable that has set what is at `path`: its own, one for an entry of it, or that of its section."""
    known = [name.upper() for name in source.env_vars]
    own = _variables(kind, path)
    entries = [name for name in known for each in own if name.startswith(f"{each}{_delimiter(kind)}")]
    sections = [name for length in range(len(path) - 1, 0, -1) for name in _variables(kind, path[:length])]
    return next((name for name in (*own, *entries, *sections) if name in known), own[0])


def _files(named: Any) -> str:
    several = isinstance(named, (list, tuple))
    return ", ".join(map(str, cast("Sequence[object]", named))) if several else str(named)


def _variables(kind: type[ApplicationSettings], path: tuple[str, ...]) -> list[str]:
    """Return the names of variables that may set what is at `path`; the first is the one to tell."""
    prefix = kind.model_config.get("env_prefix", "")
    firsts = (*_aliases(kind, path[0]), f"{prefix}{path[0]}")
    return [_delimiter(kind).join((first, *path[1:])).upper() for first in firsts]


def _aliases(kind: type[ApplicationSettings], name: str) -> tuple[str, ...]:
    alias = kind.model_fields[name].validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else (alias,)
    return tuple(each for each in choices if isinstance(each, str))


def _delimiter(kind: type[ApplicationSettings]) -> str:
    return kind.model_config.get("env_nested_delimiter") or "__"


def _value_at(model: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        model = getattr(model, name, None)
    return model


def _unit(field: FieldInfo) -> str | None:
    found = _UNIT.match(field.description or "")
    return found[0] if found else None


def shown(value: Any, name: str, field: FieldInfo | None = None) -> object:
    """Return a value as it can be shown and printed as JSON, with a mask for what is secret, or called as secrets are.

    What the field keeps out of the repr of its model is secret as well.
    """
    if value is None or isinstance(value, (bool, int, float)) or value is PydanticUndefined:
        return None if value is PydanticUndefined else value
    if isinstance(value, (SecretStr, SecretBytes)):
        secret = value.get_secret_value()
        is_dsn = isinstance(secret, str) and secret.startswith(("postgresql://", "postgres://"))
        return mask_text(cast("str", secret)) if is_dsn else MASK
    if names_a_secret(name) or (field is not None and not field.repr):
        return MASK
    return _shown_plain(value, name)


def _shown_plain(value: Any, name: str) -> object:
    if isinstance(value, Enum):
        return shown(value.value, name)
    if isinstance(value, (str, Url, MultiHostUrl, AnyUrl)) or hasattr(value, "unicode_string"):
        return mask_text(str(value))
    if isinstance(value, Mapping):
        return {str(key): shown(each, str(key)) for key, each in cast("dict[object, object]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [shown(each, name) for each in cast("Sequence[Any]", value)]
    if isinstance(value, BaseModel):
        kind = type(value)
        return {each: shown(getattr(value, each), each, field) for each, field in kind.model_fields.items()}
    # What an object of the application says of itself may hold anything.
    return str(value) if type(value).__module__ in _PLAIN else f"<{type(value).__qualname__}>"

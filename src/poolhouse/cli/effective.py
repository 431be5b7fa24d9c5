"""What is in force of an application's settings, and where each of them comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import AnyUrl, BaseModel, SecretBytes, SecretStr
from pydantic_core import MultiHostUrl, PydanticUndefined, Url

from poolhouse._core.masking import MASK, mask_text, names_a_secret
from poolhouse.settings import Origin, origins
from poolhouse.settings.names import variables_at
from poolhouse.settings.origin import ASSUMED, DEFAULT, PROFILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic.fields import FieldInfo

    from poolhouse.settings import ApplicationSettings

_UNIT = re.compile(r"(?:milli)?seconds|minutes|hours|days|bytes|connections|uses|prepared statements|rows|requests")
_PLAIN = {"datetime", "decimal", "ipaddress", "pathlib", "pathlib._local", "uuid", "zoneinfo"}
_PROFILE = ("profile",)
_EMBEDDED = ("embedded", "enabled")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it is in force; `value` and `default` can be shown and printed as JSON.

    What is only assumed, to look at a profile that something is missing for here, has no value, and `is_missing`.
    """

    name: str
    variable: str
    value: object
    default: object
    origin: Origin
    is_default: bool
    is_missing: bool
    unit: str | None
    description: str | None


class _Place(NamedTuple):
    """A setting in the classes of the settings: its field, the names that lead to it, and its default."""

    path: tuple[str, ...]
    field: FieldInfo
    value: Any
    default: Any


def effective(settings: ApplicationSettings) -> tuple[Setting, ...]:
    """Return all of `settings`, those of sections included, in the order of their declaration.

    No secret is in what is returned.
    """
    kind, known = type(settings), dict(origins(settings))
    if known.get(_PROFILE, Origin(DEFAULT)).kind == ASSUMED:
        known[_PROFILE] = Origin("option", "--profile")
    return tuple(
        Setting(
            ".".join(place.path),
            variables_at(kind, place.path)[0],
            None if is_missing else shown(place.value, place.path[-1], place.field),
            shown(place.default, place.path[-1], place.field),
            origin,
            place.value == place.default,
            is_missing,
            _unit(place.field),
            place.field.description,
        )
        for place in _places(settings, None)
        for origin in (known.get(place.path) or _without_source(settings, place),)
        # What a command assumes stands for what is missing.
        for is_missing in (origin.kind == ASSUMED,)
    )


def _places(model: BaseModel, default: Any, path: tuple[str, ...] = ()) -> Iterator[_Place]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        own = field.get_default(call_default_factory=True, validated_data={})
        expected = getattr(default, name, own) if isinstance(default, BaseModel) else own
        if isinstance(value, BaseModel):
            yield from _places(value, expected, (*path, name))
        else:
            yield _Place((*path, name), field, value, expected)


def _without_source(settings: ApplicationSettings, place: _Place) -> Origin:
    """Return where a value is from that no source gives."""
    if place.value == place.default or place.field.default_factory is not None:
        return Origin(DEFAULT)
    if place.path == _EMBEDDED:
        return Origin(PROFILE, f"{settings.profile.value}, and whether a DSN is set")
    return Origin("validator", f"of {type(settings).__qualname__}")


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

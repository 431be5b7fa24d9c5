"""The profile of an environment, and the defaults that differ between profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from poolhouse.settings.names import key_of, section_of

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

ValueT = TypeVar("ValueT")


class Profile(StrEnum):
    """The environment an application runs in; selects the defaults that differ between environments."""

    DEVELOPMENT = "development"
    TEST = "test"
    STAGING = "staging"
    PRODUCTION = "production"

    @property
    def allows_embedded(self) -> bool:
        """Whether an embedded PostgreSQL may stand in for a missing DSN."""
        return self in {Profile.DEVELOPMENT, Profile.TEST}


class _Unset(Enum):
    UNSET = "unset"


_UNSET = _Unset.UNSET


@dataclass(frozen=True, slots=True)
class PerProfile:
    """Defaults of one setting that count in place of its own, each in a profile."""

    values: Mapping[Profile, Any] = field(repr=False)


def per_profile(
    default: ValueT,
    *,
    development: ValueT | _Unset = _UNSET,
    test: ValueT | _Unset = _UNSET,
    staging: ValueT | _Unset = _UNSET,
    production: ValueT | _Unset = _UNSET,
) -> ValueT:
    """Declare a setting whose default differs between profiles; `default` counts where there is none for a profile.

    `default` is a value, or pydantic's `Field(default=…, description=…)`:

        workers: int = per_profile(Field(default=1, ge=1, description="processes"), production=4)

    For a section all of them are instances, of which only those settings count that were passed to them:

        database: DatabaseSettings = per_profile(DatabaseSettings(), production=DatabaseSettings(max_size=20))

    Type checkers hold each value to the annotation, and it is validated wherever it counts. Whatever any source sets,
    an argument, a variable or a file, counts more.
    """
    given = {"development": development, "test": test, "staging": staging, "production": production}
    values = {Profile(name): value for name, value in given.items() if value is not _UNSET}
    declared = default if isinstance(default, FieldInfo) else cast("FieldInfo", Field(default=default))
    declared.metadata.append(PerProfile(values))
    return cast("ValueT", declared)


class ProfileDefaults(PydanticBaseSettingsSource):
    """The defaults that count in one profile, or in none where that is not known, as a source of pydantic-settings."""

    def __init__(self, kind: type[BaseSettings], profile: Profile | None) -> None:
        super().__init__(kind)
        self.profile = profile

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - its signature
        """Return nothing: all values come at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the defaults, sections as mappings."""
        return {} if self.profile is None else defaults_in(self.profile, self.settings_cls, self.current_state)


def defaults_in(profile: Profile, model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of `model` that count in `profile` in place of the others, sections as mappings.

    What a model sets of a section itself, as in `mail: Mail = Mail(timeout=7)`, counts more than what the section has
    for a profile, and less than what the model has for it. `given` counts more than all of them: a section that may be
    missing has defaults only where something of it is given.
    """
    found: dict[str, Any] = {}
    for name, declared in model.model_fields.items():
        key, section, own = key_of(name, declared), section_of(declared), _own(declared, profile)
        if section is None or not (own is _UNSET or isinstance(own, BaseModel)):
            values = own
        else:
            values = _of_section(profile, section, declared, own, given.get(key)) or _UNSET
        if values is not _UNSET:
            found[key] = values
    return found


def _own(declared: FieldInfo, profile: Profile) -> Any:
    marks = (each for each in declared.metadata if isinstance(each, PerProfile))
    return next((mark.values[profile] for mark in marks if profile in mark.values), _UNSET)


def _of_section(
    profile: Profile, section: type[BaseModel], declared: FieldInfo, own: Any, given: Any
) -> dict[str, Any]:
    default = declared.get_default(call_default_factory=True, validated_data={})
    is_given = isinstance(given, Mapping)
    if not (is_given or declared.is_required() or any(isinstance(each, BaseModel) for each in (default, own))):
        return {}
    inner = defaults_in(profile, section, cast("Mapping[str, Any]", given) if is_given else {})
    return _merged(_without(inner, _written(default)), _written(own))


def _written(model: Any) -> dict[str, Any]:
    """Return what was passed to a section when it was made, sections in it as mappings."""
    if not isinstance(model, BaseModel):
        return {}
    fields = type(model).model_fields
    values = {name: getattr(model, name) for name in fields if name in model.model_fields_set}
    return {
        key_of(name, fields[name]): _written(value) if isinstance(value, BaseModel) else value
        for name, value in values.items()
    }


def _without(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in values.items() if key not in others}
    both: AbstractSet[str] = values.keys() & others.keys()
    inner = {key: _without(values[key], others[key]) for key in both if isinstance(values[key], dict)}
    return kept | {key: value for key, value in inner.items() if value}


def _merged(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    inner = {
        key: _merged(values[key], others[key])
        for key in values.keys() & others.keys()
        if isinstance(values[key], dict) and isinstance(others[key], dict)
    }
    return {**values, **others, **inner}

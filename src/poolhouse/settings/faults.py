"""What is said of settings that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse._core.suggestion import nearest
from poolhouse.errors import SettingError
from poolhouse.settings.names import field_at, path_of, prefix_of, section_of, variables_at
from poolhouse.settings.origin import ARGUMENT, Origin
from poolhouse.settings.profile import Profile
from poolhouse.settings.written import unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic_core import ErrorDetails
    from pydantic_settings import BaseSettings

    from poolhouse.settings.reading import Reading

# The errors that are about the whole and shown at one variable.
NO_DATABASE = "no_database"
OTHER_DATABASE = "other_database"
_SHOWN_AT = {NO_DATABASE: ("database", "dsn"), OTHER_DATABASE: ("database", "migration_dsn")}
_MISSING = {NO_DATABASE, "missing"}


def faults_of(kind: type[BaseSettings], reading: Reading, details: Iterable[ErrorDetails]) -> Iterator[SettingError]:
    """Yield everything that is wrong: with what was read, and with what pydantic says of it."""
    told = [*reading.faults()]
    yield from told
    names = {each.name.upper() for each in told}
    for detail in details:
        fault = _fault(kind, reading, detail)
        # What cannot be read is left out, and no less set for that.
        if not (fault.missing and fault.name in names):
            names.add(fault.name)
            yield fault
    # Where a section is wrong nobody looks at the whole.
    dsn = variables_at(kind, _SHOWN_AT[NO_DATABASE])[0]
    if names and dsn not in names and _lacks_a_database(kind, reading):
        yield _missing(
            kind, _SHOWN_AT[NO_DATABASE], f"it is not set, and no PostgreSQL is embedded in {reading.profile}", reading
        )


def chosen_otherwise(kind: type[BaseSettings], profile: str, reading: Reading) -> SettingError:
    """Return the error for settings whose validators have made another profile of the one that is written."""
    fact = f"it was made {profile} after files and defaults were read for {reading.profile or 'no profile'}"
    return SettingError(variables_at(kind, ("profile",))[0], fact, remedy="Write the profile as it is called")


def _fault(kind: type[BaseSettings], reading: Reading, detail: ErrorDetails) -> SettingError:
    path = _SHOWN_AT.get(detail["type"]) or path_of(kind, detail["loc"])
    if not path:
        return SettingError(prefix_of(kind).rstrip("_") or kind.__name__, detail["msg"])
    name = variables_at(kind, path)[0]
    if detail["type"] in _MISSING:
        fact = "it is required, and not set" if detail["type"] == "missing" else detail["msg"]
        return _missing(kind, path, fact, reading)
    origin = reading.origin(path) or Origin(ARGUMENT)
    if detail["type"] == "extra_forbidden":
        return unknown(kind, name, origin)
    remedy = _profile_meant(reading) if path == ("profile",) else _meaning(kind, path)
    return SettingError(name, detail["msg"], place=_place(kind, path, name, origin), remedy=remedy)


def _profile_meant(reading: Reading) -> str:
    close = nearest(reading.chosen, Profile) if isinstance(reading.chosen, str) else None
    return f"Did you mean {close}?" if close else f"There are {', '.join(Profile)}"


def _meaning(kind: type[BaseSettings], path: Sequence[str]) -> str | None:
    field = field_at(kind, path)
    if field is None or not field.description:
        return None
    return f"Set it to what is meant: {field.description.partition('. ')[0]}"


def _place(kind: type[BaseSettings], path: Sequence[str], name: str, origin: Origin) -> str:
    """Return where a value is written; a section may be written in several places, and only its name says which."""
    field = field_at(kind, path)
    is_section = field is not None and section_of(field) is not None
    is_whole = not is_section or (origin.name or "").upper() in variables_at(kind, path)
    return origin.place_of(name) if is_whole else name


def _missing(kind: type[BaseSettings], path: tuple[str, ...], fact: str, reading: Reading) -> SettingError:
    name, files = variables_at(kind, path)[0], " or ".join(map(str, reading.own_files))
    more = f", in {files}, or as a file {name.lower()} in secrets_dir" if files else ""
    return SettingError(name, fact, remedy=f"Set it as a variable{more}", missing=path)


def _lacks_a_database(kind: type[BaseSettings], reading: Reading) -> bool:
    profile = reading.profile
    if profile is None or profile.allows_embedded or reading.origin(_SHOWN_AT[NO_DATABASE]) is not None:
        return False
    default = kind.model_fields["database"].get_default(call_default_factory=True, validated_data={})
    return getattr(default, "dsn", None) is None

"""Reading an application's settings: the sources that count, in their order, and which profile they are for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import BaseModel
from pydantic_settings import InitSettingsSource
from pydantic_settings.sources import DefaultSettingsSource

from poolhouse.errors import SettingError
from poolhouse.settings.names import aliases_of, key_of, variables_at
from poolhouse.settings.origin import ARGUMENT, ASSUMED, PROFILE, Origin
from poolhouse.settings.profile import Profile, ProfileDefaults, defaults_in
from poolhouse.settings.written import EnvironmentSource, FileSource, SecretsSource, Written

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_assumed: ContextVar[Mapping[str, Any]] = ContextVar("assumed", default=_NOTHING)


@contextmanager
def assuming(values: Mapping[str, Any]) -> Generator[None]:
    """Let settings that are made inside of the block have `values`, where no argument says otherwise.

    For looking at a profile without being in it. Sections are mappings.
    """
    token = _assumed.set(values)
    try:
        yield
    finally:
        _assumed.reset(token)


class _Given(NamedTuple):
    """At which paths a source gives something, in small letters; `source` is None where an application has added it."""

    name: str
    source: PydanticBaseSettingsSource | None
    paths: set[tuple[str, ...]]


class _Assumed(InitSettingsSource):
    """What a command assumes."""


class Reading:
    """What is read for one instance of settings.

    The profile is known first: from an argument, the environment, or a `.env` file, else it is the default. Only then
    are the profile's own files looked for, so that those of another are never read. `chosen` is what was written.
    """

    def __init__(self, kind: type[BaseSettings], files: Sequence[Path]) -> None:
        self.kind = kind
        self.files = files
        self.profile: Profile | None = None
        self.chosen: object = None
        self.own_files: tuple[Path, ...] = ()
        self.sources: tuple[PydanticBaseSettingsSource, ...] = ()

    def open(self, arguments: PydanticBaseSettingsSource) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read everything, and return the sources, the first counting most."""
        kind, assumed = self.kind, _Assumed(self.kind, dict(_assumed.get()))
        environment = EnvironmentSource(kind)
        shared = [FileSource(kind, file, is_whole=False) for file in reversed(self.files)]
        self.profile = self._profile((arguments, assumed, environment, *shared))
        if self.profile is not None:
            self.own_files = tuple(file.with_name(f"{file.name}.{self.profile}") for file in self.files)
        own = [FileSource(kind, file, is_whole=True) for file in reversed(self.own_files)]
        before = (arguments, assumed, environment, *own, *shared)
        secrets = SecretsSource(kind, self._folder(before))
        self._refuse_a_choice("profile", (*own, secrets), self.profile)
        self._refuse_a_choice("secrets_dir", (secrets,), None)
        self.sources = (*before, secrets, ProfileDefaults(kind, self.profile))
        return self.sources

    def faults(self) -> Iterator[SettingError]:
        """Yield what is wrong with the sources themselves, and names in them that set nothing."""
        for source in self.sources:
            if isinstance(source, Written):
                yield from source.faults
                yield from source.unknown()

    def origin(self, path: Sequence[str]) -> Origin | None:
        """Return where the value at `path` is from; None where no source gives one."""
        ways = {(first.lower(), *(name.lower() for name in path[1:])) for first in self._firsts(path)}
        for each in self._given:
            if not ways.isdisjoint(each.paths):
                return Origin(each.name) if each.source is None else _origin(each.source, path)
        return None

    def origins(self, model: BaseModel, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Origin]]:
        """Yield where each value of `model`, which is at `path`, is from, as far as a source gives it."""
        for name in type(model).model_fields:
            value, at = getattr(model, name), (*path, name)
            if isinstance(value, BaseModel):
                yield from self.origins(value, at)
            elif (origin := self.origin(at)) is not None:
                yield at, origin

    @cached_property
    def _given(self) -> list[_Given]:
        """What each source gives, in their order."""
        own = [_Given(type(source).__name__, source, set(_paths(_values(source)))) for source in self.sources]
        called = dict(self.sources[-1].settings_sources_data) if self.sources else {}
        called.pop(DefaultSettingsSource.__name__, None)
        found: list[_Given] = []
        for name in dict.fromkeys([*called, *(each.name for each in own)]):
            ours = [each for each in own if each.name == name]
            found += ours or [_Given(name, None, set(_paths(called[name])))]
        return found

    def _firsts(self, path: Sequence[str]) -> tuple[str, ...]:
        field = self.kind.model_fields.get(path[0])
        return (path[0],) if field is None else (path[0], *aliases_of(field))

    def _profile(self, sources: Sequence[PydanticBaseSettingsSource]) -> Profile | None:
        default: Any = self.kind.model_fields["profile"].get_default()
        chosen = next((given for source in sources if (given := self._of(source, "profile")) is not None), default)
        self.chosen = chosen
        # What is no profile is told with everything else that is wrong.
        return Profile(chosen) if isinstance(chosen, str) and chosen in set(Profile) else None

    def _folder(self, sources: Sequence[PydanticBaseSettingsSource]) -> Path | None:
        given = next((given for source in sources if (given := self._of(source, "secrets_dir")) is not None), None)
        if given is not None:
            # An empty one would be the working directory; it is refused with everything else that is wrong.
            return Path(given) if given and isinstance(given, str | Path) else None
        values = defaults_in(self.profile, self.kind, {}) if self.profile is not None else {}
        default = values.get("secrets_dir", self.kind.model_fields["secrets_dir"].get_default())
        # Where nobody but the class names it, it need not be there, as on a machine for development.
        return Path(default) if default is not None and Path(default).is_dir() else None

    def _of(self, source: PydanticBaseSettingsSource, name: str) -> Any:
        field = self.kind.model_fields[name]
        if isinstance(source, InitSettingsSource):
            return cast("Any", source).init_kwargs.get(key_of(name, field))
        # Asked for this alone, as other values of it may be unreadable.
        return source.get_field_value(field, name)[0]

    def _refuse_a_choice(self, name: str, sources: Sequence[Written], made: object) -> None:
        for source in sources:
            given = self._of(source, name)
            if given is not None and given != made:
                variable = variables_at(self.kind, (name,))[0]
                place = source.origin((name,)).place_of(variable)
                fact = "it is chosen before this is read"
                source.faults.append(
                    SettingError(variable, fact, place=place, remedy="Set it as a variable, or in .env")
                )


def _origin(source: PydanticBaseSettingsSource, path: Sequence[str]) -> Origin:
    if isinstance(source, Written):
        return source.origin(path)
    if isinstance(source, ProfileDefaults):
        return Origin(PROFILE, source.profile and source.profile.value)
    return Origin(ASSUMED if isinstance(source, _Assumed) else ARGUMENT)


def _values(source: PydanticBaseSettingsSource) -> Mapping[str, Any]:
    return source.given if isinstance(source, Written) else source()


def _paths(values: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the ways to everything in what a source gives, in small letters."""
    for name, value in _by_name(values).items():
        yield (*path, name)
        yield from _paths(value, (*path, name))


def _by_name(values: object) -> dict[str, Any]:
    """Return what is in a section as a source gives it: a mapping, or an instance of its class."""
    if isinstance(values, BaseModel):
        return {name: getattr(values, name) for name in values.model_fields_set}
    items = cast("dict[object, object]", values).items() if isinstance(values, Mapping) else ()
    return {str(name).lower(): value for name, value in items}

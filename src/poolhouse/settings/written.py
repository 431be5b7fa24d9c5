"""What somebody has written down for an application: in its environment, in `.env` files, in a folder of secrets."""

from __future__ import annotations

import os
from collections import ChainMap
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from dotenv.parser import parse_stream
from dotenv.variables import Variable, parse_variables
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource
from pydantic_settings.sources.utils import parse_env_vars

from poolhouse.errors import SettingError
from poolhouse.settings.names import delimiter_of, did_you_mean, is_in_a_section, prefix_of, variables, variables_at
from poolhouse.settings.origin import FILE, SECRET, VARIABLE, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings


class _UnreadableError(ValueError):
    """A value that is no JSON, which it would have to be; its text shows nothing of it."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


class _Text(str):
    """A value that is told from others by what it is: Python has one object for each of the shortest texts."""

    __slots__ = ()


class Written(EnvSettingsSource):
    """A source of pydantic-settings whose values have names of their own, and a place each.

    Faults of the source itself are noted in `faults` and left out, so that everything else can be judged as well.
    """

    def __init__(self, kind: type[BaseSettings], **options: Any) -> None:
        self.faults: list[SettingError] = []
        self.origins: dict[str, Origin] = {}
        self.given: dict[str, Any] = {}
        super().__init__(kind, **options)

    def __call__(self) -> dict[str, Any]:
        """Return the settings that are written, and no other names, which are judged apart; kept in `given`."""
        # Not super(): pydantic-settings' source for files would add the other names.
        self.given = {name: _plain(value) for name, value in EnvSettingsSource.__call__(self).items()}
        return self.given

    def _load_env_vars(self) -> Mapping[str, str | None]:
        loaded = super()._load_env_vars()
        return {name: None if value is None else _Text(value) for name, value in loaded.items()}

    def is_judged(self, name: str) -> bool:
        """Whether `name`, in capitals, has to be that of a setting."""
        prefix = prefix_of(self.settings_cls)
        return bool(prefix) and name.startswith(prefix)

    def unknown(self) -> Iterator[SettingError]:
        """Yield names that set nothing, each with the nearest that would; some sections refuse names themselves."""
        kind, known = self.settings_cls, variables(self.settings_cls)
        for name, origin in sorted(self.origins.items()):
            if self.is_judged(name) and name not in known and not is_in_a_section(kind, name):
                yield unknown(kind, name, origin)

    def origin(self, path: Sequence[str]) -> Origin:
        """Return where what this source gives at `path` is written: itself, an entry of it, or its section."""
        delimiter = delimiter_of(self.settings_cls)
        own = variables_at(self.settings_cls, path)
        entries = [name for name in self.origins for each in own if name.startswith(f"{each}{delimiter}")]
        lengths = range(len(path) - 1, 0, -1)
        sections = [name for length in lengths for name in variables_at(self.settings_cls, path[:length])]
        return next(self.origins[name] for name in (*own, *entries, *sections) if name in self.origins)

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Decode JSON; an error for what is none knows the value, and has none of json's, whose errors quote it."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            pass
        raise _UnreadableError(value)

    def prepare_field_value(self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool) -> Any:  # noqa: FBT001 - pydantic-settings calls it so
        """Prepare a value, as far as what is written for it can be read."""
        while True:
            try:
                return super().prepare_field_value(field_name, field, value, value_is_complex)
            except _UnreadableError as error:
                unread = {name.upper() for name, each in self.env_vars.items() if each is error.value}
                value = None if value is error.value else value
            self.env_vars = {name: each for name, each in self.env_vars.items() if name.upper() not in unread}
            for name in sorted(unread):
                place = self.origins[name].place_of(name)
                self.faults.append(SettingError(name, "it cannot be read as JSON", place=place))


class EnvironmentSource(Written):
    """The variables of the process."""

    def __init__(self, kind: type[BaseSettings]) -> None:
        super().__init__(kind)
        self.origins |= {name.upper(): Origin(VARIABLE, name) for name in os.environ}


class _Line(NamedTuple):
    """One `NAME=value`; `refers_to_nothing` says that a `${…}` in it stands for nothing that is set."""

    number: int
    name: str | None
    value: str | None
    refers_to_nothing: bool


class FileSource(Written, DotEnvSettingsSource):
    """One `.env` file, which may be missing; `is_whole` says that every name in it has to be a setting."""

    def __init__(self, kind: type[BaseSettings], file: Path, *, is_whole: bool) -> None:
        self.is_whole = is_whole
        self._lines: list[_Line] = []
        try:
            super().__init__(kind, env_file=file)
        except (OSError, UnicodeDecodeError) as error:
            fact, self._lines = _unreadable(error), []
            super().__init__(kind, env_file=None)
            self.faults.append(SettingError(str(file), fact, remedy="Let it be read, or take it away"))
        for line in self._lines:
            self._note(line, f"{file}:{line.number}")

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        # Once, as a manager of secrets may write into it whenever it is read.
        with file_path.open(encoding=self.env_file_encoding or "utf-8") as stream:
            self._lines = [*_lines(stream)]
        values = {line.name: line.value for line in self._lines if line.name is not None}
        return parse_env_vars(values, self.case_sensitive, self.env_ignore_empty, self.env_parse_none_str)

    def is_judged(self, name: str) -> bool:
        """Whether `name`, in capitals, has to be that of a setting."""
        return self.is_whole or super().is_judged(name)

    def _note(self, line: _Line, place: str) -> None:
        if line.name is None:
            fault = SettingError(
                place, "the line cannot be read", remedy="Write NAME=value, in quotes where it has spaces"
            )
            self.faults.append(fault)
            return
        name, origin = line.name.upper(), Origin(FILE, line.name, place)
        if line.value is not None:
            # Of a name that is there twice, the last counts.
            self.origins[name] = origin
        fact, remedy = "it has no value", "Write NAME=value"
        if line.refers_to_nothing:
            # Not which, as that may be a part of a password.
            fact = "a ${…} in it stands for nothing that is set"
            remedy = "Set that, or put the value in single quotes, where it is text"
        if self.is_judged(name) and (line.value is None or line.refers_to_nothing):
            self.faults.append(SettingError(name, fact, place=origin.place_of(name), remedy=remedy))


class SecretsSource(Written):
    """A folder with a file for each value, as Docker and Kubernetes mount secrets; None for no folder.

    pydantic-settings' own source for nested names reads every file in it, also certificates and what is no text.
    """

    def __init__(self, kind: type[BaseSettings], folder: Path | None) -> None:
        super().__init__(kind)
        self.env_vars = values = dict[str, str | None]()
        try:
            files = sorted(folder.expanduser().iterdir()) if folder is not None else []
        except OSError as error:
            files = []
            self.faults.append(SettingError(str(folder), _unreadable(error), remedy="Name a folder that can be read"))
        # Kubernetes has links and folders of its own there, whose names begin with a dot.
        for file in files:
            name = file.name.upper()
            if self.is_judged(name):
                self.origins[name] = Origin(SECRET, file.name, str(file))
                text = self._text(file)
                if text is not None:
                    values[name.lower()] = _Text(text)

    def is_judged(self, name: str) -> bool:
        """Whether `name`, in capitals, has to be that of a setting: by its prefix, or since it would be one with it."""
        return super().is_judged(name) or f"{prefix_of(self.settings_cls)}{name}" in variables(self.settings_cls)

    def _text(self, file: Path) -> str | None:
        try:
            if file.is_file():
                return file.read_text(encoding="utf-8").strip()
            fact = "it is no file"
        except (OSError, UnicodeDecodeError) as error:
            fact = _unreadable(error)
        self.faults.append(
            SettingError(file.name.upper(), fact, place=str(file), remedy="Let it be a text that can be read")
        )
        return None


def unknown(kind: type[BaseSettings], name: str, origin: Origin) -> SettingError:
    """Return the error for a name, in capitals, that sets nothing, where it is written."""
    known, prefix = variables(kind), prefix_of(kind)
    written = origin.name if origin.name is not None and origin.name.upper() == name else name
    remedy = did_you_mean(name, known, prefix=prefix, delimiter=delimiter_of(kind))
    if origin.kind == SECRET:
        files = [each.lower() for each in known]
        remedy = did_you_mean(name.lower(), files, prefix=prefix.lower(), delimiter=delimiter_of(kind))
    return SettingError(written, "there is no such setting", place=origin.place_of(name), remedy=remedy)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in cast("dict[str, Any]", value).items()}
    return str(value) if isinstance(value, _Text) else value


def _lines(stream: IO[str]) -> Iterator[_Line]:
    """Yield what is written, with each `${…}` replaced that is not in single quotes, as shells do it.

    python-dotenv, whose files these are, replaces them there as well, and takes nothing for what is not set.
    """
    known: dict[str, str | None] = {}
    for binding in parse_stream(stream):
        text = binding.original.string
        number = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
        value, refers_to_nothing = binding.value, False
        if value is not None and not _is_literal(text):
            value, refers_to_nothing = _interpolated(value, ChainMap(known, cast("Any", os.environ)))
        if binding.key is not None:
            known[binding.key] = value
        if binding.key is not None or binding.error:
            yield _Line(number, binding.key, value, refers_to_nothing)


def _is_literal(text: str) -> bool:
    return text.partition("=")[2].lstrip().startswith("'")


def _interpolated(value: str, known: Mapping[str, str | None]) -> tuple[str, bool]:
    atoms = [*parse_variables(value)]
    references = [atom for atom in atoms if isinstance(atom, Variable) and atom.default is None]
    return "".join(atom.resolve(known) for atom in atoms), any(known.get(each.name) is None for each in references)


def _unreadable(error: OSError | UnicodeDecodeError) -> str:
    return f"it cannot be read: {error.strerror}" if isinstance(error, OSError) else "it is not UTF-8 text"

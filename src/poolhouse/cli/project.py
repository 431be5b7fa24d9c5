"""Where the application is: what `[tool.poolhouse]` in a pyproject.toml says."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from poolhouse._core.suggestion import nearest
from poolhouse.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FILE = "pyproject.toml"
_KEYS = ("container", "settings", "routers", "main")
_EXAMPLE = 'container = "containers.application:ApplicationContainer"'


@dataclass(frozen=True, slots=True)
class Name:
    """`module:attribute`, and where that was said."""

    module: str
    attribute: str
    place: str

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}"


@dataclass(frozen=True, slots=True)
class Project:
    """The folder that an application is run from, and the names of its container, settings, routers and entry point."""

    root: Path
    container: Name
    settings: Name | None
    routers: Name | None = None
    main: Name | None = None


def find_project(start: Path, *, container: str | None = None, settings: str | None = None) -> Project:
    """Return the project that `start` lies in; `container` and `settings` are said instead of what its file says.

    It is the nearest folder upwards whose pyproject.toml has `[tool.poolhouse]`; with `container`, `start` itself
    where there is none. Raises CommandError.
    """
    passed: list[Path] = []
    for folder in (start, *start.parents):
        file = folder / _FILE
        if file.is_file():
            table = _table(file)
            if table is not None:
                return _project(file, table, container=container, settings=settings)
            passed.append(file)
    if container is not None:
        return Project(start, _typed("--container", container), (settings and _typed("--settings", settings)) or None)
    without = f" ({', '.join(map(str, passed))} has none)" if passed else ""
    raise CommandError(
        f"no application was found: no {_FILE} with [tool.poolhouse] is in {start} or above it{without}",
        remedy=f"Run this inside of a project, or add [tool.poolhouse] with {_EXAMPLE}, or name it with --container",
    )


def _table(file: Path) -> Mapping[str, Any] | None:
    try:
        tool: Any = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except OSError as error:
        raise CommandError(f"it cannot be read: {error.strerror}", place=str(file), remedy="Let it be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"it is not TOML: {error}", place=str(file), remedy="Mend the file") from None
    found = cast("dict[str, Any]", tool).get("poolhouse") if isinstance(tool, dict) else None
    if found is None or isinstance(found, dict):
        return cast("dict[str, Any] | None", found)
    raise CommandError("tool.poolhouse is no table", place=str(file), remedy=f"Write [tool.poolhouse] with {_EXAMPLE}")


def _project(file: Path, table: Mapping[str, Any], *, container: str | None, settings: str | None) -> Project:
    place = f"{file} [tool.poolhouse]"
    for key in table:
        if key not in _KEYS:
            close = nearest(key, _KEYS)
            remedy = f"Did you mean {close}?" if close else f"Known are {', '.join(_KEYS)}"
            raise CommandError(f"there is no key {key!r}", place=place, remedy=remedy)
    named = _typed("--container", container) if container is not None else _written(place, table, "container")
    if named is None:
        raise CommandError("it does not name a container", place=place, remedy=f"Add {_EXAMPLE}")
    said = _typed("--settings", settings) if settings is not None else _written(place, table, "settings")
    return Project(file.parent, named, said, _written(place, table, "routers"), _written(place, table, "main"))


def _written(place: str, table: Mapping[str, Any], key: str) -> Name | None:
    value = table.get(key)
    return None if value is None else _name(value, f"{place} {key}")


def _typed(option: str, value: str) -> Name:
    return _name(value, option)


def _name(value: object, place: str) -> Name:
    module, colon, attribute = value.partition(":") if isinstance(value, str) else ("", "", "")
    parts = (*module.split("."), *attribute.split("."))
    if not colon or not all(part.isidentifier() for part in parts):
        remedy = 'Write it as "module:Name", as in "containers.application:ApplicationContainer"'
        raise CommandError(f"{value!r} does not name a class in a module", place=place, remedy=remedy)
    return Name(module, attribute, place)

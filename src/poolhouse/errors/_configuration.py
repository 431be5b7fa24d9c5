"""Errors in what was written down: settings, names, templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolhouse.errors._base import PoolhouseError, Violations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ConfigurationError(PoolhouseError):
    """Something was declared wrongly; nothing was connected to, and only an edit mends it."""


class SettingError(ConfigurationError):
    """One setting has no legal value, or no setting has that name.

    Where it is required and only not set, `missing` are the names that lead to it in the settings, else nothing.
    """

    def __init__(
        self,
        name: str,
        fact: str,
        *,
        place: str | None = None,
        remedy: str | None = None,
        missing: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.missing = missing
        super().__init__(fact, place=place or name, remedy=remedy)


class SettingsError(Violations[SettingError], ConfigurationError):
    """Everything wrong with the settings, each under the name by which it can be set; values are never shown."""

    def __init__(self, violations: list[SettingError]) -> None:
        super().__init__("the settings", violations)


class ProfilesError(Violations[ConfigurationError], ConfigurationError):
    """Everything wrong with an application in any of its profiles, each thing once, with the profiles that it is in."""

    def __init__(self, faults: Mapping[str, Sequence[str]]) -> None:
        self.profiles = tuple(map(tuple, faults.values()))
        super().__init__(
            "the profiles", [ConfigurationError(fault, place=", ".join(where)) for fault, where in faults.items()]
        )


class IdentifierError(ConfigurationError):
    """A name that PostgreSQL cannot hold as an identifier."""

    def __init__(self, identifier: str, fact: str, *, remedy: str) -> None:
        self.identifier = identifier
        super().__init__(f"{identifier!r} is not a legal identifier: {fact}", remedy=remedy)


class SqlSyntaxError(ConfigurationError):
    """SQL text that ends inside a literal, a quoted identifier, a comment or a dollar-quoted body."""

    def __init__(self, fact: str, *, line: int, column: int, source: str = "SQL", remedy: str | None = None) -> None:
        self.line = line
        self.column = column
        self.source = source
        super().__init__(fact, place=f"{source}:{line}:{column}", remedy=remedy)


class TemplateError(ConfigurationError):
    """A placeholder in a template that is malformed, unknown, or not declared; `line` and `column` count from 1."""

    def __init__(
        self, fact: str, *, line: int, column: int, source: str = "template", remedy: str | None = None
    ) -> None:
        self.line = line
        self.column = column
        self.source = source
        super().__init__(fact, place=f"{source}:{line}:{column}", remedy=remedy)


class RowMappingError(PoolhouseError):
    """A row does not fit the class it was to become; names the class and the columns, never a value."""

    def __init__(self, model: str, problems: list[str]) -> None:
        self.model = model
        self.problems = tuple(problems)
        super().__init__(
            f"a row does not fit {model}: {'; '.join(problems)}",
            remedy=f"Select the columns that {model} has, under its field names",
        )

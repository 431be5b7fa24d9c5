"""Looking at an application in a profile that it is not started in."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poolhouse.errors import CommandError, SettingsError
from poolhouse.settings.reading import assuming

if TYPE_CHECKING:
    from collections.abc import Generator

    from poolhouse.cli.application import Application
    from poolhouse.settings import Profile

# They stand for what is missing, and nobody connects to them.
_DSN = "postgresql://not-set.invalid/"
_OTHER = "not set"


@dataclass(frozen=True, slots=True)
class Seen:
    """An application as it would be in a profile, and the variables that are required there and not set here."""

    application: Application
    missing: tuple[str, ...]


@contextmanager
def in_profile(application: Application, profile: Profile) -> Generator[Seen]:
    """Let a block see `application` as this machine would start it in `profile`; what is missing for that is made up.

    Raises what its settings raise for everything else, and CommandError where it cannot be looked at.
    """
    values: dict[str, Any] = {"profile": profile.value}
    with assuming(values):
        missing = _missing(application.again())
    for path in missing:
        _put(values, path, _DSN if path == ("database", "dsn") else _OTHER)
    with assuming(values):
        seen = application.again()
        try:
            chosen = getattr(seen.settings, "profile", profile)
        except SettingsError:
            names = ", ".join(missing.values())
            fact = f"{profile} cannot be looked at without {names}, for which nothing can be made up"
            raise CommandError(fact, remedy="Set them to anything that is legal") from None
        if chosen != profile:
            fact = f"the application's settings are made for {chosen}, whatever is asked for"
            raise CommandError(fact, remedy="Name the class of the settings, or leave the profile to its sources")
        yield Seen(seen, tuple(missing.values()))


def _missing(application: Application) -> dict[tuple[str, ...], str]:
    """Return the variables that are required and not set, by the way to their settings."""
    try:
        application.settings  # noqa: B018 - it is made by being asked for
    except SettingsError as error:
        wrong = [each for each in error.violations if not each.missing]
        if wrong:
            raise SettingsError(wrong) from None
        return {each.missing: each.name for each in error.violations}
    return {}


def _put(values: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    for name in path[:-1]:
        values = values.setdefault(name, {})
    values[path[-1]] = value

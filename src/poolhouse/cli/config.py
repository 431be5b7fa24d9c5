"""`poolhouse config`."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from poolhouse.cli.answer import Answer, Table
from poolhouse.cli.application import Application
from poolhouse.cli.effective import Setting, effective
from poolhouse.cli.profiles import in_profile
from poolhouse.cli.verb import verb
from poolhouse.errors import CommandError
from poolhouse.settings import ApplicationSettings, Profile

group = typer.Typer()

IsVerbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say of each its variable, its default, and what it is.")
]

InProfile = Annotated[
    Profile | None, typer.Option("--profile", help="Look at another profile, as this machine would start it.")
]


@verb(
    group,
    examples=["poolhouse config", "poolhouse config --profile production", "poolhouse config --verbose --json"],
    json="{profile, missing, settings: [{name, variable, value, default, is_default, source: {kind, name, place}, "
    "unit, description}]}; secrets are masked, and a DSN is its address; a source's name, and place such as '.env:3', "
    "are null where the kind says it all, such as 'default'; missing are variables that --profile lacks here",
)
async def config(application: Application, *, profile: InProfile = None, verbose: IsVerbose = False) -> Answer:
    """Print the settings that are in force, each with where it comes from.

    An argument of the constructor, a variable of the environment, a line of a .env file, a file of a secret, what
    follows from the profile, the default. What differs from the default is marked with a star. Secrets are masked, and
    no database is asked. Wrong settings are told all at once.

    With --profile the variables and files of this machine are read for another profile. What is required there and
    not set here is named, and is no fault.

    Exit codes: 0 fine, 2 usage, or settings that are wrong, 3 failed, 130 interrupted.
    """
    if profile is None:
        return _answer(application.settings, (), verbose=verbose)
    with in_profile(application, profile) as seen:
        return _answer(seen.application.settings, seen.missing, verbose=verbose)


def _answer(settings: object, missing: Sequence[str], *, verbose: bool) -> Answer:
    if not isinstance(settings, ApplicationSettings):
        fact = f"the application's settings are of the class {type(settings).__qualname__}, of which nothing is known"
        raise CommandError(fact, remedy="Derive their class from poolhouse.settings.ApplicationSettings")
    found = effective(settings)
    data = {
        "profile": settings.profile.value,
        "missing": list(missing),
        "settings": [_described(each) for each in found],
    }
    differing = sum(not each.is_default for each in found)
    ends = [f"{differing} of {len(found)} settings differ from the default (*)."]
    if missing:
        ends.append(f"Not set here, and required in {settings.profile}: {', '.join(missing)}.")
    return Answer(data, (_whole(found) if verbose else _short(found), *ends))


def _short(found: Sequence[Setting]) -> Table:
    return Table(("", "SETTING", "VALUE", "SOURCE"), tuple(tuple(_cells(each)) for each in found))


def _whole(found: Sequence[Setting]) -> Table:
    headings = ("", "SETTING", "VALUE", "SOURCE", "VARIABLE", "DEFAULT", "WHAT IT IS")
    rows = ((*_cells(each), each.variable, _text(each.default), each.description or "") for each in found)
    return Table(headings, tuple(rows))


def _cells(setting: Setting) -> Iterator[str]:
    yield "" if setting.is_default else "*"
    yield setting.name
    yield "not set here" if setting.is_missing else _text(setting.value)
    yield "" if setting.is_missing else str(setting.origin)


def _text(value: object) -> str:
    if value is None or value == {}:
        return "not set"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _described(setting: Setting) -> dict[str, object]:
    return {
        "name": setting.name,
        "variable": setting.variable,
        "value": setting.value,
        "default": setting.default,
        "is_default": setting.is_default,
        "source": {"kind": setting.origin.kind, "name": setting.origin.name, "place": setting.origin.place},
        "unit": setting.unit,
        "description": setting.description,
    }

"""`poolhouse config`."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from poolhouse.cli.answer import Answer, Table
from poolhouse.cli.application import Application
from poolhouse.cli.effective import Setting, effective
from poolhouse.cli.verb import verb
from poolhouse.errors import CommandError
from poolhouse.settings import ApplicationSettings

group = typer.Typer()

IsVerbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say of each its variable, its default, and what it is.")
]


@verb(
    group,
    examples=["poolhouse config", "poolhouse config --verbose", "poolhouse config --json"],
    json="{settings: [{name, variable, value, default, is_default, source: {kind, name}, unit, description}]}; secrets "
    "are masked, and a DSN is its address; name is null where the kind says it all, such as 'default'",
)
async def config(application: Application, *, verbose: IsVerbose = False) -> Answer:
    """Print the settings that are in force, each with where it comes from.

    A variable of the environment, a file, the constructor's arguments, the default, or what follows from the profile.
    What differs from the default is marked with a star. Secrets are masked, and no database is asked. Wrong settings
    are told all at once.

    Exit codes: 0 fine, 2 usage, or settings that are wrong, 3 failed, 130 interrupted.
    """
    settings = application.settings
    if not isinstance(settings, ApplicationSettings):
        fact = f"the application's settings are of the class {type(settings).__qualname__}, of which nothing is known"
        raise CommandError(fact, remedy="Derive their class from poolhouse.settings.ApplicationSettings")
    found = effective(settings)
    table = _whole(found) if verbose else _short(found)
    differing = sum(not each.is_default for each in found)
    end = f"{differing} of {len(found)} settings differ from the default (*)."
    return Answer({"settings": [_described(each) for each in found]}, (table, end))


def _short(found: Sequence[Setting]) -> Table:
    return Table(("", "SETTING", "VALUE", "SOURCE"), tuple(tuple(_cells(each)) for each in found))


def _whole(found: Sequence[Setting]) -> Table:
    headings = ("", "SETTING", "VALUE", "SOURCE", "VARIABLE", "DEFAULT", "WHAT IT IS")
    rows = ((*_cells(each), each.variable, _text(each.default), each.description or "") for each in found)
    return Table(headings, tuple(rows))


def _cells(setting: Setting) -> Iterator[str]:
    yield "" if setting.is_default else "*"
    yield setting.name
    yield _text(setting.value)
    yield str(setting.source)


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
        "source": {"kind": setting.source.kind, "name": setting.source.name},
        "unit": setting.unit,
        "description": setting.description,
    }

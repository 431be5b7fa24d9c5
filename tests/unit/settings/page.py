"""The tables of the settings' pages, as the settings say them; `python -m tests.unit.settings.page` writes them."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

from pydantic import BaseModel

from poolhouse.settings import ApplicationSettings, DatabaseSettings, EmbeddedSettings, Profile
from poolhouse.settings.profile import PerProfile

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "reference/settings.md"
ENVIRONMENTS = DOCS / "how-to/environments.md"

SECTIONS = {
    "APP_": ApplicationSettings,
    "APP_DATABASE__": DatabaseSettings,
    "APP_EMBEDDED__": EmbeddedSettings,
}
# What a description begins with, where the setting is a number.
UNIT = re.compile(r"seconds|connections|uses|prepared statements")

_DIFFERENCES = re.compile(r"(<!-- profiles -->\n).*?(<!-- end -->)", re.DOTALL)
_TABLE = re.compile(r"(<!-- settings of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fields(prefix):
    """Yield the settings of a section, without the sections in it."""
    for name, field in SECTIONS[prefix].model_fields.items():
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            yield f"{prefix}{name.upper()}", field


def text(value):
    if value is None or value == {}:
        return "not set"
    if isinstance(value, bool):
        value = str(value).lower()
    return f"`{value.value if isinstance(value, Enum) else f'{value:g}' if isinstance(value, float) else value}`"


def by_profile(field):
    """Return the defaults of a setting in all profiles, of which some may be alike."""
    own = field.get_default(call_default_factory=True)
    marks = [each for each in field.metadata if isinstance(each, PerProfile)]
    return {profile: marks[0].values.get(profile, own) if marks else own for profile in Profile}


def default(field):
    own = field.get_default(call_default_factory=True)
    others = {profile: value for profile, value in by_profile(field).items() if value != own}
    values = dict.fromkeys(others.values())
    ends = [f"{text(value)} in {' and '.join(name for name in others if others[name] == value)}" for value in values]
    return "; ".join([text(own), *ends])


def differences():
    """Return the table of what differs between profiles."""
    rows = [f"| Variable | {' | '.join(Profile)} |", "|---|---|---|---|---|"]
    for prefix in SECTIONS:
        for name, field in fields(prefix):
            values = [*by_profile(field).values()]
            if any(value != values[0] for value in values):
                rows.append(f"| `{name}` | {' | '.join(map(text, values))} |")
    embedded = ("where no DSN is set" if profile.allows_embedded else "never" for profile in Profile)
    rows.append(f"| `APP_EMBEDDED__ENABLED` | {' | '.join(embedded)} |")
    return "\n".join(rows)


def table(prefix):
    rows = ["| Variable | Default | Unit | What it is, and why the default |", "|---|---|---|---|"]
    for name, field in fields(prefix):
        unit = UNIT.match(field.description)
        rows.append(f"| `{name}` | {default(field)} | {unit[0] if unit else ''} | {field.description} |")
    return "\n".join(rows)


def rewritten(text):
    """Return the page with its tables as they should be."""
    return _TABLE.sub(lambda found: f"{found[1]}{table(found[2])}\n{found[3]}", text)


def rewritten_environments(text):
    """Return the page about environments with its table as it should be."""
    return _DIFFERENCES.sub(lambda found: f"{found[1]}{differences()}\n{found[2]}", text)


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
    ENVIRONMENTS.write_text(rewritten_environments(ENVIRONMENTS.read_text()))

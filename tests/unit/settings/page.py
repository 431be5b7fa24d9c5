"""The tables of docs/settings.md, as the settings say them; `python -m tests.unit.settings.page` writes them there."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

from pydantic import BaseModel

from poolhouse.settings import ApplicationSettings, DatabaseSettings, EmbeddedSettings

PAGE = Path(__file__).parents[3] / "docs/settings.md"

SECTIONS = {
    "APP_": ApplicationSettings,
    "APP_DATABASE__": DatabaseSettings,
    "APP_EMBEDDED__": EmbeddedSettings,
}
# What a description begins with, where the setting is a number.
UNIT = re.compile(r"seconds|connections|uses|prepared statements")

_TABLE = re.compile(r"(<!-- settings of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fields(prefix):
    """Yield the settings of a section, without the sections in it."""
    for name, field in SECTIONS[prefix].model_fields.items():
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            yield f"{prefix}{name.upper()}", field


def default(field):
    value = field.get_default(call_default_factory=True)
    if value is None or value == {}:
        return "not set"
    return f"`{value.value if isinstance(value, Enum) else f'{value:g}' if isinstance(value, float) else value}`"


def table(prefix):
    rows = ["| Variable | Default | Unit | What it is, and why the default |", "|---|---|---|---|"]
    for name, field in fields(prefix):
        unit = UNIT.match(field.description)
        rows.append(f"| `{name}` | {default(field)} | {unit[0] if unit else ''} | {field.description} |")
    return "\n".join(rows)


def rewritten(text):
    """Return the page with its tables as they should be."""
    return _TABLE.sub(lambda found: f"{found[1]}{table(found[2])}\n{found[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))

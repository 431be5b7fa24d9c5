"""Every error has its section, and every section its error."""

from __future__ import annotations

import ast
import re

from poolhouse import errors
from tests.docs.pages import DOCS

SECTIONS = {
    found: (page, text)
    for page in sorted((DOCS / "errors").glob("*.md"))
    for found, text in re.findall(r"^## (\w+)$\n(.*?)(?=^## |\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
}


def test_every_error_has_a_section_and_every_section_an_error():
    assert sorted(SECTIONS) == errors.__all__


def test_no_error_has_two_sections():
    text = "".join(page.read_text() for page in (DOCS / "errors").glob("*.md"))
    headings = re.findall(r"^## (\w+)$", text, re.MULTILINE)
    assert len(headings) == len(set(headings))


def test_every_section_says_when_it_is_raised_and_what_to_do():
    lacking = [name for name, (_, text) in SECTIONS.items() if "**When.**" not in text or "**What to do.**" not in text]
    assert lacking == []


EXAMPLES = DOCS / "examples/errors"
# A message that another example produces, in a file that the section includes.
INCLUDED = re.compile(r"^```\{literalinclude\} \.\./examples/\S+\.txt$", re.MULTILINE)


def told():
    """The names of errors that an example compares: given to `told(…)` or `told.shows(…)`, or in a table of cases."""
    named = set()
    for path in EXAMPLES.glob("test_*.py"):
        tree = ast.parse(path.read_text())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        first = [node.args[0] for node in calls if node.args and _is_told(node.func)]
        tables = [key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
        tables += [node.elts[0] for node in ast.walk(tree) if isinstance(node, ast.Tuple) and node.elts]
        # What stands for several is a name of the case: `for error in (PoolStateError, PoolError)`.
        loops = [
            each for node in ast.walk(tree) if isinstance(node, ast.For) for each in getattr(node.iter, "elts", ())
        ]
        named |= {node.id for node in (*first, *tables, *loops) if isinstance(node, ast.Name)}
    return named & set(errors.__all__)


def _is_told(function):
    return (isinstance(function, ast.Name) and function.id == "told") or (
        isinstance(function, ast.Attribute) and function.attr == "shows"
    )


def test_every_section_shows_a_message_that_a_test_produces():
    shown = {name for name, (_, text) in SECTIONS.items() if "\n```text\n" in text}
    included = {name for name, (_, text) in SECTIONS.items() if INCLUDED.search(text)}
    assert sorted(shown | included) == errors.__all__
    assert shown - told() == set()

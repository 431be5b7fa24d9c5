"""Every error has its section, and every section its error."""

from __future__ import annotations

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

"""Every console session of every page, run as a reader would. Slow: run by `make newcomer`, and in CI."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, STOP, blocks, pages
from tests.docs.session import Session, commands, is_like

# CONTRIBUTING has the recipes that CI itself consists of.
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = [page for page in pages() if page != CONTRIBUTING and any(each.language == "console" for each in blocks(page))]


@pytest.mark.newcomer
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_has_a_reader_do_gives_what_it_shows(page, tmp_path, database):
    with begun(page, tmp_path, dsn=database) as session:
        faults = []
        for block in blocks(page):
            if block.language == "console":
                faults += [f"{block}: {fault}" for fault in session.run(block)]
            elif block.language == STOP:
                session.stop()
            elif "caption" in block.options and block.included is None:
                session.write(block)
    assert not faults, "\n\n".join(faults)


def begun(page, folder, **options):
    """Begin where a page begins: in an empty folder, or with the reference application."""
    if "<!-- session: new -->" in page.read_text():
        return Session(folder, **options)
    return Session.of_application(folder / "shop", **options)


def test_contributors_are_told_of_recipes_that_there_are():
    recipes = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    told = [command for block in blocks(CONTRIBUTING) for command, _ in commands(block.text)]
    assert told
    assert [command for command in told if command.split()[1] not in recipes] == []


def test_a_command_ends_where_the_next_begins_and_has_its_output():
    assert commands("$ one\nfirst\n$ two\n> more\n$ three\na\nb\n") == [
        ("one", "first"),
        ("two\nmore", ""),
        ("three", "a\nb"),
    ]


@pytest.mark.parametrize(
    ("shown", "printed", "is_it"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\nb", "a\nc\nb\n", False),
        ("a …", "a b c", True),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a\n…\nd", "a\nd", True),
        ("a\n…\nd", "a\nb\nc", False),
        ("…\nd", "b\nc\nd", True),
    ],
)
def test_an_ellipsis_stands_for_anything_and_nothing_else_does(shown, printed, is_it):
    assert is_like(shown, printed) is is_it

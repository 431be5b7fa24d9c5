"""No code on a page that nobody ran.

Python is included from files that tests run, or stands in one of them as it is; console sessions are run by
test_sessions, and SQL by test_sql. Whatever else a page shows of a language is a passage of a file of the repository.
"""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import DOCS, ROOT, RUN, STOP, blocks, is_passage, pages, texts

BLOCKS = [block for page in pages() for block in blocks(page) if block.info != STOP]
# Nobody runs these: output that examples produce, pictures, and what the site is made of.
SHOWN = {"text", "mermaid", "{toctree}", "{note}", "{warning}", "{tip}", "{glossary}", "{include}"}
RUN_AS_THEY_STAND = {"console", "sql"}
PASSAGES = {"toml": ["pyproject.toml"], "yaml": [".ci"], "ini": [], "make": ["Makefile"], "dockerfile": []}


def named(language):
    return [block for block in BLOCKS if block.language == language]


def test_every_block_says_what_it_is():
    known = SHOWN | RUN_AS_THEY_STAND | PASSAGES.keys() | {"python", "{literalinclude}"}
    assert [f"{block}: {block.info}" for block in BLOCKS if block.language not in known] == []


def test_what_is_included_is_what_tests_run():
    included = {block: block.included for block in named("{literalinclude}")}
    strangers = {
        str(block): path
        for block, path in included.items()
        if not any(path.is_relative_to(ROOT / folder) for folder in RUN) or not path.is_file()
    }
    assert strangers == {}


def test_what_is_included_of_a_file_is_marked_in_it():
    marks = [
        (block, mark)
        for block in named("{literalinclude}")
        for name in ("start-after", "end-before", "start-at", "end-at", "pyobject")
        if (mark := block.options.get(name, "").strip('"'))
    ]
    assert [f"{block}: {mark}" for block, mark in marks if mark.split(".")[-1] not in block.included.read_text()] == []


def test_python_on_a_page_is_a_passage_of_what_tests_run():
    files = texts(".py")
    written = [block for block in named("python") if "caption" not in block.options]
    assert [str(block) for block in written if not is_passage(block.body, files)] == []


def test_what_a_page_has_a_reader_write_is_written_by_its_session():
    without = [
        str(block)
        for block in BLOCKS
        if "caption" in block.options
        and block.included is None
        and not any(each.language == "console" for each in blocks(block.page))
    ]
    assert without == []


@pytest.mark.parametrize("language", PASSAGES)
def test_what_else_a_page_shows_stands_in_a_file_of_the_repository(language):
    suffixes = {"toml": (".toml",), "yaml": (".yaml", ".yml"), "make": ("",)}
    files = [path.read_text() for path in ROOT.iterdir() if path.is_file() and path.suffix in (".toml", "", ".yaml")]
    files += texts(*suffixes.get(language, (f".{language}",)), ".py")
    written = [block for block in named(language) if "caption" not in block.options]
    assert [str(block) for block in written if not is_passage(block.body, files)] == []


def test_no_block_hides_in_a_fence_that_only_the_site_reads():
    hidden = re.compile(r"^\s*(~~~|:::+\s*\{(code|literal))", re.MULTILINE)
    assert [str(page) for page in pages() if hidden.search(page.read_text())] == []


def test_every_example_is_a_test_or_is_used_by_one():
    files = [path for path in (DOCS / "examples").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    source = "".join(texts(".py"))
    unused = [
        path.relative_to(DOCS)
        for path in files
        if not path.name.startswith(("test_", "conftest"))
        and path.stem not in source
        and path.parent.name not in source
    ]
    assert unused == []


FILE = "class A:\n    def f(self):\n        return 1\n\n\nclass B:\n    x = 2\n"


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        ("def f(self):\n    return 1", True),
        ("class A:\n    def f(self):\n        return 1\n\n\nclass B:\n    x = 2", True),
        ("x = 2\nclass A:", False),
        ("class A:\n    def f(self):\n    ...\nclass B:", True),
        ("def f(self):\n    return 2", False),
        ("def f(self):\nreturn 1", False),
        ("class C:", False),
    ],
)
def test_a_passage_stands_in_a_file_line_by_line(text, is_it):
    assert is_passage(text, [FILE]) is is_it

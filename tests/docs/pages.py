"""The pages of the documentation, and the blocks in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SCAFFOLD = "src/poolhouse/cli/scaffold/project"

# What tests run, or import: the application and its tests, the library's tests, and the examples beside the pages; and
# the files of a project that `poolhouse new` makes, which tests/packaging carries out.
RUN = ("app", "containers", "services", "migrations", "tests", "docs/examples", "examples", SCAFFOLD)
_TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md")
# Where a page says that what serves was stopped.
STOP = "<!-- session: stop -->"
_PARTS = re.compile(r"\n\s*(?:\.\.\.|…)\s*\n|\n\n\n+")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page: what stands behind the fence, and between the fences."""

    page: Path
    line: int
    info: str
    text: str

    @property
    def language(self):
        """The language, also of a block that a directive makes."""
        named = re.match(r"\{code-block\} (\w+)", self.info)
        return named[1] if named else self.info if self.info == STOP else self.info.partition(" ")[0]

    @property
    def included(self):
        """The file that is included in its place, None where it is none."""
        named = re.match(r"\{literalinclude\} (\S+)", self.info)
        return (self.page.parent / named[1]).resolve() if named else None

    @property
    def options(self):
        """The options of a directive, such as its caption."""
        return dict(re.findall(r"^:([\w-]+): ?(.*)$", self.text, re.MULTILINE)) if self.info.startswith("{") else {}

    @property
    def body(self):
        """What is shown, without the options."""
        return re.sub(r"\A(:[\w-]+:.*\n)+\n?", "", self.text) if self.info.startswith("{") else self.text

    def __str__(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages():
    """Return every page: those of the site, and those that stand at the top of the repository."""
    own = (path for path in DOCS.rglob("*.md") if "examples" not in path.parts)
    return (*(ROOT / name for name in _TOP), *sorted(own))


def blocks(page):
    """Return the fenced blocks of a page, in order."""
    found = []
    for token in MarkdownIt("commonmark").parse(page.read_text()):
        if token.type == "fence":
            found.append(Block(page, token.map[0] + 1, token.info.strip(), token.content))
        elif token.type == "inline" and STOP in token.content:
            found.append(Block(page, token.map[0] + 1, STOP, ""))
    return found


def is_passage(text, files):
    """Whether each part of `text`, as blank lines or an ellipsis divide it, stands in one of the files as it is."""
    return all(any(_stands_in(part, file) for file in files) for part in _PARTS.split(text.strip("\n")))


def _stands_in(part, file):
    wanted = dedent(part).strip("\n").splitlines()
    lines = file.splitlines()
    starts = (number for number, line in enumerate(lines) if line.strip() == wanted[0].strip())
    return any(dedent("\n".join(lines[at : at + len(wanted)])).splitlines() == wanted for at in starts)


def texts(*suffixes):
    """Return the texts of all files that tests run and whose names end so."""
    found = (path for folder in RUN for path in (ROOT / folder).rglob("*") if path.suffix in suffixes)
    return [path.read_text() for path in found if path.is_file()]

"""Writes what the code says of itself into the pages, where they ask for it.

A page asks by a comment on a line of its own, which becomes Markdown before the page is read:

    <!-- names of poolhouse.pool -->    every public name of the package, with its docstring
    <!-- fixtures of poolhouse.testing.plugin -->    every fixture of pytest in the module, with its docstring
    <!-- verbs -->                      every command of `poolhouse`, with what its `--help` says
    <!-- errors -->                     the tree of errors, each a link to its section

In the pages about errors, the docstring and the attributes of each error follow its heading. Diagrams become the
pictures of them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes

from extension import diagrams, errors, names, verbs
from extension.lexer import TemplateLexer

ROOT = Path(__file__).parents[2]

_COMMENT = re.compile(
    r"^<!-- (names of (?P<package>[\w.]+)|fixtures of (?P<plugin>[\w.]+)|verbs|errors) -->$", re.MULTILINE
)
_HEADING = re.compile(r"^#+ (?P<error>[A-Z]\w+)$", re.MULTILINE)


def setup(app: Any) -> dict[str, bool]:
    """Have Sphinx call us for every page."""
    app.connect("source-read", _fill)
    app.connect("env-before-read-docs", _read_again)
    app.connect("doctree-read", _trim)
    app.add_lexer("sql", TemplateLexer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _trim(_app: Any, doctree: nodes.document) -> None:
    # A part of a file ends with the blank lines that stand before its mark.
    for block in doctree.findall(nodes.literal_block):
        text = block.astext().strip("\n")
        block.rawsource = text
        block.children = [nodes.Text(text)]


def _read_again(app: Any, _: Any, docnames: list[str]) -> None:
    # What is written into these comes from the code, whose changes Sphinx does not see.
    docnames += [name for name in app.env.found_docs if name.startswith(("reference/", "errors/"))]
    docnames[:] = sorted(set(docnames))


def _fill(_app: Any, docname: str, source: list[str]) -> None:
    text = diagrams.shown(_COMMENT.sub(_written, source[0]))
    if docname.startswith("errors/"):
        library = names.library(ROOT)
        text = _HEADING.sub(lambda found: f"{found[0]}\n\n{library.error(found['error'])}", text)
    source[0] = text


def _written(comment: re.Match[str]) -> str:
    if comment["package"]:
        return names.library(ROOT).package(comment["package"])
    if comment["plugin"]:
        return names.library(ROOT).fixtures(comment["plugin"])
    return verbs.pages() if comment[1] == "verbs" else errors.tree()

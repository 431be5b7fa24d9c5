"""What `make docs` needs to be there."""

from __future__ import annotations

import pkgutil
import re
from hashlib import sha256
from importlib import import_module

import poolhouse
from tests.docs.pages import DOCS, blocks, pages

# Public to nobody, whatever lists of names they have for themselves, or described elsewhere.
ELSEWHERE = ("poolhouse.cli", "poolhouse.errors", "poolhouse.migrations.catalogue")


def public_packages():
    yield "poolhouse"
    for module in pkgutil.walk_packages(poolhouse.__path__, "poolhouse."):
        is_private = "._" in module.name or module.name.startswith(ELSEWHERE) or module.name.endswith("__main__")
        if module.ispkg and not is_private and hasattr(import_module(module.name), "__all__"):
            yield module.name


def test_every_public_package_has_a_page_in_the_reference():
    asked = {
        found
        for page in (DOCS / "reference/python").glob("*.md")
        for found in re.findall(r"<!-- names of ([\w.]+) -->", page.read_text())
    }
    assert set(public_packages()) - asked == set()


def test_every_diagram_has_its_picture_and_no_picture_is_left_over():
    drawn = [block.text for page in pages() for block in blocks(page) if block.language == "mermaid"]
    wanted = {f"{sha256(text.encode()).hexdigest()[:16]}.svg" for text in drawn}
    there = {path.name for path in (DOCS / "_static/diagrams").glob("*.svg")}
    assert there == wanted, "draw them anew, as CONTRIBUTING.md says"

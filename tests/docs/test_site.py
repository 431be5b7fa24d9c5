"""What `make docs` needs to be there."""

from __future__ import annotations

import pkgutil
import re
from hashlib import sha256
from importlib import import_module
from importlib.metadata import entry_points, metadata

import poolhouse
from poolhouse.testing.isolation import INI, MARKERS
from tests.docs.pages import DOCS, ROOT, blocks, pages

# Public to nobody, whatever lists of names they have for themselves, or described elsewhere.
ELSEWHERE = ("poolhouse.cli", "poolhouse.errors", "poolhouse.migrations.catalogue")


def public_modules():
    yield "poolhouse"
    for module in pkgutil.walk_packages(poolhouse.__path__, "poolhouse."):
        is_private = "._" in module.name or module.name.startswith(ELSEWHERE)
        if not is_private and hasattr(import_module(module.name), "__all__"):
            yield module.name


def names_of(module):
    found = import_module(module)
    return {id(getattr(found, name)): f"{module}.{name}" for name in found.__all__}


def test_every_public_name_is_in_the_reference():
    asked = {
        module
        for page in (DOCS / "reference/python").glob("*.md")
        for module in re.findall(r"<!-- names of ([\w.]+) -->", page.read_text())
    }
    described = set().union(*map(names_of, asked))
    public = {number: name for module in public_modules() for number, name in names_of(module).items()}
    assert [name for number, name in public.items() if number not in described] == []


def test_every_diagram_has_its_picture_and_no_picture_is_left_over():
    drawn = [block.text for page in pages() for block in blocks(page) if block.language == "mermaid"]
    wanted = {f"{sha256(text.encode()).hexdigest()[:16]}.svg" for text in drawn}
    there = {path.name for path in (DOCS / "_static/diagrams").glob("*.svg")}
    assert there == wanted, "draw them anew, as CONTRIBUTING.md says"


def test_readme_is_short():
    text = re.sub(r"<!--.*?-->", "", (ROOT / "README.md").read_text())
    assert len(text.split()) < 500


def test_fixtures_markers_and_options_of_the_test_kit_are_in_the_reference():
    page = (DOCS / "reference/test-kit.md").read_text()
    [plugin] = [each.value for each in entry_points(group="pytest11", name="poolhouse")]
    assert f"<!-- fixtures of {plugin} -->" in page
    assert [marker for marker in MARKERS if f"`@pytest.mark.{marker}`" not in page] == []
    assert all(f"`{option}`" in page for option in (INI, "POOLHOUSE_TEST_DSN"))


def test_every_extra_is_in_the_installation():
    page = (DOCS / "reference/installation.md").read_text()
    told = re.findall(r"^\| `(\w+)`", page, re.MULTILINE)
    assert sorted(told) == sorted(metadata("poolhouse").get_all("Provides-Extra"))

"""Look through the built site: `python docs/check_site.py build/docs`.

Every link within it must lead to a file and an anchor that are there, and no page may fetch anything from elsewhere.
Links to other sites are only written down as what they are; nobody asks for them.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser loads by itself; everything else is followed by a person.
_FETCHED = {
    ("script", "src"),
    ("img", "src"),
    ("link", "href"),
    ("iframe", "src"),
    ("source", "src"),
    ("object", "data"),
}
_IN_STYLES = re.compile(r"url\(\s*['\"]?(?!data:|#)([^'\")]+)|@import\s+['\"]([^'\"]+)")
# Relations that are said of a page, and not fetched.
_SAID = {"canonical", "author", "index", "search", "next", "prev"}


@dataclass(slots=True)
class Page:
    """What a page refers to, and what can be referred to in it."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.page.anchors.update(given[name] for name in ("id", "name") if name in given)
        for name in ("href", "src", "data"):
            if name in given:
                is_fetched = (tag, name) in _FETCHED and given.get("rel") not in _SAID
                (self.page.fetched if is_fetched else self.page.links).append(given[name])


def check(site: Path) -> list[str]:
    """Return everything that is wrong with the site, a sentence each."""
    pages = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    faults = [
        f"{path.relative_to(site)}: {fault}"
        for path, page in pages.items()
        for target in (*page.links, *page.fetched)
        if (fault := _fault(path, target, pages, is_fetched=target in page.fetched))
    ]
    return faults + [
        f"{path.relative_to(site)}: it would fetch {target}"
        for path in site.rglob("*.css")
        for target in filter(None, (found[1] or found[2] for found in _IN_STYLES.finditer(path.read_text())))
        if urlsplit(target).scheme or not (path.parent / urlsplit(target).path).exists()
    ]


def _read(path: Path) -> Page:
    reader = _Reader()
    reader.feed(path.read_text())
    return reader.page


def _fault(path: Path, target: str, pages: dict[Path, Page], *, is_fetched: bool) -> str | None:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return f"it would fetch {target}" if is_fetched and parts.scheme != "data" else None
    file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not file.is_file():
        return f"there is no {target}"
    anchor = unquote(parts.fragment)
    if anchor and file in pages and anchor not in pages[file].anchors:
        return f"there is no place {target}"
    return None


if __name__ == "__main__":
    sys.exit("\n".join(check(Path(sys.argv[1]).resolve())) or 0)

"""Diagrams: written as Mermaid in the pages, shown as the pictures that `draw.py` made of them beforehand."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

PICTURES = Path(__file__).parents[1] / "_static/diagrams"

_BLOCK = re.compile(r"^```mermaid\n(?P<source>.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r"^\s*accTitle: (.+)$", re.MULTILINE)


def sources(text: str) -> list[str]:
    """Return the diagrams in a page."""
    return [found["source"] for found in _BLOCK.finditer(text)]


def picture(source: str) -> Path:
    """Return where the picture of a diagram is, or is to be; another diagram has another name."""
    return PICTURES / f"{sha256(source.encode()).hexdigest()[:16]}.svg"


def shown(text: str) -> str:
    """Put the pictures in the place of the diagrams of a page."""
    return _BLOCK.sub(lambda found: _image(found["source"]), text)


def _image(source: str) -> str:
    title = _TITLE.search(source)
    described = title[1] if title else "Diagram"
    # An absolute path is one from the folder of the pages.
    image = f"```{{image}} /_static/diagrams/{picture(source).name}\n:alt: {described}\n```"
    return f"::::{{container}} diagram\n{image}\n::::"

"""The nearest legal name, for "did you mean"."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate most like `name`, upper and lower case being alike; None when none is like it.

    The answer does not depend on the order of the candidates.
    """
    written = {candidate.casefold(): candidate for candidate in sorted(candidates)}
    matches = get_close_matches(name.casefold(), written, n=1)
    return written[matches[0]] if matches else None

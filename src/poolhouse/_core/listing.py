"""Naming many schemas without naming all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 3


def some_of(schemas: Sequence[str]) -> str:
    """Return how many schemas there are and what the first are called; the name alone of one."""
    if len(schemas) == 1:
        return schemas[0]
    more = ", ..." if len(schemas) > _SHOWN else ""
    names = f" ({', '.join(schemas[:_SHOWN])}{more})" if schemas else ""
    return f"{len(schemas)} schemas{names}"

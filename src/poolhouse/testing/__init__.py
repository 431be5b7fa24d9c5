"""Tests of applications on poolhouse: what the fixtures of its pytest plugin give, by type.

The fixtures are loaded by pytest through the entry point `poolhouse`; see `poolhouse.testing.plugin`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poolhouse.testing.bridge import Bridge
    from poolhouse.testing.isolation import Isolation
    from poolhouse.testing.overriding import Overriding
    from poolhouse.testing.queries import QuerySummary, RecordedQueries, RecordedQuery
    from poolhouse.testing.slices import Slice, SliceOf
    from poolhouse.testing.stubs import Answer, Stub

__all__ = [
    "Answer",
    "Bridge",
    "Isolation",
    "Overriding",
    "QuerySummary",
    "RecordedQueries",
    "RecordedQuery",
    "Slice",
    "SliceOf",
    "Stub",
]

_HOMES = {
    "Answer": "stubs",
    "Bridge": "bridge",
    "Isolation": "isolation",
    "Overriding": "overriding",
    "QuerySummary": "queries",
    "RecordedQueries": "queries",
    "RecordedQuery": "queries",
    "Slice": "slices",
    "SliceOf": "slices",
    "Stub": "stubs",
}

if not TYPE_CHECKING:  # for which every name would be there

    def __getattr__(name: str) -> Any:
        # Imported when asked for: pytest loads the plugin of this package always, and the driver takes a second.
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

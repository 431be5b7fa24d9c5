"""What a pool tells of each statement from its beginning to its end, for whoever traces."""

from __future__ import annotations

from typing import Protocol


class Trace(Protocol):
    """One operation that is traced."""

    def acquired(self, *, waited: float, handed_off_in: float) -> None:
        """Take down that it has a connection of its own, after so many seconds, of which a hand-off took some, or 0."""
        ...

    def end(self, error: BaseException | None) -> None:
        """End it; `error` is what it raises."""
        ...


class Tracer(Protocol):
    """Follows operations. It must not raise, nor block."""

    def begin(self, service: str, schema: str, statement: str | None) -> Trace:
        """Begin to follow an operation, in the context of its caller, before it has a connection.

        `statement` is the template as it was written, without arguments, or BEGIN, COMMIT and the like; None where a
        connection is acquired for several.
        """
        ...

"""Who is to be told of what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

EventT = TypeVar("EventT")


class Subscriptions:
    """Handlers of events, by the classes of those."""

    __slots__ = ("_handlers", "_log")

    def __init__(self, log: logging.Logger) -> None:
        self._handlers: dict[type[Any], tuple[Callable[[Any], object], ...]] = {}
        self._log = log

    def subscribe(self, kind: type[EventT], handler: Callable[[EventT], object]) -> None:
        """Call `handler` with every event of a kind from now on."""
        self._change(kind, (*self._handlers.get(kind, ()), handler))

    def unsubscribe(self, kind: type[EventT], handler: Callable[[EventT], object]) -> None:
        """Call `handler` no longer; does nothing when it was not."""
        self._change(kind, tuple(other for other in self._handlers.get(kind, ()) if other != handler))

    def _change(self, kind: type[Any], handlers: tuple[Callable[[Any], object], ...]) -> None:
        self._handlers[kind] = handlers

    def has(self, kind: type[Any]) -> bool:
        """Whether anybody listens."""
        return bool(self._handlers.get(kind))

    def tell(self, event: object) -> None:
        """Call everybody who wants to know; a handler that raises is logged, and keeps nothing from going on."""
        for handler in self._handlers.get(type(event), ()):
            try:
                handler(event)
            except Exception:  # noqa: BLE001 - it is the subscriber's, and may be any
                self._log.exception("A handler of %s failed", type(event).__name__)

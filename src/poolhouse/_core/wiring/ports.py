"""What a port asks for, and how a stand-in differs from it."""

from __future__ import annotations

import collections.abc
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast, get_args, get_origin, get_type_hints

from poolhouse._core.wiring.annotations import fits, named
from poolhouse._core.wiring.products import Value, product_of
from poolhouse._core.wiring.protocols import is_decorated, is_protocol, methods_of, unmet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DESCRIPTORS = (property, staticmethod, classmethod)
_AWAITED = (collections.abc.Awaitable, collections.abc.Coroutine)


@dataclass(frozen=True, slots=True)
class Method:
    """A method that a port asks for; `returns` is what a caller has in the end, awaited where it `is_awaited`."""

    name: str
    signature: inspect.Signature
    returns: Any
    is_awaited: bool

    @property
    def drawn(self) -> str:
        """The names of the parameters, as they are written in a call."""
        return f"{self.name}({', '.join(list(self.signature.parameters)[1:])})"

    def takes(self, value: object) -> bool:
        """Whether it may return `value`, as far as annotations tell."""
        return fits(Value(value), self.returns)

    @property
    def returned(self) -> str:
        """What it returns, as somebody would write it."""
        return named(self.returns)


def methods(port: type) -> dict[str, Method]:
    """Return the methods that a port asks for."""
    return {name: _method(name, function) for name, function in methods_of(port)}


def attributes(port: type) -> frozenset[str]:
    """Return what a port asks for beside methods: properties, annotated names, static and class methods."""
    found: set[str] = set()
    for each in port.__mro__:
        if is_protocol(each) and each is not cast("Any", Protocol):
            found.update(name for name, member in each.__dict__.items() if isinstance(member, _DESCRIPTORS))
            found.update(name for name in inspect.get_annotations(each) if not name.startswith("_"))
    return frozenset(found)


def misfits(stand_in: object, port: type) -> tuple[str, ...]:
    """Return in what an object, or the instances of a class, surely differ from what a port asks for."""
    kind = stand_in if isinstance(stand_in, type) else type(stand_in)
    found = [*unmet(kind, port), *_returning(kind, port)]
    if not isinstance(stand_in, type):
        found += [f"it has no attribute {name}" for name in sorted(attributes(port)) if not hasattr(stand_in, name)]
    return tuple(found)


def _returning(kind: type, port: type) -> Iterator[str]:
    """Yield the methods whose annotations say that they return something else than is asked for."""
    for name, asked in methods(port).items():
        had = inspect.getattr_static(kind, name, None)
        if not inspect.isfunction(had) or is_decorated(had):
            continue
        own = _method(name, had)
        promised = product_of(own.returns)
        if promised is not None and own.is_awaited == asked.is_awaited and not fits(promised, asked.returns):
            yield f"its {name}() returns {own.returned}, and {asked.returned} is asked for"


def _method(name: str, function: Any) -> Method:
    returns = Any if is_decorated(function) else _hints(function).get("return", Any)
    is_awaited = inspect.iscoroutinefunction(function)
    if get_origin(returns) in _AWAITED:
        returns, is_awaited = get_args(returns)[-1], True
    return Method(name, inspect.signature(function), returns, is_awaited)


def _hints(function: Any) -> Mapping[str, Any]:
    try:
        return get_type_hints(function)
    except Exception:  # noqa: BLE001 - an annotation may be any expression, and what cannot be evaluated says nothing
        return {}

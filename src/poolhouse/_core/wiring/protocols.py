"""Whether a class has what a protocol asks for, as far as that is written in the class."""

from __future__ import annotations

import collections.abc
import inspect
from typing import TYPE_CHECKING, Any, Generic, Protocol, cast, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NOT_MEMBERS = frozenset({*dir(Protocol), *dir(Generic), "__abstractmethods__", "__annotations__", "__dict__",
                          "__doc__", "__init__", "__match_args__", "__module__", "__non_callable_proto_members__",
                          "__orig_bases__", "__parameters__", "__protocol_attrs__", "__static_attributes__",
                          "__firstlineno__", "__type_params__", "__weakref__", "__hash__", "__call__"})  # fmt: skip
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def is_protocol(kind: type) -> bool:
    """Whether the class is itself a protocol, and not only derived from one."""
    return bool(getattr(kind, "_is_protocol", False))


def unmet(kind: type, protocol: type) -> Iterator[str]:
    """Yield what the protocol asks for and instances of `kind` surely have not.

    Methods only: other attributes may be assigned anywhere.
    """
    for name, asked in methods_of(protocol):
        had = inspect.getattr_static(kind, name, None)
        if had is None:
            if name not in _assigned(kind):
                yield f"it has no method {name}()"
        elif inspect.isfunction(had) and not is_decorated(had):
            yield from _misfits(name, asked, had)


def is_decorated(function: Any) -> bool:
    """Whether what is written of a function is of another one, which it calls in a way of its own.

    A decorator that is no coroutine function may well return a coroutine, and one that yields a context manager.
    """
    return hasattr(function, "__wrapped__")


def methods_of(protocol: type) -> Iterator[tuple[str, Any]]:
    """Yield the methods that a protocol asks for, by name; those of a derived one first."""
    seen: set[str] = set()
    for each in protocol.__mro__:
        if is_protocol(each) and each is not cast("Any", Protocol):
            for name, member in each.__dict__.items():
                is_asked = name == "__call__" or name not in _NOT_MEMBERS
                if inspect.isfunction(member) and is_asked and name not in seen:
                    seen.add(name)
                    yield name, member


def _assigned(kind: type) -> set[str]:
    """Return the names that the class's own code mentions, and which it may therefore assign to instances."""
    functions = (member for each in kind.__mro__ for member in each.__dict__.values() if inspect.isfunction(member))
    names = {name for function in functions for name in function.__code__.co_names}
    annotated = {name for each in kind.__mro__ for name in inspect.get_annotations(each)}
    # A __setattr__, setattr() or __dict__ hides which names they are.
    return names | annotated


def _misfits(name: str, asked: Any, had: Any) -> Iterator[str]:
    try:
        wanted, own = inspect.signature(asked), inspect.signature(had)
    except (TypeError, ValueError):
        return
    if not _accepts(own, wanted.parameters):
        drawn = ", ".join(f"{each}" for each in list(wanted.parameters)[1:])
        yield f"its {name}() cannot be called with ({drawn})"
    elif inspect.iscoroutinefunction(had) and not inspect.iscoroutinefunction(asked) and _is_synchronous(asked):
        yield f"its {name}() is a coroutine function, which is not what is asked for"
    elif inspect.iscoroutinefunction(asked) and not inspect.iscoroutinefunction(had) and _is_synchronous(had):
        yield f"its {name}() is no coroutine function, which is asked for"


def _accepts(own: inspect.Signature, wanted: Mapping[str, inspect.Parameter]) -> bool:
    """Whether every call that the protocol allows is one of its own; in both, the first parameter is `self`."""
    positional = [each for each in wanted.values() if each.kind in _POSITIONAL]
    keywords = {name: None for name, each in wanted.items() if each.kind is inspect.Parameter.KEYWORD_ONLY}
    if any(each.kind in _VARIADIC for each in wanted.values()):
        return True
    by_name = {name: each for name, each in own.parameters.items() if each.kind is inspect.Parameter.KEYWORD_ONLY}
    # What is asked for by position may be taken by name alone, where callers say the name; so that is no doubt of ours.
    if any(each.name in by_name for each in positional):
        return True
    try:
        own.bind(*positional, **keywords)
    except TypeError:
        return False
    return True


def _is_synchronous(function: Any) -> bool:
    """Whether the function says that it returns something that cannot be awaited."""
    try:
        returned = get_type_hints(function)["return"]
    except Exception:  # noqa: BLE001 - without an annotation that can be evaluated it may return anything
        return False
    kind = get_origin(returned) or returned
    if kind is type(None):
        return True
    is_told = isinstance(kind, type) and kind is not object and not is_protocol(kind)
    return is_told and not issubclass(cast("type", kind), collections.abc.Awaitable | collections.abc.AsyncIterable)

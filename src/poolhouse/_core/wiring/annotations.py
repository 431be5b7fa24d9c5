"""Whether what a provider makes can be what an annotation says; in doubt it can."""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from abc import ABCMeta
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, cast, get_args, get_origin

from poolhouse._core.wiring.products import Handed, Made, Product, Value, answers_anything
from poolhouse._core.wiring.protocols import is_protocol, unmet

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDER: dict[type, tuple[type, ...]] = {float: (int,), complex: (int, float), bytes: (bytearray, memoryview)}
_QUALIFIERS = (typing.Final, typing.ClassVar)
_UNIONS = (Union, types.UnionType)
_CALLABLE: Any = collections.abc.Callable


def fits(product: Product, annotation: Any) -> bool:  # noqa: PLR0911 - one for each kind of annotation
    """Whether an object may be passed where `annotation` stands; only what surely is wrong does not fit."""
    if product is None or annotation in (Any, object):
        return True
    origin = get_origin(annotation)
    if origin is Annotated or origin in _QUALIFIERS:
        return fits(product, get_args(annotation)[0])
    if origin in _UNIONS:
        return any(fits(product, each) for each in get_args(annotation))
    if hasattr(annotation, "__supertype__"):
        # A NewType; what it is made of is all there is at run time.
        return fits(product, annotation.__supertype__)
    if origin is Literal:
        return _fits_literal(product, get_args(annotation))
    if origin is type:
        return _fits_class(product, get_args(annotation)[0])
    if _CALLABLE in (origin, annotation):
        return _fits_callable(product, get_args(annotation))
    kind = NoneType if annotation is None else origin or annotation
    return not isinstance(kind, type) or _fits_kind(product, kind)


def reason(product: Product, annotation: Any) -> str:
    """Return why it does not fit, where there is more to say than the names of two classes; else nothing."""
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type) and is_protocol(kind) and isinstance(product, Made | Value):
        return "; ".join(unmet(product.kind if isinstance(product, Made) else type(product.value), kind))
    return ""


def surely_fits(product: Product, annotation: Any) -> bool:
    """Whether an object is what `annotation` says, and not only perhaps: what can be recommended."""
    if get_origin(annotation) in _UNIONS:
        return any(surely_fits(product, each) for each in get_args(annotation))
    kind = get_origin(annotation) or annotation
    if not isinstance(product, Made) or not isinstance(kind, type) or kind in (Any, object, _CALLABLE):
        return False
    return _is_instance(product, product.kind, kind) or (is_protocol(kind) and not [*unmet(product.kind, kind)])


def wants_a_callable(annotation: Any) -> bool:
    """Whether something to call is asked for, such as `Callable[[], Clock]`."""
    if get_origin(annotation) in _UNIONS:
        return any(map(wants_a_callable, get_args(annotation)))
    return (get_origin(annotation) or annotation) is _CALLABLE


def named(annotation: Any) -> str:
    """Return an annotation as somebody would write it."""
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    if isinstance(annotation, list):
        return f"[{', '.join(map(named, cast('Iterable[Any]', annotation)))}]"
    arguments: tuple[Any, ...] = get_args(annotation)
    if get_origin(annotation) in _UNIONS:
        return " | ".join(map(named, arguments))
    if get_origin(annotation) is Annotated:
        return named(arguments[0])
    origin = get_origin(annotation) or annotation
    name = getattr(origin, "__qualname__", None) or str(origin).replace("typing.", "")
    values = map(repr if origin is Literal else named, arguments)
    return f"{name}[{', '.join(values)}]" if arguments else name


def _fits_kind(product: Made | Value | Handed, kind: type) -> bool:
    if isinstance(product, Handed):
        # It is an object of dependency-injector's, which can be called and has no other use.
        return is_protocol(kind) or not _is_plain(kind) or kind.__module__.startswith("dependency_injector")
    if typing.is_typeddict(kind):
        kind = dict
    made: type[Any] = product.kind if isinstance(product, Made) else type(product.value)
    if answers_anything(made) or not _is_plain(kind):
        return True
    if is_protocol(kind):
        return _is_instance(product, made, kind) or not (made is type(None) or [*unmet(made, kind)])
    return _is_instance(product, made, kind)


def _is_instance(product: Made | Value, made: type, kind: type) -> bool:
    try:
        if issubclass(made, (kind, *_WIDER.get(kind, ()))):
            return True
        if isinstance(product, Value):
            return isinstance(product.value, kind)
        return not product.is_exact and issubclass(kind, made)
    except TypeError:
        # Protocols that are not for run time, and generic classes of others.
        return not is_protocol(kind)


def _is_plain(kind: type) -> bool:
    """Whether it is told from its bases alone what is an instance of the class."""
    asked = next(each for each in cast("Any", type(kind)).__mro__ if "__instancecheck__" in each.__dict__)
    return asked in (type, ABCMeta) or is_protocol(kind) or hasattr(kind, "model_fields")


def _fits_literal(product: Made | Value | Handed, values: tuple[Any, ...]) -> bool:
    if isinstance(product, Value):
        return any(product.value == each and type(product.value) is type(each) for each in values)
    kinds: list[type[Any]] = [type(each) for each in values]
    return isinstance(product, Made) and any(fits(Made(kind), product.kind) for kind in kinds)


def _fits_class(product: Made | Value | Handed, wanted: Any) -> bool:
    if isinstance(product, Made):
        return cast("Any", type) in product.kind.__mro__ or answers_anything(cast("type[Any]", product.kind))
    if isinstance(product, Handed):
        return True
    if not inspect.isclass(product.value):
        return get_origin(product.value) is not None or answers_anything(type(product.value))
    return not isinstance(wanted, type) or not _is_plain(wanted) or _derives(product.value, wanted)


def _derives(kind: type, wanted: type) -> bool:
    return is_protocol(wanted) or issubclass(kind, wanted)


def _fits_callable(product: Made | Value | Handed, signature: tuple[Any, ...]) -> bool:
    returned = signature[-1] if signature else Any
    if isinstance(product, Handed):
        return fits(product.makes, returned) or _is_awaitable(returned)
    if isinstance(product, Value):
        made_class = isinstance(product.value, type) and not _is_awaitable(returned)
        return fits(Made(cast("type", product.value)), returned) if made_class else callable(product.value)
    return answers_anything(product.kind) or any("__call__" in each.__dict__ for each in product.kind.__mro__)


def _is_awaitable(annotation: Any) -> bool:
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, collections.abc.Awaitable)

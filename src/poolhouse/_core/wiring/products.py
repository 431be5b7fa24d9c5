"""What is known of what a provider makes."""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from poolhouse._core.wiring.callee import Callee


@dataclass(frozen=True, slots=True)
class Made:
    """An instance of a class; where it is not exact, of that class or one derived from it."""

    kind: type
    is_exact: bool = True

    def __str__(self) -> str:
        name = self.kind.__qualname__
        return f"{'an' if name[:1] in 'AEIOU' else 'a'} {name}"


@dataclass(frozen=True, slots=True)
class Value:
    """An object that is there already; it may be a secret, and is never shown."""

    value: object = dataclasses.field(repr=False)

    def __str__(self) -> str:
        if self.value is None:
            return "None"
        if isinstance(self.value, type):
            return f"the class {self.value.__qualname__}"
        return f"a value of class {type(self.value).__qualname__}"


@dataclass(frozen=True, slots=True)
class Handed:
    """A provider that is handed over as it is, and what it makes when it is called."""

    makes: Made | Value | None

    def __str__(self) -> str:
        return "a provider"


Product: TypeAlias = Made | Value | Handed | None
UNKNOWN: Product = None

_YIELDING = (
    collections.abc.Iterator,
    collections.abc.Iterable,
    collections.abc.Generator,
    collections.abc.AsyncIterator,
    collections.abc.AsyncIterable,
    collections.abc.AsyncGenerator,
)


def returned_by(callee: Callee, *, is_entered: bool = False) -> Product:
    """Return what a call gives, as far as it is known; `is_entered` for resources, of which the yielded object counts.

    A class gives its instances, unless something in it may give another object.
    """
    target = callee.target
    if isinstance(target, type):
        return _instance_of(cast("type[Any]", target), is_entered=is_entered)
    annotation = callee.evaluated(callee.returns)
    if is_entered and get_origin(annotation) in _YIELDING:
        annotation = get_args(annotation)[0]
    return product_of(annotation, is_entered=is_entered)


def product_of(annotation: Any, *, is_entered: bool = False) -> Product:
    """Return what an annotation promises; unknown for what can be one thing or another."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if annotation is None or annotation is NoneType:
        return Value(None)
    kind: Any = get_origin(annotation) or annotation
    is_vague = not isinstance(kind, type) or kind in (object, Any, UnionType) or getattr(kind, "_is_protocol", False)
    if is_vague or inspect.isabstract(kind) or issubclass(kind, collections.abc.Awaitable):
        return UNKNOWN
    promised = cast("type[Any]", kind)
    return UNKNOWN if is_entered and _is_entered(promised) else Made(promised, is_exact=False)


def attribute_of(product: Product, name: str) -> Product:
    """Return what an attribute of a product is, without running code of its class."""
    if isinstance(product, Value):
        held = getattr(product.value, "__dict__", {})
        if name in held:
            return Value(held[name])
        product = Made(type(product.value))
    if not isinstance(product, Made):
        return UNKNOWN
    found = inspect.getattr_static(product.kind, name, None)
    if isinstance(found, property) and found.fget is not None:
        return product_of(_hints(found.fget).get("return", Any))
    annotation = _hints(product.kind).get(name, Any)
    return product_of(annotation)


def lacks(product: Product, name: str) -> tuple[str, ...] | None:
    """Return the attributes that a product has, or its fields, if it surely has none of that name; else None.

    Only of classes whose instances have their attributes written down: dataclasses, pydantic's models, named tuples.
    """
    if isinstance(product, Handed) or product is None:
        return None
    kind = type(product.value) if isinstance(product, Value) else product.kind
    fields = _fields(kind)
    if isinstance(product, Made) and (fields is None or not product.is_exact):
        return None
    own = {*dir(product.value)} if isinstance(product, Value) else {*dir(kind)}
    known = own.union(fields or ())
    if name in known or (fields is None and answers_anything(kind)):
        return None
    return tuple(sorted(fields or (each for each in known if not each.startswith("_"))))


def _fields(kind: type) -> set[str] | None:
    models: Any = getattr(kind, "model_fields", None)
    if isinstance(models, dict):
        is_open = cast("Any", kind).model_config.get("extra") == "allow" or answers_anything(kind)
        return None if is_open else {*cast("dict[str, Any]", models)}
    if answers_anything(kind):
        return None
    if dataclasses.is_dataclass(kind):
        # Only where nothing else can be assigned: methods of others set what they like.
        is_closed = cast("Any", kind).__dataclass_params__.frozen
        return {field.name for field in dataclasses.fields(kind)} if is_closed else None
    fields: Any = getattr(cast("Any", kind), "_fields", None) if issubclass(kind, tuple) else None
    return None if fields is None else {*fields}


def answers_anything(kind: type) -> bool:
    """Whether instances may have attributes of any name, or pass themselves off as others, as mocks and proxies do."""
    for each in kind.__mro__:
        # pydantic's models have a __getattr__ for private attributes, and for those that are extra.
        if not each.__module__.startswith("pydantic"):
            written = each.__dict__.get("__getattribute__")
            if "__getattr__" in each.__dict__ or inspect.isfunction(written):
                return True
    return False


def _instance_of(kind: type[Any], *, is_entered: bool) -> Product:
    metaclass: Any = type(kind)
    metaclass_calls = next(each for each in metaclass.__mro__ if "__call__" in each.__dict__)
    makes_others = "__new__" in {name for each in kind.__mro__[:-1] if _is_written(each) for name in each.__dict__}
    if metaclass_calls is not type or makes_others or (is_entered and _is_entered(kind)):
        return UNKNOWN
    return Made(kind)


def _is_written(kind: type) -> bool:
    """Whether its `__new__`, if any, is Python's, which may return anything."""
    return inspect.isfunction(getattr(kind.__dict__.get("__new__"), "__func__", None))


def _is_entered(kind: type) -> bool:
    return any(hasattr(kind, name) for name in ("__enter__", "__aenter__"))


def _hints(holder: Any) -> dict[str, Any]:
    try:
        return get_type_hints(holder, include_extras=True)
    except Exception:  # noqa: BLE001 - what cannot be evaluated says nothing
        return {}

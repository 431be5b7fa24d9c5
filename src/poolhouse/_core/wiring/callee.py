"""What providers call: its parameters, and their annotations as far as they can be evaluated."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Mapping

Parameter = inspect.Parameter

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Callee:
    """Something that is called, with its parameters; None where they are not known, as of builtins in C.

    `optional` are parameters that need no argument though they have no default, as settings that come from the
    environment. `aliases` are names that may be passed besides those of parameters. `converts` says that arguments
    become what the annotations say, as in pydantic's models.
    """

    target: Any
    name: str
    parameters: tuple[Parameter, ...] | None
    returns: Any = Parameter.empty
    namespace: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    has_all_optional: bool = False
    ignores_unknown: bool = False
    aliases: frozenset[str] = frozenset()
    converts: bool = False

    @property
    def positional(self) -> tuple[Parameter, ...]:
        """The parameters that can be passed by their position."""
        return tuple(each for each in self.parameters or () if each.kind in _POSITIONAL)

    def takes(self, kind: Any) -> bool:
        """Whether it has a parameter of that kind, such as VAR_KEYWORD."""
        return any(each.kind is kind for each in self.parameters or ())

    def parameter(self, at: int | str) -> Parameter | None:
        """Return the parameter that gets the argument of a position or a name; None where there is none."""
        if isinstance(at, int):
            within = self.positional
            return within[at] if at < len(within) else self._collecting(Parameter.VAR_POSITIONAL)
        named = (each for each in self.parameters or () if each.name == at and _is_named(each))
        return next(named, None) or self._collecting(Parameter.VAR_KEYWORD)

    def annotation(self, parameter: Parameter) -> Any:
        """Return the evaluated annotation; Any where there is none, or it cannot be evaluated."""
        return self.evaluated(parameter.annotation)

    def evaluated(self, annotation: Any) -> Any:
        """Return an annotation of this callee's, as an object; Any where it cannot be evaluated."""
        if annotation is Parameter.empty:
            return Any
        if annotation is None or isinstance(annotation, type):
            return annotation
        holder = SimpleNamespace(__annotations__={"it": annotation})
        try:
            return get_type_hints(holder, {**_globals(self.target)}, {**self.namespace}, include_extras=True)["it"]
        except Exception:  # noqa: BLE001 - an annotation may be any expression, and this one is for others to judge
            return Any

    def _collecting(self, kind: Any) -> Parameter | None:
        return next((each for each in self.parameters or () if each.kind is kind), None)


def read_callee(target: Any, *, is_bound: bool = True, namespace: Mapping[str, Any] | None = None) -> Callee:
    """Return what can be known of something callable without calling it.

    Without `is_bound`, its first parameter is left out, which is `self`. `namespace` has names for annotations that
    the callee's own module imports for type checkers only.
    """
    name = _name(target)
    try:
        signature = inspect.signature(target)
    except Exception:  # noqa: BLE001 - builtins have none, and whatever else has a broken one is not judged
        return Callee(target, name, None)
    parameters = tuple(signature.parameters.values())
    callee = Callee(target, name, parameters if is_bound else parameters[1:], signature.return_annotation)
    fields = getattr(target, "model_fields", None)
    if isinstance(target, type) and isinstance(fields, dict):
        return _of_model(callee, cast("Any", target), cast("dict[str, Any]", fields))
    converts = hasattr(target, "__pydantic_validator__")
    return Callee(target, name, callee.parameters, callee.returns, namespace=namespace or {}, converts=converts)


def _of_model(callee: Callee, model: Any, fields: Mapping[str, Any]) -> Callee:
    """Pydantic's models take what their configuration says, which their signature does not tell wholly."""
    aliases = {name for each in fields.values() for name in (each.alias, each.validation_alias) if name is not None}
    has_other = not all(isinstance(name, str) for name in aliases)
    return Callee(
        callee.target,
        callee.name,
        callee.parameters,
        has_all_optional=hasattr(model, "settings_customise_sources") or bool(aliases),
        ignores_unknown=has_other or model.model_config.get("extra", "ignore") != "forbid",
        aliases=frozenset({*fields, *(name for name in aliases if isinstance(name, str))}),
        converts=True,
    )


def _is_named(parameter: Parameter) -> bool:
    return parameter.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def _name(target: Any) -> str:
    while isinstance(target, functools.partial):
        target = cast("Any", target).func
    return getattr(target, "__qualname__", None) or type(target).__qualname__


def _globals(target: Any) -> Mapping[str, Any]:
    """Return the names that the callee's annotations can use."""
    while isinstance(target, functools.partial):
        target = cast("Any", target).func
    if isinstance(target, type):
        # Of the two, the one that the signature is taken from; object's are in C and have no globals.
        written = (getattr(target, name) for name in ("__init__", "__new__"))
        target = next((each for each in written if hasattr(each, "__globals__")), None)
    elif not inspect.isroutine(target):
        target = getattr(cast("Any", type(target)), "__call__", target)  # noqa: B004 - its code is wanted
    return {} if target is None else getattr(inspect.unwrap(target), "__globals__", {})

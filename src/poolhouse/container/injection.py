"""What a function asks the container for, by the annotations of its parameters."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import NoneType, SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar, cast, get_args, get_origin, get_type_hints

from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_NOT_EVALUATED = (NameError, AttributeError, SyntaxError, TypeError)


@dataclass(frozen=True, slots=True)
class Inject:
    """Marks a parameter that the container fills: `Annotated[Users, Inject()]`.

    Without a name it stands for the one provider in the container that provides the annotated type; with
    one, for the provider of that dotted name: `Annotated[Users, Inject("users.service")]`. The provider is
    found when a function, or a router with functions in it, is bound to a container, and called at each call of the
    function, so overrides reach the next one.
    """

    name: str | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        # FastAPI asks pydantic for a schema only where no Router took the marker away; without this it would
        # read a dataclass from the request's body, or complain about a field that nobody wrote.
        raise WiringError(
            f"{_name(source)} is to be injected where nothing fills it",
            remedy="Inject into endpoints of a poolhouse Router, and hand the object on from there",
        )


Injected: TypeAlias = Annotated[T, Inject()]
"""`Injected[Users]` is short for `Annotated[Users, Inject()]`: the one object of that type in the container."""


@dataclass(frozen=True, slots=True)
class Injection:
    """One parameter that the container fills: with what, and where that is written."""

    parameter: str
    target: type | str
    place: str


def place_of(function: Callable[..., Any], parameter: str | None = None) -> str:
    """Return `file:line function(parameter)`, as far as they are known."""
    unwrapped = inspect.unwrap(function)
    code = getattr(unwrapped, "__code__", None)
    name = getattr(unwrapped, "__qualname__", repr(unwrapped))
    where = f"{code.co_filename}:{code.co_firstlineno} {name}" if code else name
    return f"{where}({parameter})" if parameter else where


def read_parameters(function: Callable[..., Any], faults: list[WiringError]) -> list[inspect.Parameter]:
    """Return the parameters of a function, with annotations that are objects; what cannot be evaluated is a fault."""
    evaluated: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        try:
            evaluated.append(parameter.replace(annotation=_evaluate(function, parameter.annotation)))
        except _NOT_EVALUATED as error:
            fact = f"the annotation {parameter.annotation!r} cannot be evaluated: {error}"
            remedy = "Import what it names at run time, outside of `if TYPE_CHECKING`, at the top of the module"
            faults.append(WiringError(fact, place=place_of(function, parameter.name), remedy=remedy))
    return evaluated


def _evaluate(function: Callable[..., Any], annotation: Any) -> Any:
    if annotation is inspect.Parameter.empty:
        return annotation
    names = getattr(inspect.unwrap(function), "__globals__", {})
    # One at a time: get_type_hints of a whole function fails as a whole, without saying at which parameter.
    hints = get_type_hints(SimpleNamespace(__annotations__={"it": annotation}), names, include_extras=True)
    return None if hints["it"] is NoneType else hints["it"]


def read_return_annotation(function: Callable[..., Any]) -> Any:
    """Return what a function says it returns, evaluated if that can be done."""
    annotation = inspect.signature(function).return_annotation
    try:
        return _evaluate(function, annotation) if isinstance(annotation, str) else annotation
    except _NOT_EVALUATED:
        return annotation  # FastAPI needs it only where no response_model is given, and complains then


def read_injection(
    function: Callable[..., Any], parameter: inspect.Parameter, faults: list[WiringError]
) -> Injection | None:
    """Return what the container is to fill this parameter with, None when that is the caller's to fill."""
    place = place_of(function, parameter.name)
    target, *metadata = get_args(parameter.annotation) if get_origin(parameter.annotation) is Annotated else (None,)
    markers = [marker for marker in metadata if isinstance(marker, Inject)]
    mistake = _mistake(function, parameter, markers)
    if mistake:
        fact, remedy = mistake
        faults.append(WiringError(fact, place=place, remedy=remedy))
        return None
    return Injection(parameter.name, markers[0].name or cast("type", target), place) if markers else None


def _mistake(
    function: Callable[..., Any], parameter: inspect.Parameter, markers: list[Inject]
) -> tuple[str, str] | None:
    """Find what is wrong with how a parameter asks for an injection: the fact and the remedy."""
    mistakes = (
        (not markers, "Inject is not where it takes effect", "Write Annotated[Type, Inject()], the marker outermost"),
        (len(markers) > 1, "Inject stands there twice", "Keep one"),
        (
            not inspect.isroutine(function),
            "what is to be filled is not a function",
            "Inject into a function or a method",
        ),
        (
            parameter.default is not parameter.empty,
            "an injected parameter has a default",
            "Leave it out, and put the parameter first or after `*`",
        ),
        (
            parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY),
            "an injected parameter cannot be passed by its name",
            "Make it an ordinary parameter",
        ),
    )
    if not _mentions_inject(parameter.annotation):
        return None
    return next(((fact, remedy) for is_made, fact, remedy in mistakes if is_made), None)


def _mentions_inject(annotation: Any) -> bool:
    if annotation is Inject or isinstance(annotation, Inject):
        return True
    return any(_mentions_inject(argument) for argument in get_args(annotation))


def _name(source: Any) -> str:
    return getattr(source, "__qualname__", repr(source))

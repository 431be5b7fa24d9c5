"""What a function asks the container for, by the annotations of its parameters."""

from __future__ import annotations

import functools
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
            remedy="Inject into endpoints of a Router and their dependencies, or bind it with container.inject()",
        )


Injected: TypeAlias = Annotated[T, Inject()]
"""`Injected[Users]` is short for `Annotated[Users, Inject()]`: the one object of that type in the container."""


@dataclass(frozen=True, slots=True)
class Injection:
    """One parameter that the container fills: with what, by which marker, and where that is written.

    `asked_for` is its annotation, also where the target is the name of a provider.
    """

    parameter: str
    target: type | str
    place: str
    marker: Inject = Inject()
    asked_for: Any = Any


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a function, with annotations that are objects, and which of them the container fills."""

    parameters: tuple[inspect.Parameter, ...]
    injections: tuple[Injection, ...]
    returns: Any


def undecorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function as it was before `inject` decorated it."""
    written: Callable[..., Any] = getattr(function, "__injected__", function)
    bound_to = getattr(function, "__self__", None)
    # A method of an object is bound to it, what it was decorated from is not.
    return written if written is function or bound_to is None else written.__get__(bound_to)


def place_of(function: Callable[..., Any], parameter: str | None = None) -> str:
    """Return `file:line function(parameter)`, as far as they are known."""
    unwrapped = inspect.unwrap(function)
    code = getattr(_code(unwrapped), "__code__", None)
    name = getattr(unwrapped, "__qualname__", type(unwrapped).__qualname__)
    where = f"{code.co_filename}:{code.co_firstlineno} {name}" if code else name
    return f"{where}({parameter})" if parameter else where


def read_signature(function: Callable[..., Any], faults: list[WiringError], *, whole: bool = True) -> Signature:
    """Return the signature of a function, a class, or an object with `__call__`; what is wrong in it is a fault.

    An annotation that cannot be evaluated is one as well; unless `whole`, only where it speaks of Inject.
    """
    try:
        signature = _signature(function)
    except ValueError:  # builtins without one, into which nothing can be injected
        return Signature((), (), inspect.Signature.empty)
    parameters = [_evaluated(function, each, faults, whole=whole) for each in signature.parameters.values()]
    injections = [_read_injection(function, each, faults) for each in parameters]
    returns = _evaluated_return(function, signature.return_annotation)
    return Signature(tuple(parameters), tuple(each for each in injections if each is not None), returns)


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    code = _code(function)
    if code is function or not hasattr(code, "__injected__"):
        return inspect.signature(function)
    # A class or an object with a method that `inject` decorated: what it fills, and not what it leaves.
    written = inspect.signature(code.__injected__)
    return written.replace(parameters=[*written.parameters.values()][1:])


def _evaluated(
    function: Callable[..., Any], parameter: inspect.Parameter, faults: list[WiringError], *, whole: bool
) -> inspect.Parameter:
    try:
        return parameter.replace(annotation=_evaluate(function, parameter.annotation))
    except _NOT_EVALUATED as error:
        if whole or "Inject" in str(parameter.annotation):
            fact = f"the annotation {parameter.annotation!r} cannot be evaluated: {error}"
            remedy = "Import what it names at run time, outside of `if TYPE_CHECKING`, at the top of the module"
            faults.append(WiringError(fact, place=place_of(function, parameter.name), remedy=remedy))
        return parameter


def _evaluate(function: Callable[..., Any], annotation: Any) -> Any:
    if annotation is inspect.Parameter.empty:
        return annotation
    names = getattr(_code(inspect.unwrap(function)), "__globals__", {})
    # One at a time: get_type_hints of a whole function fails as a whole, without saying at which parameter.
    hints = get_type_hints(SimpleNamespace(__annotations__={"it": annotation}), names, include_extras=True)
    return None if hints["it"] is NoneType else hints["it"]


def _evaluated_return(function: Callable[..., Any], annotation: Any) -> Any:
    try:
        return _evaluate(function, annotation) if isinstance(annotation, str) else annotation
    except _NOT_EVALUATED:
        return annotation  # FastAPI needs it only where no response_model is given, and complains then


def _code(called: Any) -> Any:
    """Return what has the code that runs, and its global names, when an object is called."""
    if isinstance(called, type):
        return called.__init__  # type: ignore[misc]  # of this very class, and nothing is called
    if inspect.isroutine(called):
        return called
    if isinstance(called, functools.partial):
        return _code(called.func)
    return getattr(cast("Any", type(called)), "__call__", None)  # noqa: B004 - its code is wanted


def _read_injection(
    function: Callable[..., Any], parameter: inspect.Parameter, faults: list[WiringError]
) -> Injection | None:
    place = place_of(function, parameter.name)
    target, *metadata = get_args(parameter.annotation) if get_origin(parameter.annotation) is Annotated else (None,)
    markers = [marker for marker in metadata if isinstance(marker, Inject)]
    mistake = _mistake(parameter, markers)
    if mistake:
        fact, remedy = mistake
        faults.append(WiringError(fact, place=place, remedy=remedy))
        return None
    if not markers:
        return None
    return Injection(parameter.name, markers[0].name or cast("type", target), place, markers[0], target)


def _mistake(parameter: inspect.Parameter, markers: list[Inject]) -> tuple[str, str] | None:
    """Find what is wrong with how a parameter asks for an injection: the fact and the remedy."""
    mistakes = (
        (not markers, "Inject is not where it takes effect", "Write Annotated[Type, Inject()], the marker outermost"),
        (len(markers) > 1, "Inject stands there twice", "Keep one"),
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

"""Stubs of ports: objects that fit a Protocol, answer what a test says, and record how they were called."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast, get_origin, overload

from poolhouse._core.suggestion import nearest
from poolhouse._core.wiring.ports import Method, attributes, methods, misfits
from poolhouse._core.wiring.protocols import is_protocol
from poolhouse.errors import PortError, UnansweredCallError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

PortT = TypeVar("PortT")
T = TypeVar("T")
P = ParamSpec("P")


class Answer(Generic[P, T]):
    """What one method of a stub answers from now on, each time it is called."""

    def __init__(self, method: Method, port: str, answers: dict[str, Callable[..., Any]]) -> None:
        self._method = method
        self._port = port
        self._answers = answers

    def returns(self, value: T) -> None:
        """Answer with a value; an awaitable method is to be awaited for it.

        Raises PortError where that is not of the type that the port says.
        """
        self._check(value)
        self._answers[self._method.name] = lambda *_, **__: value

    def raises(self, error: BaseException) -> None:
        """Answer by raising `error`."""

        def fail(*_: object, **__: object) -> Any:
            raise error

        self._answers[self._method.name] = fail

    def by(self, function: Callable[P, T | Awaitable[T]]) -> None:
        """Answer with what `function` returns, which is called with the arguments and may be a coroutine function.

        Raises PortError at a call where that is not of the type that the port says.
        """
        self._answers[self._method.name] = function

    def _check(self, value: object) -> None:
        if not self._method.takes(value):
            wrong = (f"its {self._method.name}() returns {self._method.returned}, and not {type(value).__qualname__}",)
            raise PortError("the answer of a test", self._port, wrong)


class Stub(Generic[PortT]):
    """A stand-in for a port, made from its Protocol.

    Such as::

        accounts = Stub(Accounts)
        accounts.answer(Accounts.exists).returns(True)
        orders = Orders(db, accounts.port)
        ...
        assert accounts.calls(Accounts.exists) == ({"user_id": 7},)

    A call that nobody answered raises UnansweredCallError, but for methods that return nothing. What the port asks for
    beside methods, attributes as well as static methods and those of the class, is given as keywords. Raises PortError
    for what is no Protocol, and for a keyword that the port has not.
    """

    def __init__(self, port: Callable[..., PortT], /, **given: Any) -> None:
        # `Repository[User]` is made of what is written for all of them.
        kind = cast("type[PortT]", get_origin(port) or port)
        self._name = getattr(kind, "__qualname__", repr(kind))
        if not is_protocol(kind):
            raise PortError("a stub", self._name, ("that is no Protocol, from which one could be made",))
        self._kind = kind
        self._methods = methods(kind)
        self._answers: dict[str, Callable[..., Any]] = {}
        self._calls: dict[str, list[Mapping[str, Any]]] = {name: [] for name in self._methods}
        self._port = _instance(kind, self._methods, self._call, self._checked(given, attributes(kind)))

    def __repr__(self) -> str:
        return f"<Stub of {self._name}>"

    @property
    def kind(self) -> type[PortT]:
        """The Protocol that it was made from."""
        return self._kind

    @property
    def port(self) -> PortT:
        """The object to be passed where the port is asked for."""
        return self._port

    @overload
    def answer(self, method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> Answer[P, T]: ...

    @overload
    def answer(self, method: Callable[Concatenate[Any, P], T]) -> Answer[P, T]: ...

    def answer(self, method: Callable[..., Any]) -> Answer[..., Any]:
        """Say what a method answers, such as `stub.answer(Accounts.exists).returns(True)`."""
        return Answer(self._named(method), self._name, self._answers)

    def calls(self, method: Callable[..., Any]) -> tuple[Mapping[str, Any], ...]:
        """Return the calls of a method so far, each by the names of its parameters, with defaults left out."""
        return tuple(self._calls[self._named(method).name])

    def _named(self, method: Callable[..., Any]) -> Method:
        name = getattr(method, "__name__", "")
        if name in self._methods:
            return self._methods[name]
        close = nearest(name, self._methods)
        remedy = f"Did you mean {self._name}.{close}?" if close else f"It has {', '.join(self._methods)}"
        raise UsageError(f"the port {self._name} has no method {name!r}", remedy=remedy)

    def _checked(self, given: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
        unknown = tuple(f"it has no attribute {name}" for name in given if name not in known)
        if unknown:
            raise PortError("what is given to a stub", self._name, unknown)
        return given

    def _call(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        method = self._methods[name]
        try:
            bound = method.signature.bind(None, *args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{self._name}.{method.drawn}: {error}") from None
        self._calls[name].append(dict([*bound.items()][1:]))
        answer = self._answers.get(name)
        if answer is not None:
            return answer(*args, **kwargs)
        if method.returns not in (None, type(None)):
            remedy = f"Say stub.answer({self._name}.{name}).returns(...), or raises(...), or by(a function)"
            raise UnansweredCallError(f"{self._name}.{method.drawn}", remedy=remedy)
        return None


class _UnansweredAttributeError(UnansweredCallError, AttributeError):
    """The same for an attribute; isinstance() asks for those, and takes no other error for an answer."""


def _instance(
    port: type[PortT],
    known: Mapping[str, Method],
    call: Callable[[str, tuple[Any, ...], Mapping[str, Any]], Any],
    given: Mapping[str, Any],
) -> PortT:
    """Return an object of a class that has everything that the port asks for."""
    members: dict[str, Any] = {name: _stubbed(method, port.__qualname__, call) for name, method in known.items()}
    missing = {name: _missing(port.__qualname__, name) for name in attributes(port) - given.keys()}
    # Not those themselves: functions in a class are methods of its instances.
    replaced = dict.fromkeys(given)
    kind = type(f"StubOf{port.__name__}", (port,), {**members, **missing, **replaced, "__init__": object.__init__})
    made = kind()
    vars(made).update(given)
    return cast("PortT", made)


def _stubbed(method: Method, port: str, call: Callable[[str, tuple[Any, ...], Mapping[str, Any]], Any]) -> Any:
    def checked(value: Any) -> Any:
        if not method.takes(value):
            wrong = (f"its {method.name}() returns {method.returned}, and not {type(value).__qualname__}",)
            raise PortError("the answer of a test", port, wrong)
        return value

    async def awaited(_: object, /, *args: Any, **kwargs: Any) -> Any:
        value = call(method.name, args, kwargs)
        return checked(await value if inspect.isawaitable(value) else value)

    def at_once(_: object, /, *args: Any, **kwargs: Any) -> Any:
        return checked(call(method.name, args, kwargs))

    function: Any = awaited if method.is_awaited else at_once
    function.__name__ = method.name
    # What inspect looks for first, for whoever asks what can be passed.
    function.__signature__ = method.signature
    return function


def _missing(port: str, name: str) -> property:
    def fail(_: object) -> Any:
        remedy = f"Give the stub a value for it: Stub({port}, {name}=...)"
        raise _UnansweredAttributeError(f"{port}.{name}", remedy=remedy)

    return property(fail)


def check_stand_in(stand_in: object, port: type, described: str) -> None:
    """Raise PortError where `stand_in`, an object or a class, does not fit a port, with everything that does not."""
    wrong = misfits(stand_in, port)
    if wrong:
        raise PortError(described, port.__qualname__, wrong)

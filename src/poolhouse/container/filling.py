"""Functions, some of whose parameters are filled at each call."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence

    Provide: TypeAlias = Callable[[], Any]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def fill(
    function: Callable[..., Any],
    parameters: Sequence[inspect.Parameter],
    provided: Mapping[str, Provide],
    *,
    returns: Any = inspect.Signature.empty,
) -> Callable[..., Any]:
    """Return a function that calls `function` with everything in `provided`, each got anew, and what it is given.

    `parameters` are all that `function` has; the result has those of them that are not provided. It is of the same
    kind as `function`: a coroutine function, an (asynchronous) generator function, or a plain function. A parameter
    that is provided may be passed by its name all the same, and is not provided then.
    """
    arrange = _Arrangement(parameters, provided)
    make = next((make for is_kind, make in _KINDS if any(map(is_kind, _codes(function)))), _plain_function)
    remaining = [parameter for parameter in parameters if parameter.name not in provided]
    # What a class has in its namespace is nothing that a function should have.
    updated = () if isinstance(function, type) else functools.WRAPPER_UPDATES
    filled: Any = functools.wraps(function, updated=updated)(make(function, arrange))
    filled.__signature__ = inspect.Signature(remaining, return_annotation=returns)
    annotated = (*((each.name, each.annotation) for each in remaining), ("return", returns))
    filled.__annotations__ = {name: each for name, each in annotated if each is not inspect.Signature.empty}
    return cast("Callable[..., Any]", filled)


class _Arrangement:
    """Adds what is provided to the arguments of a call."""

    __slots__ = ("_among_positional", "_by_name", "_others")

    def __init__(self, parameters: Iterable[inspect.Parameter], provided: Mapping[str, Provide]) -> None:
        self._by_name = tuple(provided.items())
        positional = [each for each in parameters if each.kind in (*_POSITIONAL, inspect.Parameter.VAR_POSITIONAL)]
        # Those that others follow cannot be passed by name where these are passed by position.
        last = max((index for index, each in enumerate(positional) if each.name not in provided), default=-1)
        among = {each.name: index for index, each in enumerate(positional[:last]) if each.name in provided}
        self._among_positional = tuple((index, name, provided[name]) for name, index in among.items())
        self._others = tuple((name, provide) for name, provide in provided.items() if name not in among)

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Sequence[Any]:
        """Return the positional arguments, and add those that are passed by name to `kwargs`."""
        if not args or not self._among_positional:
            for name, provide in self._by_name:
                if name not in kwargs:
                    kwargs[name] = provide()
            return args
        arranged = [*args]
        for index, name, provide in self._among_positional:
            value = kwargs.pop(name) if name in kwargs else provide()
            if index <= len(arranged):
                arranged.insert(index, value)
            else:
                kwargs[name] = value
        for name, provide in self._others:
            if name not in kwargs:
                kwargs[name] = provide()
        return arranged


def _codes(function: Callable[..., Any]) -> tuple[object, ...]:
    """Return what may say of which kind a function is: itself, what it wraps, and the method of an object."""
    found: tuple[Any, ...] = (function, inspect.unwrap(function))
    kinds = [cast("Any", type(each)) for each in found if not isinstance(each, type)]
    return (*found, *(kind.__call__ for kind in kinds))


def _coroutine_function(function: Callable[..., Any], arrange: _Arrangement) -> Callable[..., Any]:
    async def filled(*args: Any, **kwargs: Any) -> Any:
        return await function(*arrange(args, kwargs), **kwargs)

    return filled


def _asynchronous_generator_function(function: Callable[..., Any], arrange: _Arrangement) -> Callable[..., Any]:
    async def filled(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator: AsyncGenerator[Any, Any] = function(*arrange(args, kwargs), **kwargs)
        # What `yield from` does for generators: what is thrown into a dependency, for one, must reach it.
        try:
            item = await anext(generator)
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    await generator.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - it is the generator's own to judge
                    item = await generator.athrow(error)
                else:
                    item = await generator.asend(sent)
        except StopAsyncIteration:
            return

    return filled


def _generator_function(function: Callable[..., Any], arrange: _Arrangement) -> Callable[..., Any]:
    def filled(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator: Generator[Any, Any, Any] = function(*arrange(args, kwargs), **kwargs)
        return (yield from generator)

    return filled


def _plain_function(function: Callable[..., Any], arrange: _Arrangement) -> Callable[..., Any]:
    def filled(*args: Any, **kwargs: Any) -> Any:
        return function(*arrange(args, kwargs), **kwargs)

    return filled


_KINDS: tuple[tuple[Callable[[Any], bool], Callable[..., Any]], ...] = (
    (inspect.iscoroutinefunction, _coroutine_function),
    (inspect.isasyncgenfunction, _asynchronous_generator_function),
    (inspect.isgeneratorfunction, _generator_function),
)

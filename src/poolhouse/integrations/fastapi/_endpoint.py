"""An endpoint with what it asks for filled in from a container."""

from __future__ import annotations

import functools
import inspect
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias

from poolhouse.container import locate
from poolhouse.container.injection import read_injection, read_parameters, read_return_annotation
from poolhouse.errors import WiringError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from poolhouse.container import Container

_Injected: TypeAlias = "tuple[tuple[str, Callable[[], Any]], ...]"


def bind_endpoint(
    endpoint: Callable[..., Any],
    container: Container,
    faults: list[WiringError],
    asked: list[Callable[[], Any]],
) -> Callable[..., Any] | None:
    """Return the endpoint without its injected parameters, each filled from the container at every call.

    An endpoint that injects nothing is returned as it is. What fills the others is appended to `asked`; whatever
    cannot be satisfied is appended to `faults`, and None returned. The result is of the same kind as the endpoint: a
    coroutine function, an (asynchronous) generator function, or a plain function, which FastAPI runs in its thread
    pool.
    """
    found = len(faults)
    parameters = read_parameters(endpoint, faults)
    injections = [injection for parameter in parameters if (injection := read_injection(endpoint, parameter, faults))]
    if not injections:
        return endpoint if len(faults) == found else None
    providers: dict[str, Callable[[], Any]] = {}
    for injection in injections:
        try:
            providers[injection.parameter] = locate(container, injection.target, place=injection.place)
        except WiringError as error:
            faults.append(error)
    asked += providers.values()
    if len(faults) > found:
        return None
    return _filled(endpoint, [parameter for parameter in parameters if parameter.name not in providers], providers)


def _filled(
    endpoint: Callable[..., Any], remaining: list[inspect.Parameter], providers: dict[str, Callable[[], Any]]
) -> Callable[..., Any]:
    injected = tuple(providers.items())
    kinds: tuple[tuple[Callable[[Any], bool], Callable[..., Any]], ...] = (
        (inspect.iscoroutinefunction, _coroutine_function),
        (inspect.isasyncgenfunction, _async_generator_function),
        (inspect.isgeneratorfunction, _generator_function),
    )
    # FastAPI looks through functools.wraps as well when it decides how to call an endpoint.
    candidates = (endpoint, inspect.unwrap(endpoint))
    make = next((make for is_kind, make in kinds if any(map(is_kind, candidates))), _plain_function)
    bound: Callable[..., Any] = functools.wraps(endpoint)(make(endpoint, injected))
    signature = inspect.Signature(remaining, return_annotation=read_return_annotation(endpoint))
    bound.__signature__ = signature  # type: ignore[attr-defined]  # PEP 362: what inspect.signature() then reports
    return bound


def _coroutine_function(endpoint: Callable[..., Any], injected: _Injected) -> Callable[..., Any]:
    async def bound(**values: Any) -> Any:
        for name, provide in injected:
            values[name] = provide()
        return await endpoint(**values)

    return bound


def _async_generator_function(endpoint: Callable[..., Any], injected: _Injected) -> Callable[..., Any]:
    async def bound(**values: Any) -> AsyncIterator[Any]:
        for name, provide in injected:
            values[name] = provide()
        async with aclosing(endpoint(**values)) as items:
            async for item in items:
                yield item

    return bound


def _generator_function(endpoint: Callable[..., Any], injected: _Injected) -> Callable[..., Any]:
    def bound(**values: Any) -> Iterator[Any]:
        for name, provide in injected:
            values[name] = provide()
        yield from endpoint(**values)

    return bound


def _plain_function(endpoint: Callable[..., Any], injected: _Injected) -> Callable[..., Any]:
    def bound(**values: Any) -> Any:
        for name, provide in injected:
            values[name] = provide()
        return endpoint(**values)

    return bound

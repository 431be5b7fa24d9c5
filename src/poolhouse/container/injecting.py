"""Injection into functions: bound to a container, or finding the one that injects where they are called."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from poolhouse.container.filling import fill
from poolhouse.container.injection import place_of, read_signature, undecorated
from poolhouse.container.matching import match
from poolhouse.container.transacting import InTransaction
from poolhouse.container.units import Filling, in_scopes_of
from poolhouse.container.validating import Asked
from poolhouse.errors import Violations, WiringError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from poolhouse.container.declarative import Container
    from poolhouse.container.injection import Injection, Signature
    from poolhouse.container.validating import Asking

R = TypeVar("R")


class Resolving(Protocol):
    """A container, as far as injecting from it goes."""

    def resolver_of(self, injection: Injection) -> Callable[[], Any]:
        """Return what resolves the target of an injection; raises WiringError."""
        ...


injecting_container: ContextVar[Resolving | None] = ContextVar("injecting_container", default=None)
"""The container that injects into functions marked with `inject` where nothing nearer says which."""


def inject(function: Callable[..., R]) -> Callable[..., R]:
    """Decorate a function whose parameters marked with `Injected[Type]` a container fills when it is called.

    Which container that is, is decided at the call: the one of the nearest `with container.injecting():` around it.
    An application made by `create_application` injects into all that its requests call, background tasks included,
    and a container into its background tasks. Tasks and `asyncio.to_thread` see the container of who began them.
    What is passed by name is not injected, so in a test the function is called with a fake like any other.

    It is for functions that a framework collects when their module is imported. Where the container is at hand, bind
    to it with `container.inject(function)`; endpoints of a Router, and what these depend on, need neither. Functions
    of all kinds stay what they are; of a class, decorate `__init__`. `container.validate(function)` says before any
    call whether the container can fill it. Raises Violations for a marker that would have no effect; a call raises
    WiringError where no container injects, or where the one that does cannot fill a parameter.
    """
    signature = _read(function)
    _refuse_transactions(function, signature)
    provided = {each.parameter: _FromContext(each) for each in signature.injections}
    filled: Any = fill(function, signature.parameters, provided, returns=signature.returns)
    filled.__injected__ = function
    filled.asked_of = AskingFunction(function).asked_of
    return filled  # type: ignore[no-any-return]  # it returns what `function` does


def inject_from(container: Resolving, function: Callable[..., R]) -> Callable[..., R]:
    """Return `function` filled from this container; Violations says what of it the container cannot fill.

    One that needs something of a scope, such as a transaction, has one of its own at each call.
    """
    written: Callable[..., R] = undecorated(function)
    signature = _read(written)
    faults: list[WiringError] = []
    fillings: list[Filling] = []
    for injection in signature.injections:
        try:
            fillings.append(Filling(cast("Container", container), injection))
        except WiringError as error:
            faults.append(error)
    if faults:
        raise Violations(place_of(written), faults)
    provided = {filling.parameter: filling.provide for filling in fillings}
    filled = fill(written, signature.parameters, provided, returns=signature.returns)
    scoped = [filling for filling in fillings if filling.needs_a_scope]
    return in_scopes_of(cast("Container", container), filled, scoped, place=place_of(written)) if scoped else filled


def _refuse_transactions(function: Callable[..., Any], signature: Signature) -> None:
    faults = [
        WiringError(
            f"a transaction for {each.parameter} needs to know its container",
            place=each.place,
            remedy="Bind the function with container.inject(), which begins it, or begin it in a scope",
        )
        for each in signature.injections
        if isinstance(each.marker, InTransaction)
    ]
    if faults:
        raise Violations(place_of(function), faults)


@contextmanager
def injecting(container: Resolving) -> Generator[None]:
    """Let `container` inject into functions marked with `inject` that are called in the block."""
    token = injecting_container.set(container)
    try:
        yield
    finally:
        injecting_container.reset(token)


@dataclass(frozen=True, slots=True)
class AskingFunction:
    """A function that is to be filled, as what asks a container for things."""

    function: Callable[..., Any]

    def asked_of(self, container: Container) -> Asked:
        """Return what fills the function, and what keeps it from being filled."""
        faults: list[WiringError] = []
        found: list[Callable[[], Any]] = []
        for injection in read_signature(undecorated(self.function), faults, whole=False).injections:
            try:
                found.append(match(container, injection))
            except WiringError as error:
                faults.append(error)
        return Asked(tuple(found), tuple(faults))


def asking_of(given: Asking | Callable[..., Any]) -> Asking:
    """Return what asks a container for things: `given`, or the function that it is."""
    return cast("Asking", given) if hasattr(given, "asked_of") else AskingFunction(cast("Any", given))


class _FromContext:
    """Provides one parameter from whatever container injects at the moment."""

    __slots__ = ("_injection",)

    def __init__(self, injection: Injection) -> None:
        self._injection = injection

    def __call__(self) -> Any:
        container = injecting_container.get()
        if container is None:
            raise WiringError(
                f"{self._injection.parameter} is to be injected, and no container injects here",
                place=self._injection.place,
                remedy="Call it in `with container.injecting():`, bind it with container.inject(), or pass it by name",
            )
        return container.resolver_of(self._injection)()


def _read(function: Callable[..., Any]) -> Signature:
    faults: list[WiringError] = []
    signature = read_signature(function, faults, whole=False)
    if faults:
        raise Violations(place_of(function), faults)
    return signature

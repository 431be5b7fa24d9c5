"""Filling the parameters of functions from scopes, and running functions in scopes of their own."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar, cast

from poolhouse.container.matching import match
from poolhouse.container.scoped import Needs
from poolhouse.container.transacting import InTransaction, Manager
from poolhouse.errors import TransactionRollbackError, Violations, WiringError
from poolhouse.schema.attempts import pauses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from dependency_injector import containers

    from poolhouse.container.declarative import Container
    from poolhouse.container.injection import Injection
    from poolhouse.container.scope import Scope

T = TypeVar("T")
R = TypeVar("R")


class Filling:
    """How one parameter is filled from a container, in a scope or without one."""

    __slots__ = ("_manager", "_marker", "_needs", "parameter", "place", "provide", "provider")

    def __init__(self, container: Container, injection: Injection) -> None:
        """Raise WiringError where the container has not what is to be injected, or something else of that name."""
        within = cast("containers.Container", container)
        self.parameter = injection.parameter
        self.place = injection.place
        self.provider = match(within, injection)
        self.provide = container.resolver_of(injection)
        self._needs = Needs(self.provider)
        self._marker = injection.marker if isinstance(injection.marker, InTransaction) else None
        self._manager = Manager(within, self.provider, place=injection.place) if self._marker else None

    @property
    def needs_a_scope(self) -> bool:
        """Whether it can be filled in a scope only."""
        return self._manager is not None or bool(self._needs.scoped())

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction is begun for it."""
        return self._manager is not None

    @property
    def retries(self) -> int:
        """How many times the scope is to be begun anew, at most."""
        return 0 if self._marker is None else self._marker.retries

    async def fill(self, scope: Scope) -> Any:
        """Begin its transaction, open what it needs of the scope, and return the object."""
        if self._manager is not None and self._marker is not None:
            await scope.transact(self._manager(), self._marker)
        return await scope.fill(self._needs, self.provide)


def retries_of(fillings: Sequence[Filling]) -> int:
    """Return how many times a function with these parameters may be called again.

    Raises WiringError where one transaction is to be retried beside another, which may be committed by then.
    """
    transactions = [filling for filling in fillings if filling.is_in_transaction]
    retries = max((filling.retries for filling in transactions), default=0)
    if retries and len(transactions) > 1:
        raise WiringError(
            "a transaction cannot be run again beside another, which may have been committed",
            place=next(filling.place for filling in transactions if filling.retries),
            remedy="Leave retries out, or let the function have one transaction",
        )
    return retries


async def in_scope(
    container: Container,
    work: Callable[[Scope], Awaitable[T]],
    *,
    name: str | None = None,
    retries: int = 0,
    status_of: Callable[[object], int | None] = lambda _: None,
    given_up: Callable[[TransactionRollbackError], Awaitable[None]] | None = None,
) -> T:
    """Run `work` in a scope of its own, and again in others where its transaction was rolled back for another's sake.

    `status_of` is asked for the status that what was returned, or raised, is answered with; None where it is none.
    `given_up` is awaited after each time that is followed by another.
    """
    attempts = pauses(retries)
    while True:
        scope = container.scope(name)
        try:
            return await _once(scope, work, status_of)
        except TransactionRollbackError as error:
            pause = next(attempts, None)
            if pause is None or scope.has_committed:
                raise
            if given_up is not None:
                await given_up(error)
        await asyncio.sleep(pause)


async def _once(scope: Scope, work: Callable[[Scope], Awaitable[T]], status_of: Callable[[object], int | None]) -> T:
    await scope.__aenter__()
    try:
        result = await work(scope)
    except BaseException as error:
        await scope.leave(error, status=status_of(error))
        raise
    await scope.leave(None, status=status_of(result))
    return result


def in_scopes_of(
    container: Container, function: Callable[..., R], fillings: Sequence[Filling], *, place: str
) -> Callable[..., R]:
    """Return a coroutine function that runs `function` in a scope of its own, from which these parameters are filled.

    What is passed by name is not filled. Raises Violations for a function that is no coroutine function, and
    WiringError for retries of one transaction beside another.
    """
    if not inspect.iscoroutinefunction(function):
        fact = "only a coroutine function can have objects of a scope, and a transaction"
        raise Violations(place, [WiringError(fact, place=fillings[0].place, remedy="Write it with `async def`")])
    retries = retries_of(fillings)
    run: Callable[..., Awaitable[Any]] = function

    async def bound(*args: Any, **kwargs: Any) -> Any:
        async def work(scope: Scope) -> Any:
            values = {each.parameter: await each.fill(scope) for each in fillings if each.parameter not in kwargs}
            return await run(*args, **kwargs, **values)

        return await in_scope(container, work, name=function.__qualname__, retries=retries)

    return cast("Callable[..., R]", functools.wraps(function)(bound))

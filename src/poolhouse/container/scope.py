"""Scopes: what lives as long as one request or one unit of work, and is closed with it."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from dependency_injector import providers

from poolhouse.container.background import uninterrupted
from poolhouse.container.locating import provider_of
from poolhouse.container.opening import Opening
from poolhouse.container.resources import enter, original
from poolhouse.container.scoped import Needs, Scoped, innermost
from poolhouse.container.transacting import ERRORS, InTransaction, Manager
from poolhouse.errors import LifecycleError, UsageError
from poolhouse.schema import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Container as Statuses

    from dependency_injector import containers

    from poolhouse.container.kinds import Provider
    from poolhouse.container.lifecycle import Lifecycle
    from poolhouse.pool import SharedPool
    from poolhouse.schema import Isolation, SchemaManager

T = TypeVar("T")

_KNOWN = 1_024


@dataclass(slots=True, eq=False)
class _Opened:
    """Something that was opened in a scope, or began to be, and how to leave it.

    `rollback_on` is a transaction's, once that has begun.
    """

    name: str
    rollback_on: Statuses[int] | None = None
    leaving: AsyncExitStack = field(default_factory=AsyncExitStack)


class Known:
    """What the scopes of a container have found out about its providers, so that the next one need not."""

    def __init__(self, container: containers.Container) -> None:
        self.container = container
        # Not all that was ever asked for: `service.provided.name` is another provider each time that it is written.
        self.needs: Callable[[Provider], Needs] = lru_cache(_KNOWN)(Needs)
        """What a provider needs of a scope."""
        self.manager: Callable[[Provider], Manager] = lru_cache(_KNOWN)(partial(Manager, container, place="a scope"))
        """What finds the manager whose transaction is meant; raises WiringError where that is not clear."""


class AnsweredError(Exception):
    """Tells a transaction that it is rolled back for an answer that is no exception; nobody sees it."""


class Scope:
    """One request, one unit of work: an asynchronous context manager that opens what is scoped, and closes it.

    What is resolved in it gets the scope's own objects of every Scoped provider, opened when they are first needed.
    When the block ends they are closed in reverse, all of them, whatever happens. What its transactions are rolled back
    or committed for is what the block raised, or did not. A shutdown of the container waits for it.

    It holds for the task that enters it, and for those that this one begins meanwhile, except that a transaction
    belongs to the task that began it. Within another scope it opens objects of its own.
    """

    def __init__(self, known: Known, lifecycle: Lifecycle, name: str | None = None) -> None:
        self._known = known
        self._lifecycle = lifecycle
        self._opened: list[_Opened] = []
        self._transactions: set[tuple[SharedPool, str]] = set()
        self._openings: dict[Provider, Opening] = {}
        self._finishing = uninterrupted()
        self._is_entered = False
        self._is_closing = False
        self._task: asyncio.Task[Any] | None = None
        task = asyncio.current_task()
        self.name = name or (task.get_name() if task is not None else "a scope")
        self.begun = time.monotonic()
        self.objects: dict[Provider, Any] = {}
        self.outer: Scope | None = None
        self.is_left = False
        self.has_committed = False

    def __repr__(self) -> str:
        state = "left" if self.is_left else "open" if self._is_entered else "new"
        return f"<Scope {self.name!r} {state}>"

    async def __aenter__(self) -> Self:
        if self._is_entered:
            raise LifecycleError("a scope is entered once", remedy="Call scope() again")
        self._lifecycle.enter_scope(self)
        self._is_entered = True
        self._task = asyncio.current_task()
        self._finishing.__enter__()
        self.outer = innermost.get()
        innermost.set(self)
        return self

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        await self.leave(error)

    async def resolve(self, what: providers.Provider[T] | Callable[..., T]) -> T:
        """Return what a provider of the container gives, or the one provider that makes objects of a class.

        Opens what it needs of the scope before that. Raises WiringError where no provider, or more than one, makes it.
        """
        provider: Provider = provider_of(self._known.container, what)
        return cast("T", await self.fill(self._known.needs(provider), provider))

    async def begin(
        self,
        what: providers.Provider[T] | Callable[..., T],
        *,
        isolation: Isolation | None = None,
        readonly: bool = False,
        deferrable: bool = False,
    ) -> T:
        """Begin a transaction of a service, and return its object as `resolve` does.

        All that this task asks the object's SchemaManager for is part of it, until the scope ends: then it is
        committed, or rolled back where the block raised. One that is begun already is joined. Raises WiringError where
        it cannot be told which schema manager is meant, and UsageError in another task than the scope's, whose own
        statements would not be part of it.
        """
        provider: Provider = provider_of(self._known.container, what)
        marker = InTransaction(isolation=isolation, readonly=readonly, deferrable=deferrable)
        await self.transact(self._known.manager(provider)(), marker)
        return cast("T", await self.fill(self._known.needs(provider), provider))

    async def fill(self, needs: Needs, resolve: Callable[[], T]) -> T:
        """Open what is needed, and call `resolve`; for what resolves the same thing in many scopes."""
        token = innermost.set(self)
        try:
            for each in needs.scoped():
                if each not in self.objects:
                    await self._open_once(each)
            return resolve()
        finally:
            innermost.reset(token)

    async def transact(self, manager: SchemaManager | None, marker: InTransaction) -> None:
        """Begin a transaction, unless there is no manager, or the scope has one of it already."""
        if manager is None:
            return
        if self._task is not asyncio.current_task() and self._task is not None and not self._task.done():
            fact = f"{self} is of another task, and so would its transaction not be"
            remedy = "Begin transactions in the task that entered the scope, or let this one have a scope of its own"
            raise UsageError(fact, service=manager.service, remedy=remedy)
        key = manager.pool, manager.service
        # A second one with modes of its own is a mistake, which the transaction tells.
        if key in self._transactions and not (marker.isolation or marker.readonly or marker.deferrable):
            return
        transaction = manager.transaction(
            isolation=marker.isolation, readonly=marker.readonly, deferrable=marker.deferrable
        )
        name = f"the transaction of {manager.service}"
        self._check_open(name)
        opened = self._note(name)
        await opened.leaving.enter_async_context(transaction)
        self._transactions.add(key)
        self._note_open(opened, marker.rollback_on)

    async def _open_once(self, scoped: Scoped[Any]) -> None:
        # Tasks of one scope may need the same object at the same time; where its opening fails, the next one tries.
        while scoped not in self.objects:
            going_on = self._openings.get(scoped)
            if going_on is not None:
                await going_on.wait_until_over()
                continue
            opening = Opening(scoped.name)
            with opening.going_on():
                self._openings[scoped] = opening
                try:
                    await self._open(scoped)
                finally:
                    del self._openings[scoped]

    async def _open(self, scoped: Scoped[Any]) -> None:
        self._check_open(scoped.name)
        call = providers.Callable(original(scoped), *scoped.args, **scoped.kwargs)
        made: object = call()
        opened = self._note(scoped.name)
        try:
            entered = await enter(made, opened.leaving)
        finally:
            if self._is_closing:
                # In a task that goes on after the block: whatever closes what was opened there is through.
                await opened.leaving.aclose()
        self._check_open(scoped.name)
        self.objects[scoped] = entered
        self._note_open(opened, ERRORS if isinstance(made, Transaction) else None)

    def _check_open(self, name: str) -> None:
        # Nobody would ever close what is opened before, or after.
        if self._is_closing or not self._is_entered:
            remedy = "Open it within `async with container.scope() as scope`"
            raise LifecycleError(f"{name} cannot begin in {self}", remedy=remedy)

    def _note(self, name: str) -> _Opened:
        opened = _Opened(name)
        self._opened.append(opened)
        return opened

    def _note_open(self, opened: _Opened, rollback_on: Statuses[int] | None) -> None:
        """Note that something is open, and where it is a transaction, which answers roll it back."""
        opened.rollback_on = rollback_on
        if opened in self._opened:
            # What was opened on the way may be needed to close it.
            self._opened.remove(opened)
            self._opened.append(opened)

    async def leave(self, error: BaseException | None, *, status: int | None = None) -> None:
        """Close everything in reverse, and raise what is wrong then.

        `status` is that of an answer, which decides over transactions where there is no error, or where `error` is
        that answer.
        """
        self._is_closing = True
        failure = error
        try:
            while self._opened:
                opened = self._opened.pop()
                told = _told(opened, failure, None if failure is not error else status)
                failure = await self._close(opened, told, failure)
        finally:
            self._end()
        if failure is not None and failure is not error:
            raise failure

    async def _close(
        self, opened: _Opened, told: BaseException | None, failure: BaseException | None
    ) -> BaseException | None:
        """Close one thing, which is told an error or none; return what the others are to be told."""
        try:
            await opened.leaving.__aexit__(type(told) if told else None, told, told.__traceback__ if told else None)
        except BaseException as late:  # noqa: BLE001 - nothing is skipped, and what counts is raised in the end
            if late is told:
                return failure
            late.add_note(f"while closing {opened.name}")
            if told is None or isinstance(late, asyncio.CancelledError):
                return late
            if failure is not None:
                failure.add_note(f"and then, while closing {opened.name}: {late!r}")
            return failure or late
        self.has_committed = self.has_committed or (told is None and opened.rollback_on is not None)
        return failure

    def _end(self) -> None:
        self.is_left = True
        self.objects.clear()
        last = innermost.get()
        while last is not None and last.is_left:
            last = last.outer
        innermost.set(last)
        self._lifecycle.leave_scope(self)
        self._finishing.__exit__(None, None, None)


def _told(opened: _Opened, failure: BaseException | None, status: int | None) -> BaseException | None:
    """Return what something is told when it is closed: for a transaction, None is a commit."""
    if opened.rollback_on is None or status is None:
        return failure
    return (failure or AnsweredError()) if status in opened.rollback_on else None

"""Objects that work in a transaction of their service, for as long as a scope."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar, cast

from poolhouse.container.graph import Graph
from poolhouse.container.injection import Inject
from poolhouse.container.kinds import makes, wants_a_schema
from poolhouse.container.overrides import effective
from poolhouse.container.scoped import Needs
from poolhouse.errors import WiringError
from poolhouse.schema import SchemaManager

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Container as Statuses

    from dependency_injector import containers

    from poolhouse.container.kinds import Provider
    from poolhouse.schema import Isolation

T = TypeVar("T")

ERRORS = range(400, 600)
"""The statuses of answers that roll back, unless a transaction chooses others."""


@dataclass(frozen=True, slots=True)
class InTransaction(Inject):
    """Marks a parameter that is injected, and whose service has a transaction open as long as the function runs.

    `Annotated[Orders, InTransaction(isolation="serializable", retries=3)]` finds the object as Inject does. All that
    the function's task asks the service's SchemaManager for is part of the transaction: the one that the container
    around the object's provider gives to it. It is committed when the function ends well, and rolled back when it
    raises. Two services have two transactions, on two connections, each committed on its own.

    In a route, an answer with a status in `rollback_on` rolls back too, whether it is returned or raised; all
    other HTTP errors commit. The commit comes before the response is sent, so what fails it is what is answered.

    With `retries`, the scope begins anew where the server rolled the transaction back in favour of another, at most so
    many times: the function is called again, with new objects.
    """

    _: KW_ONLY
    isolation: Isolation | None = None
    readonly: bool = False
    deferrable: bool = False
    retries: int = 0
    rollback_on: Statuses[int] = ERRORS


Transactional: TypeAlias = Annotated[T, InTransaction()]
"""`Transactional[Orders]` is short for `Annotated[Orders, InTransaction()]`."""


class Manager:
    """Finds the schema manager whose transaction is meant by that of an object, as overrides have it at the moment."""

    def __init__(self, container: containers.Container, provider: Provider, *, place: str) -> None:
        self._container = container
        self._provider = provider
        self._place = place
        self._needs = Needs(provider)
        self._found = self._find()

    def __call__(self) -> SchemaManager | None:
        """Return the manager; None where what takes the place of the object has none, as a fake in a test."""
        if not self._needs.is_up_to_date():
            self._needs = Needs(self._provider)
            self._found = self._find()
        return None if self._found is None else self._found()

    def _find(self) -> Callable[[], SchemaManager] | None:
        provider = effective(self._provider)
        graph = Graph(self._container)
        service = graph.service(provider)
        needed = graph.needs(provider) | {provider}
        managers = [each for each in graph.order if each in needed and makes(each, SchemaManager)]
        # Those of other services are theirs, unless there is no other.
        own = [each for each in managers if graph.service(each) == service] or managers
        if len(own) == 1 and not wants_a_schema(own[0]):
            return cast("Callable[[], SchemaManager]", own[0])
        if not own and provider is not self._provider:
            return None
        raise self._unclear(graph.name(provider), list(map(graph.name, own)))

    def _unclear(self, name: str, managers: list[str]) -> WiringError:
        has = f"has several schema managers: {', '.join(managers)}" if len(managers) > 1 else "has no schema manager"
        if len(managers) == 1:
            has = f"has a schema manager for many schemas, {managers[0]}"
        return WiringError(
            f"there is no telling which transaction is meant, since {name} {has}",
            place=self._place,
            remedy="Begin the transaction in the service: `async with db.transaction()`",
        )

"""Objects that live as long as a scope, and which of them something needs."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast

from dependency_injector import providers

from poolhouse.container.graph import related
from poolhouse.container.overrides import effective
from poolhouse.errors import ScopeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poolhouse.container.kinds import Provider
    from poolhouse.container.scope import Scope

T = TypeVar("T")


innermost: ContextVar[Scope | None] = ContextVar("poolhouse_container_scope", default=None)


class Scoped(providers.ContextLocalResource[T]):
    """Provides one object for each scope, such as a request: `basket = Scoped(Basket, db)`.

    What is called is what a Resource may call: a class or function, a generator or asynchronous generator, what gives a
    context manager of either kind, or a class with coroutines `open()` and `close()`. The object is opened when
    something that is resolved in the scope needs it, after what it needs itself, and closed with the scope, in
    reverse, also after an error or a cancellation; generators and context managers get the error to see.
    Outside of a scope that has opened it, calling this is a ScopeError.

    dependency-injector's own ContextLocalResource, which it looks like in every other way, is closed by nobody, and
    what was opened before tasks began is the same for all of them.
    """

    name = ""

    def _provide(self, _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> T:
        scope = innermost.get()
        while scope is not None:
            if self in scope.objects:
                return cast("T", scope.objects[self])
            scope = scope.outer
        raise ScopeError(self.name or repr(self))


class Needs:
    """What a call of a provider needs of a scope, with the overrides that are in force when it is asked."""

    def __init__(self, root: Provider) -> None:
        self._root = root
        self._passed: dict[Provider, Provider | None] = {}
        self._scoped: tuple[Scoped[Any], ...] = ()
        self._look()

    def scoped(self) -> tuple[Scoped[Any], ...]:
        """Return the scoped providers that are needed, each after those that it needs itself."""
        if not self.is_up_to_date():
            self._look()
        return self._scoped

    def is_up_to_date(self) -> bool:
        """Whether no override has changed since it was looked for what is needed."""
        return all(cast("Any", each).last_overriding is overriding for each, overriding in self._passed.items())

    def _look(self) -> None:
        self._passed = {}
        self._scoped = tuple(each for each in self._visited(self._root, set()) if isinstance(each, Scoped))

    def _visited(self, root: Provider, seen: set[Provider]) -> Iterator[Provider]:
        """Yield what is called, that which others need first; a loop and no recursion, as chains may be long."""
        end = self._followed(root)
        path = {end: self._called(end)}
        seen.add(end)
        while path:
            provider, needs = next(reversed(path.items()))
            need = next(needs, None)
            if need is None:
                del path[provider]
                yield provider
            elif (end := self._followed(need)) not in seen:
                seen.add(end)
                path[end] = self._called(end)

    def _called(self, provider: Provider) -> Iterator[Provider]:
        return (each for each, is_called in related(provider) if is_called)

    def _followed(self, provider: Provider) -> Provider:
        end = effective(provider)
        each = provider
        while each is not end:
            self._passed[each] = following = cast("Any", each).last_overriding
            each = cast("Any", each).default if following is None else following
        self._passed[end] = cast("Any", end).last_overriding
        return end

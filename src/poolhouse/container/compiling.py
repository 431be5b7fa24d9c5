"""Writing the calls that a provider makes, and those of everything it needs, as one expression of Python.

dependency-injector walks its providers anew at each call. Written out, a tree of factories costs what it costs to write
the calls by hand, and a question for each provider whether it is still overridden by what it was overridden by.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from functools import partial
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, cast

from dependency_injector import providers

from poolhouse.container.graph import related
from poolhouse.container.overrides import effective
from poolhouse.container.resources import builds_a_handle, original
from poolhouse.container.sealing import is_sealed, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from poolhouse.container.kinds import Provider

_CALLING = {
    providers.AbstractCallable,
    providers.AbstractFactory,
    providers.Callable,
    providers.DelegatedCallable,
    providers.DelegatedFactory,
    providers.Factory,
}
_ABSTRACT = {providers.AbstractCallable, providers.AbstractFactory}
_HANDING_OVER = {
    providers.CallableDelegate,
    providers.CoroutineDelegate,
    providers.Delegate,
    providers.FactoryDelegate,
    providers.Object,
    providers.SingletonDelegate,
}
_SINGLETON = {
    providers.ContextLocalSingleton,
    providers.DelegatedSingleton,
    providers.DelegatedThreadLocalSingleton,
    providers.DelegatedThreadSafeSingleton,
    providers.Singleton,
    providers.ThreadLocalSingleton,
    providers.ThreadSafeSingleton,
}
# Those of threads and contexts have an object for each.
_KEEPING = {
    providers.DelegatedSingleton,
    providers.DelegatedThreadSafeSingleton,
    providers.Resource,
    providers.Singleton,
    providers.ThreadSafeSingleton,
}
_READING = {
    providers.AttributeGetter,
    providers.ItemGetter,
    providers.MethodCaller,
    providers.ProvidedInstance,
}
_MAKING = (providers.Callable, providers.Factory, providers.BaseSingleton)
_RESOURCE = {providers.ContextLocalResource, providers.Resource}
# Kinds that a call takes through their override, and else makes them do what is theirs. Whatever else there is, as
# containers, configurations and classes of the application's own, has rules of its own and is called as it is.
_FOLLOWED = frozenset(
    {
        *_CALLING,
        *_HANDING_OVER,
        *_SINGLETON,
        *_READING,
        *_RESOURCE,
        providers.Dependency,
        providers.Dict,
        providers.List,
        providers.Selector,
    }
)

# Python's parser takes no more than 200 parentheses in each other; and who needs a service twice makes it twice, and
# that of what it needs, and so on.
_DEEPEST = 40
_LONGEST = 200


class AwaitedError(Exception):
    """Something has to be awaited, and dependency-injector's own way of resolving does that."""


@dataclass(frozen=True, slots=True)
class Written:
    """An expression, and the class of what it gives where that is certain."""

    text: str
    made: type | None = None


@dataclass(slots=True)
class Writer:
    """Writes one expression, with the guards that it needs, and the names, which are those of the function around it.

    A guard is a condition on a provider under which what is written is what a call does. Those that refuse to be
    overridden have none.
    """

    unopened: Any
    names: dict[str, Any] = field(default_factory=dict[str, Any])
    guards: dict[str, None] = field(default_factory=dict[str, None])
    _known: dict[int, str] = field(default_factory=dict[int, str])
    _written: int = 0

    def name(self, value: object) -> str:
        """Return the name that the expression has for an object."""
        if id(value) not in self._known:
            self._known[id(value)] = name = f"_{len(self._known)}"
            self.names[name] = value
        return self._known[id(value)]

    def provided(self, provider: Provider, within: tuple[Provider, ...] = ()) -> Written:
        """Write what a call of `provider` gives; raises AwaitedError."""
        wanted: list[type] = []
        passed = within
        guards: list[str] = []
        end = provider
        while kind_of(end) in _FOLLOWED and end not in passed and len(passed) < _DEEPEST:
            following: Provider | None = cast("Any", end).last_overriding
            if not is_sealed(end):
                expected = None if following is None else self.name(following)
                guards.append(f"{self.name(end)}.last_overriding is {expected}")
            passed = (*passed, end)
            if kind_of(end) is providers.Dependency:
                wanted.append(cast("Any", end).instance_of)
                following = cast("Any", end).default if following is None else following
            if following is None:
                return self._checked(end, passed, guards, wanted) or self._called(provider)
            end = following
        return self._called(provider)

    def _checked(
        self, provider: Provider, within: tuple[Provider, ...], guards: Iterable[str], wanted: Iterable[type]
    ) -> Written | None:
        """Write what `provider`, which is not overridden, makes; None where each call has to ask what class that is."""
        self._written += 1
        self.guards |= dict.fromkeys(guards)
        written = self._made(provider, within)
        return written if all(_is_certain(written.made, kind) for kind in wanted) else None

    def _called(self, provider: Provider) -> Written:
        if any(map(_is_awaited, _reached(provider))):
            raise AwaitedError
        return Written(f"{self.name(provider)}()")

    def _made(self, provider: Provider, within: tuple[Provider, ...]) -> Written:  # noqa: PLR0911 - one for each kind
        of: Any = provider
        kind = kind_of(provider)
        if self._written > _LONGEST or kind in _ABSTRACT:
            return self._called(provider)
        if kind in _CALLING:
            return self._call(of, within)
        if kind in _HANDING_OVER:
            return Written(self.name(of.provides), cast("Any", type(of.provides)))
        if kind in _READING:
            return self._read(of, within)
        if kind in _RESOURCE:
            return self._opened(of)
        if kind in _SINGLETON:
            return Written(self._kept(provider), _class_of(of.provides))
        if kind is providers.List and of.args:
            return Written(f"[{self._arguments(of.args, {}, within)}]", list)
        if kind is providers.Dict:
            items = (f"{self.name(key)}: {self._argument(value, within)}" for key, value in of.kwargs.items())
            return Written(f"{{{', '.join(items)}}}", dict)
        return self._called(provider)

    def _call(self, provider: Any, within: tuple[Provider, ...]) -> Written:
        target = provider.provides
        attributes: Mapping[str, Any] = getattr(provider, "attributes", {})
        if target is None or not _are_names((*provider.kwargs, *attributes)):
            return self._called(provider)
        if _is_awaited(provider):
            raise AwaitedError
        text = f"{self.name(target)}({self._arguments(provider.args, provider.kwargs, within)})"
        if attributes:
            text = f"{self.name(_with_attributes)}({text}, {self._arguments((), attributes, within)})"
        return Written(text, _class_of(target))

    def _read(self, provider: Any, within: tuple[Provider, ...]) -> Written:
        if not providers.is_provider(provider.provides):
            return self._called(provider)
        kind = kind_of(provider)
        base = self.provided(provider.provides, within)
        if kind is providers.AttributeGetter and _are_names((provider.name,)):
            return Written(f"{base.text}.{provider.name}")
        if kind is providers.ItemGetter:
            return Written(f"{base.text}[{self.name(provider.name)}]")
        if kind is providers.MethodCaller and _are_names(provider.kwargs):
            return Written(f"{base.text}({self._arguments(provider.args, provider.kwargs, within)})")
        return base if kind is providers.ProvidedInstance else self._called(provider)

    def _opened(self, provider: Any) -> Written:
        name = self.name(provider)
        if kind_of(provider) is providers.Resource and builds_a_handle(provider):
            return Written(self._kept(provider), _class_of(original(provider)))
        return Written(f"({name}() if {name}.initialized else {self.name(self.unopened)}({name}))")

    def _kept(self, provider: Provider) -> str:
        """Write what gives the one object of `provider`: that itself, once it is made, where nothing can replace it."""
        called = self._called(provider).text
        if not is_sealed(provider) or kind_of(provider) not in _KEEPING:
            return called
        kept, keep = f"{self.name(provider)}_made", f"{self.name(provider)}_make"
        self.names[kept] = None
        self.names[keep] = partial(_keep, self.names, kept, provider)
        return f"({kept} if {kept} is not None else {keep}())"

    def _arguments(self, args: Iterable[Any], kwargs: Mapping[str, Any], within: tuple[Provider, ...]) -> str:
        positional = [self._argument(each, within) for each in args]
        return ", ".join([*positional, *(f"{key}={self._argument(each, within)}" for key, each in kwargs.items())])

    def _argument(self, value: Any, within: tuple[Provider, ...]) -> str:
        is_called = providers.is_provider(value) and not providers.is_delegated(value)
        return self.provided(value, within).text if is_called else self.name(value)


def _is_awaited(provider: Provider) -> bool:
    """Whether a call of `provider` gives something to be awaited, as far as that is written down."""
    if isinstance(provider, providers.Coroutine):
        return True
    target = getattr(provider, "provides", None) if isinstance(provider, _MAKING) else None
    written = getattr(cast("Any", type(target)), "__call__", None)  # noqa: B004 - its code is wanted
    return any(map(inspect.iscoroutinefunction, (target, written)))


def _reached(provider: Provider) -> Iterator[Provider]:
    """Yield what a call of `provider` calls, itself included; not through resources, which a start has opened."""
    found: set[Provider] = set()
    following = [provider]
    while following:
        end = effective(following.pop())
        if end not in found:
            found.add(end)
            yield end
            if not isinstance(end, (providers.BaseResource, providers.Container)):
                following += [each for each, is_called in related(end) if is_called]


def _keep(names: dict[str, Any], name: str, provider: Any) -> Any:
    names[name] = made = provider()
    return made


def _with_attributes(made: Any, **attributes: Any) -> Any:
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def _class_of(target: object) -> type | None:
    """Return the class whose instances a call of `target` gives, where nothing can make it give others."""
    if not isinstance(target, type) or type(target).__call__ is not type.__call__:
        return None
    return target if cast("Any", target).__new__ is object.__new__ else None


def _is_certain(made: type | None, wanted: type) -> bool:
    """Whether an instance of `made` is one of `wanted`, so that it need not be asked at each call."""
    try:
        return wanted is object or (made is not None and issubclass(made, wanted))
    except TypeError:  # a protocol with other members than methods
        return False


def _are_names(names: Iterable[object]) -> bool:
    return all(isinstance(name, str) and name.isidentifier() and not iskeyword(name) for name in names)

"""A resolver gives what its provider gives, whatever the tree and whatever was overridden meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dependency_injector import errors, providers
from hypothesis import given, settings
from hypothesis import strategies as st

from poolhouse.container.resolving import resolver

KEYS = ("one", "two", "class", "three four")


@dataclass
class Made:
    """What factories make: equal when made alike."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    extra: Any = None

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs

    def __getitem__(self, key):
        return key, self.args

    def twice(self, *args, **kwargs):
        return self, args, kwargs


class Special(Made):
    pass


class Sometimes:
    """Which class it makes nobody knows before."""

    def __new__(cls, *args, **kwargs):
        return (Special if args else Made)(*args, **kwargs)


class Failing:
    def __init__(self, *args, **kwargs):
        raise ValueError(len(args), *kwargs)


class OwnFactory(providers.Factory):
    """A provider of somebody's own kind, which does more than its base."""

    def __call__(self, *args, **kwargs):
        return "own", super().__call__(*args, **kwargs)


def function(*args, **kwargs):
    return Special(*args, **kwargs)


MAKING = (
    providers.Callable,
    providers.DelegatedFactory,
    providers.Factory,
    providers.Singleton,
    OwnFactory,
)


class Tree:
    """Providers of which each may need earlier ones, so that none ever needs itself."""

    def __init__(self, data):
        self.data = data
        self.providers: list[Any] = [providers.Object(0)]
        for _ in range(data.draw(st.integers(1, 9))):
            self.providers.append(self.of(st.sampled_from((self.making, self.making, self.other)))())

    def of(self, strategy):
        return self.data.draw(strategy)

    def any(self):
        return self.of(st.sampled_from(self.providers))

    def value(self):
        """Return what a provider may be given: another provider, something of what that makes, or a value."""
        provider = self.any()
        given: dict[str, Any] = {
            "it": provider,
            "its provider": provider.provider,
            "an attribute": provider.provided.args,
            "an item": provider.provided["key"],
            "a call": provider.provided.twice.call(self.any(), two=3),
            "a value": 5,
        }
        return given[self.of(st.sampled_from(("it", *given)))]

    def values(self):
        return [self.value() for _ in range(self.of(st.integers(0, 2)))]

    def named_values(self):
        return {key: self.value() for key in self.of(st.sets(st.sampled_from(KEYS), max_size=2))}

    def making(self):
        made = self.of(st.sampled_from((Made, Special, Sometimes, Failing, function)))
        provider = self.of(st.sampled_from(MAKING))(made, *self.values(), **self.named_values())
        if self.of(st.booleans()) and hasattr(provider, "add_attributes"):
            provider.add_attributes(**{self.of(st.sampled_from(("extra", "class"))): self.value()})
        return provider

    def other(self):
        made: dict[str, Any] = {
            "list": lambda: providers.List(*self.values()),
            "dict": lambda: providers.Dict(self.named_values()),
            "selector": lambda: providers.Selector(
                providers.Object(self.of(st.sampled_from(("one", "three")))), one=self.any()
            ),
            "dependency": lambda: providers.Dependency(
                instance_of=self.of(st.sampled_from((object, Made, Special))),
                default=self.of(st.sampled_from((None, *self.providers))),
            ),
            "abstract": lambda: providers.AbstractFactory(Made),
            "value": self.value,
        }
        provider = made[self.of(st.sampled_from(tuple(made)))]()
        return provider if providers.is_provider(provider) else providers.Object(provider)

    def change(self):
        index = self.of(st.integers(0, len(self.providers) - 1))
        provider = self.providers[index]
        changes = {
            "override": lambda: provider.override(self.of(st.sampled_from((Made("fake"), *self.providers[:index])))),
            "take the last back": provider.reset_last_overriding,
            "take all back": provider.reset_override,
            "reset": lambda: provider.reset() if isinstance(provider, providers.Singleton) else None,
        }
        try:
            changes[self.of(st.sampled_from(("override", *changes)))]()
        except errors.Error as error:
            # Abstract ones take factories only, and what is not overridden cannot be taken back.
            assert "overridden" in str(error)  # noqa: PT017 - whether it is raised is no matter


def outcome(call):
    """Return what a call gives, or the kind and the words of what it raises."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever it is, both are to raise it
        return type(error), str(error)


@given(st.data())
@settings(max_examples=150)
def test_a_resolver_gives_what_its_provider_gives(data):
    tree = Tree(data)
    resolvers = [(provider, resolver(provider)) for provider in tree.providers]
    for _ in range(data.draw(st.integers(0, 6))):
        tree.change()
        late = tree.any()
        for provider, resolve in (*resolvers, (late, resolver(late))):
            assert outcome(resolve) == outcome(provider)

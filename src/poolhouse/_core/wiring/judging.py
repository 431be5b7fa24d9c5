"""Everything that is wrong with a picture of providers."""

from __future__ import annotations

import inspect
from itertools import chain
from typing import TYPE_CHECKING, Any

from poolhouse._core.suggestion import nearest
from poolhouse._core.wiring.annotations import fits, named, reason, surely_fits, wants_a_callable
from poolhouse._core.wiring.circles import circles
from poolhouse._core.wiring.picture import Finding
from poolhouse._core.wiring.products import Handed, Made, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poolhouse._core.wiring.callee import Callee
    from poolhouse._core.wiring.picture import Argument, Node, Picture
    from poolhouse._core.wiring.products import Product


def judge(picture: Picture) -> list[Finding]:
    """Return all findings: holes, circles, arguments, types, awaitables, what opens late, and what is captive.

    They are in the order of the nodes. Nothing is called, and nothing of dependency-injector's is known here.
    """
    findings = chain(_holes(picture), _circles(picture), _calls(picture), _types(picture))
    late = chain(_fillings(picture), _awaitables(picture), _late(picture), _captives(picture))
    return sorted(chain(findings, late), key=lambda finding: finding.place)


def _holes(picture: Picture) -> Iterator[Finding]:
    holes = [index for index, node in enumerate(picture.nodes) if node.is_hole]
    callers = picture.callers() if holes else []
    for index in holes:
        path = picture.path_to(index, callers)
        name = picture.nodes[index].name
        fact = f"the dependency {name} is not filled"
        yield Finding(index, fact, _filler(picture, index), path, at=picture.holder(index))


def _filler(picture: Picture, hole: int) -> str:
    """Say how to fill a hole: with what fits, and of that with what has the most similar name."""
    name, wanted = picture.nodes[hole].name, picture.nodes[hole].wanted
    owner, _, own = name.rpartition(".")
    fitting = [
        node.name
        for index, node in enumerate(picture.nodes)
        if wanted is not None and index != hole and _is_a_name(node.name) and surely_fits(node.product, wanted)
    ]
    place = f"where {owner} is declared" if owner else f"as in {picture.subject}({own}=...)"
    if not fitting:
        return f"Pass it {place}"
    chosen = nearest(name, fitting) or fitting[0]
    return f"Pass it {place}: {own}={chosen} would fit"


def _is_a_name(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _circles(picture: Picture) -> Iterator[Finding]:
    for circle in circles([[need.node for need in node.needs] for node in picture.nodes]):
        path = tuple(picture.nodes[index].name for index in (*circle, circle[0]))
        yield Finding(circle[0], "providers need each other in a circle", "Cut it with `x.provider`", path)


def _calls(picture: Picture) -> Iterator[Finding]:
    callers = picture.callers()
    for index, node in enumerate(picture.nodes):
        if node.callee is not None and node.callee.parameters is not None:
            is_whole = picture.is_whole(index, callers)
            for fact, remedy in _call(node, node.callee, is_whole=is_whole):
                yield Finding(index, fact, remedy, picture.path_to(index, callers))


def _call(node: Node, callee: Callee, *, is_whole: bool) -> Iterator[tuple[str, str]]:
    positional, count = callee.positional, len(node.positional)
    if count > len(positional) and not callee.takes(inspect.Parameter.VAR_POSITIONAL):
        fact = f"{callee.name} takes {_counted(len(positional))}, and {count} are given"
        yield fact, f"Leave out what is too much, or say its name; it takes {_signature(callee)}"
    yield from _keywords(node, callee)
    if is_whole and not callee.has_all_optional:
        yield from _missing(node, callee)


def _keywords(node: Node, callee: Callee) -> Iterator[tuple[str, str]]:
    known = {each.name for each in callee.parameters or () if each.kind not in _NAMELESS} | callee.aliases
    for keyword in node.keywords:
        parameter = callee.parameter(keyword)
        if parameter is not None and parameter in callee.positional[: len(node.positional)]:
            yield f"{callee.name} gets the argument {keyword!r} twice, by position and by name", "Leave one of them out"
        elif parameter is None and keyword not in callee.aliases and not callee.ignores_unknown:
            close = nearest(keyword, known)
            meant = f"Did you mean {close!r}? " if close else ""
            yield f"{callee.name} takes no argument {keyword!r}", f"{meant}It takes {_signature(callee)}"


_NAMELESS = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _missing(node: Node, callee: Callee) -> Iterator[tuple[str, str]]:
    given = {each.name for each in callee.positional[: len(node.positional)]} | {*node.keywords}
    for parameter in callee.parameters or ():
        is_required = parameter.default is parameter.empty and parameter.kind not in _VARIADIC
        if is_required and parameter.name not in given:
            annotation = callee.annotation(parameter)
            kind = "" if annotation in (Any, None) else f", a {named(annotation)}"
            yield f"{callee.name} is called without its argument {parameter.name!r}", f"Pass it{kind}"


def _types(picture: Picture) -> Iterator[Finding]:
    for index, node in enumerate(picture.nodes):
        callee = node.callee
        if callee is None or callee.parameters is None or callee.converts:
            continue
        given: list[tuple[int | str, Argument]] = [*enumerate(node.positional), *node.keywords.items()]
        for at, argument in ((at, outcome) for at, each in given for outcome in each.outcomes()):
            parameter = None if argument.is_stand_in or argument.product is None else callee.parameter(at)
            if parameter is None or _is_default(argument.product, parameter):
                continue
            annotation = callee.annotation(parameter)
            if not fits(argument.product, annotation):
                name = f"the argument {parameter.name!r} of {callee.name}"
                fact = f"{name} is to be {named(annotation)}, and gets {_given(picture, argument)}"
                path = picture.hop(index, argument.need) if argument.need else (node.name,)
                yield Finding(index, _with_reason(fact, argument, annotation), _better(picture, index, argument,
                              annotation), path)  # fmt: skip


def _is_default(product: Product, parameter: inspect.Parameter) -> bool:
    return isinstance(product, Value) and product.value is parameter.default


def _given(picture: Picture, argument: Argument) -> str:
    made = str(argument.product)
    return f"{made} from {picture.nodes[argument.need.node].name}" if argument.need else made


def _with_reason(fact: str, argument: Argument, annotation: object) -> str:
    why = reason(argument.product, annotation)
    return f"{fact}: {why}" if why else fact


def _better(picture: Picture, index: int, argument: Argument, annotation: object) -> str:
    """Say what would fit: the provider itself, what it makes, or another provider."""
    product = argument.product
    if isinstance(product, Handed) and fits(product.makes, annotation):
        return "Leave `.provider` out, so that it is called"
    if (
        isinstance(product, Made)
        and argument.need
        and wants_a_callable(annotation)
        and fits(Handed(product), annotation)
    ):
        return f"Hand over {picture.nodes[argument.need.node].name}.provider, which is called later"
    own = argument.need.node if argument.need else index
    fitting = [
        node.name
        for other, node in enumerate(picture.nodes)
        if other not in (own, index) and _is_a_name(node.name) and surely_fits(node.product, annotation)
    ]
    if not fitting:
        return f"Pass {named(annotation)}, or correct the annotation"
    closest = nearest(picture.nodes[own].name, fitting) or fitting[0]
    return f"Pass {named(annotation)}, as {closest} makes, or correct the annotation"


def _fillings(picture: Picture) -> Iterator[Finding]:
    """Dependency-injector checks the class that a dependency must be of when it is first called."""
    outcomes = ((filling, each) for filling in picture.fillings for each in filling.argument.outcomes())
    for filling, argument in outcomes:
        wanted = filling.wanted
        if wanted is None or fits(argument.product, wanted):
            continue
        path = _chain(filling.name, argument, picture)
        fact = f"the dependency {filling.name} has to be {named(wanted)}, and gets {_given(picture, argument)}"
        fact = _with_reason(fact, argument, wanted)
        at = picture.holder(filling.node, filling.name)
        yield Finding(filling.node, fact, _better(picture, filling.node, argument, wanted), path, at=at)


def _chain(name: str, argument: Argument, picture: Picture) -> tuple[str, ...]:
    if argument.need is None:
        return (name,)
    return tuple(dict.fromkeys((name, *argument.need.through, picture.nodes[argument.need.node].name)))


def _awaitables(picture: Picture) -> Iterator[Finding]:
    for index, node in enumerate(picture.nodes):
        for need in () if node.awaits or node.is_awaited else node.needs:
            needed = picture.nodes[need.node]
            if needed.is_awaited:
                name = f"{node.name}.provided" if node.name == needed.name else node.name
                fact = f"{name} is resolved at once, and needs {needed.name}, which has to be awaited"
                remedy = (
                    f"Make {needed.name} a Resource, which the start awaits, or hand over {needed.name}.provider "
                    "and await it where it is used"
                )
                yield Finding(index, fact, remedy, picture.hop(index, need))


def _late(picture: Picture) -> Iterator[Finding]:
    told: set[int] = set()
    for index, node in enumerate(picture.nodes):
        if not node.is_early:
            continue
        opened = (each for each in picture.reached_from(index) - {index} if picture.nodes[each].is_opened)
        for each in sorted(opened):
            if each not in told:
                told.add(each)
                fact = (
                    f"{node.name} must be known before the start, and needs {picture.nodes[each].name}, "
                    "which only the start opens"
                )
                remedy = (
                    "Let it depend on resources that are built closed only: classes with coroutines open() and close()"
                )
                yield Finding(index, fact, remedy, picture.way(index, each) or ())


def _captives(picture: Picture) -> Iterator[Finding]:
    """Yield what lives longer than a scope, and would keep an object of the first scope that it is made in."""
    for index, node in enumerate(picture.nodes):
        for scoped in sorted(_scoped_needs(picture, index)) if node.is_kept else ():
            name = picture.nodes[scoped].name
            fact = f"{node.name} lives longer than a scope, and needs {name}, which is another one in each scope"
            remedy = f"Make {node.name} Scoped as well, or a Factory"
            yield Finding(index, fact, remedy, picture.way(index, scoped) or ())


def _scoped_needs(picture: Picture, start: int) -> set[int]:
    """Return the scoped nodes that a node needs by itself, and not through others that are kept."""
    seen = {start}
    following = [start]
    found: set[int] = set()
    while following:
        for need in picture.nodes[following.pop()].needs:
            needed = picture.nodes[need.node]
            if needed.is_scoped:
                found.add(need.node)
            elif need.node not in seen and not needed.is_kept:
                seen.add(need.node)
                following.append(need.node)
    return found


def _signature(callee: Callee) -> str:
    names = [_drawn(each) for each in callee.parameters or ()]
    return f"({', '.join(names)})"


def _drawn(parameter: inspect.Parameter) -> str:
    stars = (
        "**" if parameter.kind is parameter.VAR_KEYWORD else "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
    )
    return f"{stars}{parameter.name}"


def _counted(count: int) -> str:
    if count == 0:
        return "no positional argument"
    return f"{count} positional argument{'s' if count > 1 else ''}"

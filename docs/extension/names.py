"""From docstrings and signatures to Markdown with Sphinx's directives for Python."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import griffe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# The outer fence is the longer one.
_FENCES = {1: "::::::", 2: ":::::"}


@cache
def library(root: Path) -> Library:
    """Read the library's source, once."""
    package = griffe.load("poolhouse", search_paths=[str(root / "src")], resolve_aliases=True)
    homes: dict[str, str] = {}
    for path in described(root):
        for name in exported(found := module(package, path)):
            if not _is_ours(found[name]):
                continue
            definition = target(found[name]).canonical_path
            homes[definition] = max(homes.get(definition, ""), path, key=partial(_shared, definition))
    return Library(package, {path: f"{home}.{path.rpartition('.')[2]}" for path, home in homes.items()})


def _shared(definition: str, home: str) -> int:
    pairs = zip(definition.split("."), home.split("."), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def described(root: Path) -> tuple[str, ...]:
    """Return the packages whose names the pages ask for."""
    pages = (root / "docs/reference/python").glob("*.md")
    asked = (re.search(r"<!-- names of ([\w.]+) -->", page.read_text()) for page in pages)
    return (*sorted(found[1] for found in asked if found), "poolhouse.errors")


def module(package: Any, path: str) -> Any:
    """Return a module of the package by its whole name."""
    return package if path == package.path else package[path.removeprefix(f"{package.path}.")]


def exported(found: Any) -> list[str]:
    """Return the public names of a module, as its `__all__` has them."""
    return [str(name) for name in found.exports or ()]


def fixtures(found: Any) -> list[Any]:
    """Return the functions of a module that are fixtures of pytest, but for those that are nobody's to ask for."""
    functions = (
        each for name, each in found.members.items() if name[0] != "_" and not each.is_alias and each.is_function
    )
    return [each for each in functions if any(str(one.value).startswith("pytest.fixture") for one in each.decorators)]


def _given(returns: Any) -> Any:
    """Return what is annotated to be yielded, or else what is returned."""
    yields = isinstance(returns, griffe.ExprSubscript) and str(returns.left) == "Iterator"
    return returns.slice if yields else returns


def target(found: Any) -> Any:
    """Return what is defined, for what may be an import of it; an import of somebody else's stays what it is."""
    return found.final_target if found.is_alias and _is_ours(found) else found


@dataclass(frozen=True)
class Library:
    """The package, and under which public name each of its definitions is described."""

    root: Any
    homes: dict[str, str]

    def package(self, path: str) -> str:
        """Describe every public name of a package, under a heading each."""
        inner = module(self.root, path)
        parts = [_docstring(inner), f":::{{py:module}} {path}\n:::"]
        for name in exported(inner):
            found, public = inner[name], f"{path}.{name}"
            home = self.homes[target(found).canonical_path] if _is_ours(found) else public
            text = self._described(found, name) if home == public else f"See {{py:obj}}`{home}`."
            parts.append(f"## {name}\n\n{text}")
        return "\n\n".join(parts)

    def fixtures(self, path: str) -> str:
        """Describe every public fixture of pytest in a module, under a heading each, with what a test gets of it."""
        return "\n\n".join(map(self._fixture, fixtures(module(self.root, path))))

    def _fixture(self, found: Any) -> str:
        scope = re.search(r"scope=.(\w+)", str(found.decorators[0].value))
        one = f"One for each {scope[1] if scope else 'test'}."
        options = [f":type: {self._annotation(_given(found.returns))}", ":no-index:"]
        body = _directive("data", found.name, f"{_docstring(found)}\n\n{one}", depth=1, options=options)
        return f"## {found.name}\n\n{body}"

    def error(self, name: str) -> str:
        """Describe one error, without its constructor, which nobody but poolhouse calls."""
        errors = self.root["errors"]
        if name not in exported(errors):
            return ""
        kind = target(errors[name])
        bases = ", ".join(f"{{py:exc}}`~poolhouse.errors.{base}`" for base in _bases(kind, errors))
        head = f"*a* {bases}\n\n" if bases else ""
        body = f"{head}{_docstring(kind)}\n\n{''.join(_attributes(kind))}"
        return _directive("exception", name, body, depth=1, options=[":module: poolhouse.errors"])

    def _described(self, found: Any, name: str) -> str:
        if not _is_ours(found):
            return f"`{found.target_path}`, for annotations."
        definition = target(found)
        if definition.is_class:
            return self._class(definition, name)
        if definition.is_function:
            return self._function(definition, name, kind="function", depth=1)
        return _directive("data", name, _docstring(definition), depth=1)

    def _class(self, definition: Any, name: str) -> str:
        bases = [self._annotation(base) for base in definition.bases]
        shown = [base for base in bases if base.startswith("poolhouse.")]
        of = f"A {', '.join(f'{{py:obj}}`~{base}`' for base in shown)}.\n\n" if shown else ""
        members = "\n\n".join(self._members(definition))
        signature = self._constructor(definition)
        return _directive("class", f"{name}{signature}", f"{of}{_docstring(definition)}\n\n{members}", depth=1)

    def _constructor(self, definition: Any) -> str:
        if any("Protocol" in str(base) or "Enum" in str(base) for base in definition.bases):
            return ""
        init = definition.all_members.get("__init__")
        return self._signature(target(init), returns=False) if init is not None else ""

    def _members(self, definition: Any) -> Iterator[str]:
        own = {name: member for name, member in definition.members.items() if not name.startswith("_")}
        inherited = {
            name: member
            for name, member in definition.all_members.items()
            if not name.startswith("_") and name not in own and self._is_hidden(target(member).parent)
        }
        for name, member in (own | inherited).items():
            found = target(member)
            text = _docstring(found) or _docstring_of_base(definition, name)
            if found.is_function:
                yield self._function(found, name, kind="method", depth=2, text=text)
            elif text and found.is_attribute:
                yield self._attribute(found, name, text)

    def _is_hidden(self, base: Any) -> bool:
        return base.canonical_path.startswith("poolhouse.") and base.canonical_path not in self.homes

    def _attribute(self, found: Any, name: str, text: str) -> str:
        kind = "property" if "property" in found.labels else "attribute"
        options = [f":type: {self._annotation(found.annotation)}"] if found.annotation is not None else []
        value = None if kind == "property" else found.value
        if value is not None and len(str(value)) < 40 and "Field(" not in str(value):
            options.append(f":value: {value}")
        return _directive(kind, name, text, depth=2, options=options)

    def _function(self, found: Any, name: str, *, kind: str, depth: int, text: str | None = None) -> str:
        options = [":async:"] if "async" in found.labels else []
        options += [f":{label}:" for label in ("classmethod", "staticmethod") if label in found.labels]
        signatures = [self._signature(each) for each in found.overloads or (found,)]
        *others, last = signatures
        heads = [_directive(kind, f"{name}{each}", "", depth=depth, options=options) for each in others]
        if others:
            options = [*options, ":no-index:"]
        body = _docstring(found) if text is None else text
        return "\n\n".join((*heads, _directive(kind, f"{name}{last}", body, depth=depth, options=options)))

    def _signature(self, found: Any, *, returns: bool = True) -> str:
        parts: list[str] = []
        for parameter in found.parameters:
            if parameter.name in ("self", "cls") and not parts:
                continue
            keyword_only = parameter.kind is griffe.ParameterKind.keyword_only
            if keyword_only and not any(part.startswith("*") for part in parts):
                parts.append("*")
            stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
            text = stars.get(parameter.kind, "") + parameter.name
            if parameter.annotation is not None:
                text += f": {self._annotation(parameter.annotation)}"
            if parameter.default is not None and not stars.get(parameter.kind):
                text += f" = {parameter.default}"
            parts.append(text)
        result = f" -> {self._annotation(found.returns)}" if returns and found.returns is not None else ""
        return f"({', '.join(parts)}){result}"

    def _annotation(self, annotation: Any) -> str:
        if not isinstance(annotation, griffe.Expr):
            return str(annotation)
        return "".join(self._name(part) for part in annotation.iterate(flat=True))

    def _name(self, part: Any) -> str:
        if not isinstance(part, griffe.ExprName):
            return str(part)
        return self.homes.get(part.canonical_path, part.name)


def _is_ours(found: Any) -> bool:
    return not found.is_alias or found.target_path.startswith("poolhouse.")


def _bases(kind: Any, errors: Any) -> list[str]:
    names = [getattr(base, "canonical_name", str(base)) for base in kind.bases]
    plain = [str(name).partition("[")[0] for name in names]
    return [name for name in plain if name in exported(errors)]


def _attributes(kind: Any) -> Iterator[str]:
    """Yield the constructor's arguments that are kept, which is what whoever catches it can ask for."""
    init = kind.members.get("__init__")
    kept = set(kind.members) - {"__init__"}
    names = [parameter.name for parameter in init.parameters if parameter.name in kept] if init is not None else []
    if names:
        yield f"Attributes: {', '.join(f'`{name}`' for name in names)}.\n"


def _docstring(found: Any) -> str:
    # A block of code is introduced by two colons in some of them.
    return re.sub(r"::$", ":", found.docstring.value, flags=re.MULTILINE) if found.docstring is not None else ""


def _docstring_of_base(definition: Any, name: str) -> str:
    bases: Iterable[Any] = definition.mro()
    return next((text for base in bases if name in base.members and (text := _docstring(base.members[name]))), "")


def _directive(kind: str, argument: str, body: str, *, depth: int, options: Iterable[str] = ()) -> str:
    fence = _FENCES[depth]
    return "\n".join((f"{fence}{{py:{kind}}} {argument}", *options, "", body.strip(), fence))

"""Edits of an application's own Python: services put in, and taken out."""

from __future__ import annotations

from bisect import bisect
from typing import TYPE_CHECKING, TypeAlias

from poolhouse._core.extras import needing
from poolhouse._core.wiring.written import PARTS
from poolhouse.errors import CommandError

with needing("libcst", extra="scaffold"):
    import libcst as cst
    from libcst.helpers import get_full_name_for_node

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence


_Sequence: TypeAlias = "cst.Tuple | cst.List"


class Source:
    """A file of Python that is edited; each edit keeps whatever it does not mean, comments and spaces included."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._module = cst.parse_module(text)

    @property
    def text(self) -> str:
        """The file as it is after the edits."""
        return self._module.code

    def add_import(self, package: str, name: str) -> None:
        """Import `name` from `package`, in order where what is imported from there, or from its neighbours, is."""
        for index, found in self._imports():
            if _package(found) == package and not isinstance(found.names, cst.ImportStar):
                if name not in {each.evaluated_name for each in found.names}:
                    at = _place_among([each.evaluated_name for each in found.names], name)
                    alias = cst.ImportAlias(cst.Name(name))
                    self._replace_import(index, [*found.names[:at], alias, *found.names[at:]])
                return
        line = cst.parse_statement(f"from {package} import {name}\n", self._module.config_for_parsing)
        self._insert_import(package, line)

    def remove_import(self, package: str, names: Collection[str]) -> None:
        """Import `names` from `package` no more."""
        for index, found in reversed(self._imports()):
            if _package(found) == package and not isinstance(found.names, cst.ImportStar):
                self._replace_import(index, [each for each in found.names if each.evaluated_name not in names])

    def remove_imports(self, packages: Collection[str]) -> None:
        """Import nothing from `packages` any more."""
        for index, found in reversed(self._imports()):
            if _package(found) in packages:
                self._replace_import(index, [])

    def add_provider(self, container: str, line: str) -> None:
        """Write `line` into the class `container`, behind the last service that it wires, or else at its end."""
        at, kind, body = self._class(container)
        wired = [index for index, each in enumerate(body) if _service(each)]
        after = wired[-1] + 1 if wired else len(body)
        statement = cst.parse_statement(f"{line}\n", self._module.config_for_parsing)
        self._set_class(at, kind, [*body[:after], statement, *body[after:]])

    def remove_providers(self, container: str, names: Collection[str]) -> None:
        """Take the services `names` out of the class `container`."""
        at, kind, body = self._class(container)
        self._set_class(at, kind, [each for each in body if _service(each) not in names])

    def add_element(self, variable: str, element: str) -> None:
        """Put `element` at the end of the tuple or list that `variable` is assigned; once."""
        if not self.has_element(variable, element):
            self._change_elements(variable, lambda value: _with_element(value, element))

    def remove_elements(self, variable: str, elements: Collection[str]) -> None:
        """Take `elements` out of the tuple or list that `variable` is assigned."""

        def without(value: _Sequence) -> _Sequence:
            left = [each for each in value.elements if get_full_name_for_node(each.value) not in elements]
            return value.with_changes(elements=[each.with_changes(comma=cst.MaybeSentinel.DEFAULT) for each in left])

        self._change_elements(variable, without)

    def has_element(self, variable: str, element: str) -> bool:
        """Whether `element` is in the tuple or list that `variable` is assigned; CommandError where that is neither."""
        _, _, value = self._sequence(variable)
        return element in {get_full_name_for_node(each.value) for each in value.elements}

    def _insert_import(self, package: str, line: cst.SimpleStatementLine | cst.BaseCompoundStatement) -> None:
        family = package.partition(".")[0]
        near = [(index, _package(found)) for index, found in self._imports() if _is_of(family, _package(found))]
        body = self._module.body
        if near:
            at = _place_among([each for _, each in near], package)
            place = near[at][0] if at < len(near) else near[-1][0] + 1
        else:
            place = max((index + 1 for index, each in enumerate(body) if _is_import(each)), default=0)
        self._set_body([*body[:place], line, *body[place:]])

    def _imports(self) -> list[tuple[int, cst.ImportFrom]]:
        lines = ((index, _only(line)) for index, line in enumerate(self._module.body))
        return [(index, found) for index, found in lines if isinstance(found, cst.ImportFrom)]

    def _replace_import(self, index: int, names: Sequence[cst.ImportAlias]) -> None:
        line = self._module.body[index]
        found = _only(line)
        assert isinstance(line, cst.SimpleStatementLine)  # noqa: S101 - `_only` found an import in it
        assert isinstance(found, cst.ImportFrom)  # noqa: S101 - the caller got the index from `_imports`
        body = [*self._module.body]
        if names:
            plain = [each.with_changes(comma=cst.MaybeSentinel.DEFAULT) for each in names]
            body[index] = line.with_changes(body=[found.with_changes(names=plain)])
        else:
            del body[index]
        self._set_body(body)

    def _set_body(self, body: Sequence[cst.BaseStatement | cst.SimpleStatementLine]) -> None:
        self._module = self._module.with_changes(body=body)

    def _class(self, name: str) -> tuple[int, cst.ClassDef, Sequence[cst.BaseStatement]]:
        for index, each in enumerate(self._module.body):
            if isinstance(each, cst.ClassDef) and each.name.value == name and isinstance(each.body, cst.IndentedBlock):
                return index, each, each.body.body
        raise self._unknown(f"there is no class {name} with a body to write into")

    def _set_class(self, index: int, kind: cst.ClassDef, body: Sequence[cst.BaseStatement]) -> None:
        changed = kind.with_changes(body=kind.body.with_changes(body=body))
        self._set_body([*self._module.body[:index], changed, *self._module.body[index + 1 :]])

    def _sequence(self, variable: str) -> tuple[int, cst.Assign | cst.AnnAssign, _Sequence]:
        for index, line in enumerate(self._module.body):
            found = _only(line)
            if isinstance(found, cst.Assign | cst.AnnAssign) and _target(found) == variable:
                if not isinstance(found.value, cst.Tuple | cst.List):
                    raise self._unknown(f"{variable} is no tuple or list that is written out")
                return index, found, found.value
        raise self._unknown(f"nothing is assigned to {variable}")

    def _change_elements(self, variable: str, change: Callable[[_Sequence], _Sequence]) -> None:
        index, found, value = self._sequence(variable)
        line = self._module.body[index].with_changes(body=[found.with_changes(value=change(value))])
        self._set_body([*self._module.body[:index], line, *self._module.body[index + 1 :]])

    def _unknown(self, fact: str) -> CommandError:
        return CommandError(fact, place=self._path, remedy="Nothing was changed; wire the service by hand")


def _only(line: cst.CSTNode) -> cst.BaseSmallStatement | None:
    return line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None


def _is_import(line: cst.CSTNode) -> bool:
    return isinstance(_only(line), cst.Import | cst.ImportFrom)


def _with_element(value: _Sequence, element: str) -> _Sequence:
    new = cst.Element(cst.parse_expression(element))
    if len(value.elements) < 2:
        plain = [each.with_changes(comma=cst.MaybeSentinel.DEFAULT) for each in value.elements]
        return value.with_changes(elements=[*plain, new])
    # Lines stay lines: between the last two is what was between those before, and a comment stays where it is.
    *rest, last = value.elements
    space, comma = _space_at_end(value), rest[-1].comma
    if isinstance(space, cst.ParenthesizedWhitespace) and isinstance(comma, cst.Comma):
        between = space.with_changes(last_line=getattr(comma.whitespace_after, "last_line", space.last_line))
        comma = comma.with_changes(whitespace_after=between.with_changes(indent=True))
        value = _with_space_at_end(value, space.with_changes(first_line=cst.TrailingWhitespace()))
    elements = [*rest, last.with_changes(comma=comma), new.with_changes(comma=last.comma)]
    return value.with_changes(elements=elements)


def _space_at_end(value: _Sequence) -> cst.BaseParenthesizableWhitespace | None:
    if isinstance(value, cst.List):
        return value.rbracket.whitespace_before
    return value.rpar[0].whitespace_before if value.rpar else None


def _with_space_at_end(value: _Sequence, space: cst.BaseParenthesizableWhitespace) -> _Sequence:
    if isinstance(value, cst.List):
        return value.with_changes(rbracket=value.rbracket.with_changes(whitespace_before=space))
    return value.with_changes(rpar=[value.rpar[0].with_changes(whitespace_before=space), *value.rpar[1:]])


def _is_of(family: str, package: str) -> bool:
    return package.partition(".")[0] == family


def _place_among(names: Sequence[str], name: str) -> int:
    """Return where `name` belongs among names in order; the end where they are in none."""
    return bisect(names, name) if list(names) == sorted(names) else len(names)


def _package(found: cst.ImportFrom) -> str:
    return "" if found.relative or found.module is None else get_full_name_for_node(found.module) or ""


def _target(found: cst.Assign | cst.AnnAssign) -> str | None:
    targets = [each.target for each in found.targets] if isinstance(found, cst.Assign) else [found.target]
    return targets[0].value if len(targets) == 1 and isinstance(targets[0], cst.Name) else None


def _service(line: cst.CSTNode) -> str | None:
    """Return the name of the service that a line of a container wires, by `Part` or `providers.Container`."""
    found = _only(line)
    if not isinstance(found, cst.Assign) or not isinstance(found.value, cst.Call):
        return None
    called = get_full_name_for_node(found.value.func) or ""
    return _target(found) if called.rpartition(".")[2] in PARTS else None

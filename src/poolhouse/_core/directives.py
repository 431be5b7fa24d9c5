"""What a migration file says about itself: comments `-- poolhouse: word` above its first statement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from poolhouse._core.lexer import TRIVIA, TokenKind, line_column
from poolhouse._core.suggestion import nearest
from poolhouse.errors import DirectiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from poolhouse._core.lexer import Token

_DIRECTIVE = re.compile(r"--\s*poolhouse\s*:\s*(?P<word>[^\s:]*)\s*:?\s*(?P<argument>.*)")
_DEPENDENCY = re.compile(r"(?P<module>\S(?:.*\S)?)/(?P<version>[0-9]+)")
_ALLOWANCE = re.compile(r"(?P<rule>[a-z][a-z0-9-]*)\s+(?P<reason>\S.*)")
_RANGE = re.compile(r"(?P<first>[0-9]+)\s*\.\.\s*(?P<last>[0-9]+)")
_DURATION = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>ms|s|min|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_LONGEST = 2**31 / 1000 - 1  # PostgreSQL counts milliseconds in an integer


class Phase(StrEnum):
    """On which side of a deployment a migration belongs."""

    EXPAND = "expand"
    CONTRACT = "contract"


class Dependency(NamedTuple):
    """A migration of another module that must have been applied before."""

    module: str
    version: int

    def __str__(self) -> str:
        return f"{self.module}/{self.version:04}"


class Range(NamedTuple):
    """Versions from `first` to `last`, of which there need not be all."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first:04}..{self.last:04}"


class Allowance(NamedTuple):
    """A rule of whoever reviews migrations that a file breaks on purpose, and why; poolhouse has no rules itself."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Directives:
    """All that a file says about itself; times are in seconds, 0 for no limit, None for the runner's default."""

    template_bodies: bool = False
    no_transaction: bool = False
    isolate: bool = False
    irreversible: bool = False
    phase: Phase | None = None
    lock_timeout: float | None = None
    statement_timeout: float | None = None
    depends: tuple[Dependency, ...] = ()
    replaces: Range | None = None
    allow: tuple[Allowance, ...] = ()

    @property
    def meaning(self) -> tuple[str, ...]:
        """The directives without which the same SQL would do something else; the checksum covers them."""
        said = {"no-transaction": self.no_transaction, "template-bodies": self.template_bodies}
        return tuple(word for word, is_said in said.items() if is_said)


class _Said(NamedTuple):
    word: str
    argument: str
    offset: int
    in_head: bool


class _Form(NamedTuple):
    read: Callable[[str], Any] | None  # None: the directive takes no argument
    example: str
    is_repeatable: bool = False


def parse_directives(file: str, text: str, tokens: Iterable[Token]) -> tuple[Directives, list[DirectiveError]]:
    """Return what `text` says about itself, and everything that is wrong with how it says it."""
    found: dict[str, Any] = {}
    faults: list[DirectiveError] = []
    for said in _read(text, tokens):
        fault = _note(found, said)
        if fault is not None:
            line, column = line_column(text, said.offset)
            faults.append(DirectiveError(file, fault[0], remedy=fault[1], line=line, column=column))
    return Directives(**found), faults


def without_directives(text: str, tokens: Iterable[Token]) -> str:
    """Return `text` without what it says about itself; it has one line end less for each of those comments."""
    kept: list[str] = []
    for kind, start, end in tokens:
        said = kind is TokenKind.COMMENT and _DIRECTIVE.fullmatch(text, start, end)
        part = "" if said else text[start:end]
        kept.append(part.removeprefix("\n") if kept and kept[-1] == "" else part)
    return "".join(kept)


def _read(text: str, tokens: Iterable[Token]) -> Iterator[_Said]:
    in_head = True
    for kind, start, end in tokens:
        in_head = in_head and kind in TRIVIA
        if kind is TokenKind.COMMENT and (match := _DIRECTIVE.fullmatch(text, start, end)):
            yield _Said(match["word"], match["argument"].strip(), start, in_head)


def _note(found: dict[str, Any], said: _Said) -> tuple[str, str] | None:
    """Add a directive to those found; else return fact and remedy."""
    word, argument = said.word, said.argument
    form = _FORMS.get(word)
    if form is None:
        close = nearest(word, _FORMS)
        return f"there is no directive {word!r}", f"Did you mean {close}?" if close else f"Known are {_KNOWN}"
    if not said.in_head:
        return "a directive stands below the first statement", "Move it to the top of the file"
    if form.read is None and argument:
        return f"directive {word!r} takes no argument", "Write each directive on a line of its own"
    value = True if form.read is None else form.read(argument)
    if value is None:
        return f"directive {word!r} cannot be read", f"Write it as in `-- poolhouse: {form.example}`"
    field = word.replace("-", "_")
    if form.is_repeatable:
        found[field] = (*found.get(field, ()), value)
    elif field in found:
        return f"directive {word!r} is given twice", "Keep one of them"
    else:
        found[field] = value
    return None


def _read_dependency(argument: str) -> Dependency | None:
    match = _DEPENDENCY.fullmatch(argument)
    return Dependency(match["module"], int(match["version"])) if match else None


def _read_range(argument: str) -> Range | None:
    match = _RANGE.fullmatch(argument)
    found = Range(int(match["first"]), int(match["last"])) if match else None
    return found if found and found.first <= found.last else None


def _read_allowance(argument: str) -> Allowance | None:
    match = _ALLOWANCE.fullmatch(argument)
    return Allowance(match["rule"], match["reason"]) if match else None


def _read_duration(argument: str) -> float | None:
    if argument == "0":
        return 0.0
    match = _DURATION.fullmatch(argument)
    seconds = float(match["number"]) * _SECONDS[match["unit"]] if match else 0.0
    # Less than a millisecond would reach the server as 0, which is no limit at all.
    return seconds if _SECONDS["ms"] <= seconds <= _LONGEST else None


def _read_phase(argument: str) -> Phase | None:
    return Phase(argument) if argument in set(Phase) else None


_FORMS = {
    "allow": _Form(_read_allowance, "allow: drop-column nobody reads it since March", is_repeatable=True),
    "depends": _Form(_read_dependency, "depends: users/0003", is_repeatable=True),
    "irreversible": _Form(None, "irreversible"),
    "isolate": _Form(None, "isolate"),
    "lock-timeout": _Form(_read_duration, "lock-timeout: 10s"),
    "no-transaction": _Form(None, "no-transaction"),
    "phase": _Form(_read_phase, "phase: contract"),
    "replaces": _Form(_read_range, "replaces: 0001..0007"),
    "statement-timeout": _Form(_read_duration, "statement-timeout: 5min"),
    "template-bodies": _Form(None, "template-bodies"),
}
_KNOWN = ", ".join(_FORMS)

"""Templates compiled for one schema."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from poolhouse._core.session_effects import SessionEffect, judge
from poolhouse._core.template import compile_template


class Statement(NamedTuple):
    """A template as its schema has it: the SQL, what it does to a session, the text it was written as, and for whom."""

    sql: str
    effect: SessionEffect
    text: str
    schema: str
    reads: frozenset[str]


# Longer ones, in characters, are made rather than written, and hardly one is used again; the driver keeps none either.
_LONGEST_KEPT = 16_384


def compile_statement(query: str, schema: str, reads: frozenset[str]) -> Statement:
    """Return `query` with its placeholders replaced; TemplateError says what is wrong, before any I/O."""
    return (_compile if len(query) <= _LONGEST_KEPT else _compile_long)(query, schema, reads)


def _compile_anew(query: str, schema: str, reads: frozenset[str]) -> Statement:
    template = compile_template(query)
    effect = (_effect if len(query) <= _LONGEST_KEPT else judge)(query)
    return Statement(template.render(schema, reads), effect, query, schema, reads)


# Some fifteen megabytes at most, for a thousand schemas with thirty templates each.
_compile = lru_cache(maxsize=32_768)(_compile_anew)
_compile_long = lru_cache(maxsize=16)(_compile_anew)


@lru_cache(maxsize=4_096)
def _effect(query: str) -> SessionEffect:
    # Of the template, once for all schemas: what a placeholder stands for changes nothing of it.
    return judge(query)
